// Which archive of a project or task a restore takes, with the reason. Pure.

import { needsComposition, planProjectComposition } from '#shared/composition/plan-project-composition.ts'
import { isGood } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'

export interface Choice {
  readonly archive: StoredArchive | undefined
  /** Why this one, or why none. */
  readonly reason: string
}

/**
 * The newest that makes a whole project or task: one that is good, or one that becomes whole with own archives of its
 * tasks. Archives with gaps are taken only when they are named.
 *
 * @param archives of one entity and server, newest first; those of other kinds than `backup` are passed over
 * @param taskArchives of the tasks of a project
 */
export function chooseArchive(
  archives: readonly StoredArchive[],
  taskArchives: readonly StoredArchive[],
  notAfter: Date | undefined,
): Choice {
  const until = notAfter?.toISOString()
  const backups = archives.filter(({ record }) => record.series.content.kind === 'backup')
  const early = backups.filter(({ record }) => until === undefined || record.createdAt <= until)
  const reasons: string[] = []
  for (const archive of early) {
    const { record } = archive
    if (isGood(record)) {
      const passed = reasons.length === 0 ? 'the newest' : `the newest that is whole (${reasons[0]})`
      return { archive, reason: passed }
    }
    const fault = record.verification.problems[0]?.message ?? `checked as ${record.verification.level} only`
    if (!needsComposition(record)) {
      reasons.push(`${record.archive.fileName}: ${fault}`)
      continue
    }
    const composition = planProjectComposition(archive, taskArchives, { notAfter: until })
    if (composition.isWhole && composition.plan) {
      return { archive, reason: 'the newest, with own archives of its tasks' }
    }
    const wanting = composition.unusable ?? composition.wanting[0]?.reason ?? fault
    reasons.push(`${record.archive.fileName}: ${wanting}`)
  }
  return { archive: undefined, reason: describeNone(archives, early, reasons, until) }
}

function describeNone(
  archives: readonly StoredArchive[],
  early: readonly StoredArchive[],
  reasons: readonly string[],
  until: string | undefined,
): string {
  if (reasons.length > 0) return `no archive is whole: ${reasons.slice(0, 3).join('; ')}`
  if (archives.length === 0) return 'there is no archive'
  if (early.length === 0 && until !== undefined) return `there is no backup from ${until} or before`
  return 'there are only annotation exports, of which CVAT makes nothing new'
}
