// The file operations the store uses, as one object, so that a test can count them, fail them or die between two of them.

import * as fs from 'node:fs/promises'

export type FileOperations = Pick<
  typeof fs,
  'open' | 'rename' | 'unlink' | 'mkdir' | 'rmdir' | 'lstat' | 'stat' | 'statfs' | 'readdir' | 'opendir'
> & {
  /**
   * A small file in one go, for who has nothing else to do meanwhile: its text, or undefined inside where it is longer than
   * `maxBytes`. Absent, or undefined: not now, by the operations above. Throws as `open` and `read` do.
   */
  readonly readAtOnce?: (path: string, maxBytes: number) => { readonly text: string | undefined } | undefined
}

export const realFiles: FileOperations = fs

/** The size of a regular file in bytes; undefined when nothing of that name exists. Never follows a link. */
export async function findFileSize(files: FileOperations, path: string): Promise<number | undefined> {
  const stats = await lstatIfExists(files, path)
  return stats?.isFile() ? stats.size : undefined
}

/** Whether anything at all has this name: a file, a folder, a dangling link. */
export async function isNameTaken(files: FileOperations, path: string): Promise<boolean> {
  return (await lstatIfExists(files, path)) !== undefined
}

/** Removes a file; one that is gone already counts as removed. */
export async function unlinkIfExists(files: FileOperations, path: string): Promise<void> {
  try {
    await files.unlink(path)
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error
  }
}

export function hasErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

async function lstatIfExists(files: FileOperations, path: string) {
  try {
    return await files.lstat(path)
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined
    throw error
  }
}
