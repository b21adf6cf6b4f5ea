// Where everything of a planned archive lies: computed from the stored archives' directories, before a byte of data is read.

import { BackupError } from '#shared/errors/backup-error.ts'
import { applyEdits, describeMade, type PlannedMember } from './apply-edits.ts'
import { type CompositionPlan, type FolderPart, isMade, type MadePart } from './composition-plan.ts'
import type { Run } from './find-runs.ts'
import type { Opener } from './open-sources.ts'
import {
  directoryRow,
  isBig,
  isFar,
  localHeader,
  type MemberSums,
  measureMembers,
  measureNearRows,
} from './zip-records.ts'

export interface Placed {
  readonly part: FolderPart | MadePart
  readonly runs: readonly Run[]
  readonly sums: MemberSums
  /** Where its first local header lies. */
  readonly startsAt: number
  readonly endsAt: number
  /** Where its first row of the directory lies. */
  readonly rowsAt: number
  readonly rowsEndAt: number
}

/** @throws BackupError `no-such-member`, and what opening the archives throws */
export async function layOut(plan: CompositionPlan, openAgain: () => Opener) {
  await using opener = openAgain()
  const measured: { part: FolderPart | MadePart; runs: readonly Run[]; sums: MemberSums }[] = []
  for (const part of plan.parts) {
    const runs = isMade(part) ? [] : await findFolder(part, opener)
    measured.push({ part, runs, sums: await sumUp(part, runs, opener) })
  }
  const placed: Placed[] = []
  let at = 0
  for (const one of measured) {
    const endsAt = at + measureMembers(one.sums)
    placed.push({ ...one, startsAt: at, endsAt, rowsAt: 0, rowsEndAt: 0 })
    at = endsAt
  }
  const directoryAt = at
  const memberCount = measured.reduce((sum, { sums }) => sum + sums.count, 0)
  for (const [index, one] of placed.entries()) {
    // Where a member begins beyond two gigabytes its row is longer; which ones do is known only now.
    const rowBytes = isFar(one.endsAt) ? await measureRows(one, opener) : measureNearRows(one.sums)
    placed[index] = { ...one, rowsAt: at, rowsEndAt: at + rowBytes }
    at += rowBytes
  }
  return { placed, directoryAt, endAt: at, memberCount }
}

async function findFolder(part: FolderPart, opener: Opener): Promise<readonly Run[]> {
  const source = await opener.open(part)
  const runs = source.folders.get(part.folder)
  if (runs) return runs
  throw new BackupError(`${part.archivePath} holds no ${part.folder === '' ? 'such member' : part.folder}`, {
    code: 'no-such-member',
    retryable: false,
  })
}

/** By arithmetic over what one walk has shown; only edits make another walk necessary. */
async function sumUp(part: FolderPart | MadePart, runs: readonly Run[], opener: Opener): Promise<MemberSums> {
  const sums = { count: 0, nameBytes: 0, compressedBytes: 0, bigCount: 0 }
  if (isMade(part) || part.edits) {
    for await (const { facts } of membersOf({ part, runs }, opener)) {
      sums.count += 1
      sums.nameBytes += Buffer.byteLength(facts.name)
      sums.compressedBytes += facts.compressedBytes
      if (isBig(facts)) sums.bigCount += 1
    }
    return sums
  }
  const longer = Buffer.byteLength(part.to) - Buffer.byteLength(part.folder)
  for (const run of runs) {
    sums.count += run.count
    sums.nameBytes += run.nameBytes + longer * run.count
    sums.compressedBytes += run.compressedBytes
    sums.bigCount += run.bigCount
  }
  return sums
}

async function measureRows(one: Placed, opener: Opener): Promise<number> {
  let bytes = 0
  for await (const { facts, offset } of membersOf(one, opener)) bytes += directoryRow(facts, offset).length
  return bytes
}

export interface PlacedMember extends PlannedMember {
  /** Where its local header begins. */
  readonly offset: number
  readonly header: Buffer
}

export async function* membersOf(
  { part, runs, startsAt = 0 }: { part: FolderPart | MadePart; runs: readonly Run[]; startsAt?: number },
  opener: Opener,
): AsyncGenerator<PlacedMember> {
  let offset = startsAt
  const members = isMade(part) ? [describeMade(part)] : applyEdits((await opener.open(part)).members(runs), part)
  for await (const member of members) {
    const header = localHeader(member.facts)
    yield { ...member, offset, header }
    offset += header.length + member.facts.compressedBytes
  }
}
