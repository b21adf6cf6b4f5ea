// An archive of a task without its media: what of it is new when the media are those of another archive.

import type { FileHandle } from 'node:fs/promises'
import type { Run } from './find-runs.ts'
import type { SourceArchive, SourceMember } from './source-archive.ts'
import { openZipWriter } from './write-zip.ts'
import { ZIP64_LIMIT } from './zip-records.ts'

/** An archive of a task as CVAT writes it: media in one run, then all the rest in another. */
export interface TaskRuns {
  readonly media: Run
  readonly rest: Run
}

/** Undefined for an archive of any other shape: that is not taken apart. */
export function findTaskRuns({ folders }: Pick<SourceArchive, 'folders'>): TaskRuns | undefined {
  const [media, rest, more] = folders.get('') ?? []
  const isAsExpected = folders.size === 1 && media?.isMedia && rest && !rest.isMedia && !more
  return isAsExpected ? { media, rest } : undefined
}

/** Whether both runs have the same members in the same order, by what directories tell: name, size and CRC-32. */
export async function haveSameMembers(
  a: { readonly source: SourceArchive; readonly run: Run },
  b: { readonly source: SourceArchive; readonly run: Run },
): Promise<boolean> {
  if (a.run.count !== b.run.count) return false
  const others = b.source.members([b.run])
  for await (const member of a.source.members([a.run])) {
    const other = await others.next()
    if (other.done || !isSame(member, other.value)) return false
  }
  return true
}

/** Whether all members of the run can be written anew: uncompressed, as CVAT writes them, and none too large. */
export async function canBeWritten(source: SourceArchive, run: Run): Promise<boolean> {
  for await (const { method, sizeBytes } of source.members([run])) {
    if (method !== 0 || sizeBytes > ZIP64_LIMIT) return false
  }
  return true
}

/**
 * Writes the members of the run as a zip of their own, in their order and with fixed time stamps: the same members are the same
 * bytes. The caller brings the file to the disk, closes it and reads it back.
 *
 * @param file empty, open for writing
 */
export async function writeRun(source: SourceArchive, run: Run, file: FileHandle): Promise<void> {
  const zip = openZipWriter(file)
  const written = []
  for await (const member of source.members([run])) {
    written.push(await zip.addMember(member.name, source.readRaw(member)))
  }
  await zip.finish(written)
}

function isSame(a: SourceMember, b: SourceMember): boolean {
  return a.name === b.name && a.sizeBytes === b.sizeBytes && a.crc32 === b.crc32
}
