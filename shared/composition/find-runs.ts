// The folders of an archive, as runs of rows in its directory.

import { MEDIA_FOLDER } from '#shared/store/digest-media.ts'
import { isBig, type MemberFacts, type MemberSums } from './zip-records.ts'

/** Members of one folder that are rows one after another in the directory: CVAT writes a task's media in one run, then the rest. */
export interface Run extends MemberSums {
  /** All of them lie below the folder's `data/`, or none does. */
  readonly isMedia: boolean
  /** Where its first row lies in the file. */
  readonly rowsAt: number
}

/** The folder that a member lies in: `task_3/` or, for all else, `''`. */
export function folderOf(name: string): string {
  return /^task_(?:0|[1-9]\d{0,8})\//.exec(name)?.[0] ?? ''
}

/** Whether the member lies below the `data/` of the task's folder that it is in. */
export function isMediaOf(folder: string, name: string): boolean {
  return name.startsWith(MEDIA_FOLDER, folder.length)
}

/** In the order in which folders begin. */
export async function findRuns(
  members: AsyncIterable<MemberFacts & { readonly rowAt: number }>,
): Promise<ReadonlyMap<string, readonly Run[]>> {
  const folders = new Map<string, Run[]>()
  let current: { folder: string; run: { -readonly [Key in keyof Run]: Run[Key] } } | undefined
  for await (const member of members) {
    const folder = folderOf(member.name)
    const isMedia = isMediaOf(folder, member.name)
    if (current?.folder !== folder || current.run.isMedia !== isMedia) {
      const run = { isMedia, rowsAt: member.rowAt, count: 0, nameBytes: 0, compressedBytes: 0, bigCount: 0 }
      current = { folder, run }
      const runs = folders.get(folder)
      if (runs) runs.push(run)
      else folders.set(folder, [run])
    }
    const { run } = current
    run.count += 1
    run.nameBytes += Buffer.byteLength(member.name)
    run.compressedBytes += member.compressedBytes
    if (isBig(member)) run.bigCount += 1
  }
  return folders
}
