// What is in a zip, or in a snapshot with all its parts, by its directory.

import { openSourceArchive } from '#shared/composition/open-source-archive.ts'

export interface ListedMember {
  readonly name: string
  readonly sizeBytes: number
  readonly crc32: number
}

/** Names, sizes and CRCs in the order of the directory, as yauzl reads it. */
export async function listMembers(path: string): Promise<ListedMember[]> {
  await using source = await openSourceArchive(path)
  const found: { at: number; member: ListedMember }[] = []
  for (const runs of source.folders.values()) {
    for await (const { name, sizeBytes, crc32, entry } of source.members(runs)) {
      found.push({ at: entry.relativeOffsetOfLocalHeader, member: { name, sizeBytes, crc32 } })
    }
  }
  return found.sort((a, b) => a.at - b.at).map(({ member }) => member)
}
