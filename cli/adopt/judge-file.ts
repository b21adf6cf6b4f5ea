// Whose archive a file is, by its name, its content and what the server says.

import type { ArchiveIdentity } from '#shared/store/adopt-identity.ts'
import type { Inspection } from '#shared/store/inspection.ts'
import type { Finder, FoundEntity } from './find-candidates.ts'
import { type Candidate, judgeAnnotations, judgeBackup, wereThere } from './judge-candidates.ts'
import { mayBeLabelOf, type OriginalName } from './parse-original-name.ts'

/** Annotations have the id in their name, backups the name in their content. */
export async function findCandidates(
  parsed: OriginalName,
  identity: ArchiveIdentity | undefined,
  finder: Finder,
): Promise<readonly FoundEntity[]> {
  if (parsed.kind === 'annotations') return finder.findById({ type: parsed.type, id: parsed.id })
  return identity?.name === undefined ? [] : finder.findByName(parsed.type, identity.name)
}

/** The one, or why it cannot be told. Asks for the tasks of entities that may be it. */
export async function judgeFile(
  parsed: OriginalName,
  identity: ArchiveIdentity | undefined,
  found: readonly FoundEntity[],
  inspection: Inspection,
): Promise<FoundEntity | { readonly reason: string }> {
  const { type, changedAt } = parsed
  if (parsed.kind === 'annotations') {
    const [only] = found
    if (!only) return { reason: `the server has no ${type} ${parsed.id}, or not for this login to see` }
    if (wereThere([{ ...only, updatedDate: changedAt }], changedAt).length === 0) {
      return { reason: `${type} ${only.id} on the server was created after this` }
    }
    const judged = judgeAnnotations(only, identity)
    return 'reason' in judged ? judged : only
  }
  const name = identity?.name
  if (name === undefined) return { reason: `does not tell its ${type}'s name` }
  if (!mayBeLabelOf(parsed.label, name))
    return { reason: `is named for another ${type} than the one in it, ${quote(name)}` }
  if (found.length === 0)
    return { reason: `no ${type} on the server is called ${quote(name)}: deleted, renamed, or hidden` }
  const there = wereThere(found, changedAt)
  if (there.length === 0) {
    const ids = found.map(({ id }) => id).join(', ')
    return {
      reason: `what is called ${quote(name)} on the server (${ids}) is younger, or has not changed since before`,
    }
  }
  const archived = inspection.members.perTask.map((task) => ({ name: task.name, frames: task.frames }))
  const judged = judgeBackup(await Promise.all(there.map(describeCandidate)), { changedAt, tasks: archived })
  if ('reason' in judged) return { reason: `${judged.reason} (${type}s called ${quote(name)})` }
  return there.find(({ id }) => id === judged.id)!
}

async function describeCandidate(found: FoundEntity): Promise<Candidate> {
  return { ...found, tasks: await found.readTasks() }
}

function quote(name: string): string {
  return JSON.stringify(name)
}
