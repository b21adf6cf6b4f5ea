// Reads a small JSON file with a bound on its size, so that a foreign giant under a familiar name does no harm.

import { type FileOperations, hasErrno } from './file-operations.ts'

/** A record of a project with a hundred thousand tasks stays below this. */
const MAX_JSON_BYTES = 64 * 1024 * 1024

/** The parsed value; undefined when the file is no JSON or far too large. File faults are thrown as they come. */
export async function readJson(files: Pick<FileOperations, 'open' | 'readAtOnce'>, path: string): Promise<unknown> {
  const atOnce = files.readAtOnce?.(path, MAX_JSON_BYTES)
  if (atOnce) return atOnce.text === undefined ? undefined : parse(atOnce.text)
  const handle = await files.open(path, 'r')
  try {
    const { size } = await handle.stat()
    if (size > MAX_JSON_BYTES) return undefined
    return parse(await handle.readFile('utf8'))
  } finally {
    await handle.close()
  }
}

/** In place of the value of a file that is not there. No schema takes it. */
export const absent = Symbol('absent')

/** Like readJson, for a file that may be gone, or go at any moment. */
export async function readJsonIfThere(files: Pick<FileOperations, 'open'>, path: string): Promise<unknown> {
  try {
    return await readJson(files, path)
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return absent
    throw error
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
