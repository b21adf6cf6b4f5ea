// Reads a small JSON file with a bound on its size, so that a foreign giant under a familiar name does no harm.

import type { FileOperations } from './file-operations.ts'

/** A record of a project with a hundred thousand tasks stays below this. */
const MAX_JSON_BYTES = 64 * 1024 * 1024

/** The parsed value; undefined when the file is no JSON or far too large. File faults are thrown as they come. */
export async function readJson(files: FileOperations, path: string): Promise<unknown> {
  const handle = await files.open(path, 'r')
  try {
    const { size } = await handle.stat()
    if (size > MAX_JSON_BYTES) return undefined
    return parse(await handle.readFile('utf8'))
  } finally {
    await handle.close()
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
