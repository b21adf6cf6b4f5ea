// What a drill has put onto the server for some minutes is nobody's work: no run backs it up.

import type { Store } from '#shared/store/open-store.ts'
import type { Subject } from './subject.ts'

type DrillStore = Pick<Store, 'listOpenDrills' | 'listRestoreStates' | 'readDrillReports'>

/** A drill may have ended between the listing and now. */
const REPORTS = 20

/**
 * Goes by the drills' own journal, not by the look of a name: whatever merely looks like scratch is backed up. Where no
 * name looks like it, nothing is read.
 */
export async function leaveOutScratch(subjects: readonly Subject[], store: DrillStore): Promise<Subject[]> {
  if (!subjects.some((subject) => findMark(subject))) return [...subjects]
  const marks = await readMarks(store)
  return subjects.filter((subject) => !marks.has(findMark(subject) ?? ''))
}

/** Tasks of a marked project have names of their own. */
function findMark({ name, project }: Pick<Subject, 'name' | 'project'>): string | undefined {
  return [name, project?.name ?? ''].map((one) => /\[drill ([0-9a-f]{12})\]$/.exec(one)?.[1]).find(Boolean)
}

async function readMarks(store: DrillStore): Promise<Set<string>> {
  const marks = new Set<string>()
  for (const drillId of await store.listOpenDrills()) {
    for await (const { mark } of store.listRestoreStates(drillId)) marks.add(mark)
  }
  for await (const { archives } of store.readDrillReports(REPORTS)) {
    for (const { mark } of archives) if (mark !== undefined) marks.add(mark)
  }
  return marks
}
