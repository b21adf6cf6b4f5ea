// The one file of a multipart/form-data body, written to the disk as it comes in.

import { open } from 'node:fs/promises'

const headEnd = Buffer.from('\r\n\r\n')

/**
 * Writes the content of the form's field of that name to the path. Resolves to false, with an empty file, when the form
 * has no such field. Forms with files only are read: other fields are passed over like files of other names.
 */
export async function receiveFormFile(
  bytes: AsyncIterable<Buffer>,
  contentType: string,
  fieldName: string,
  path: string,
): Promise<boolean> {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1] ?? ''
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  const file = await open(path, 'w')
  // The first delimiter has no line before it.
  let held: Buffer = Buffer.from('\r\n')
  let state: 'head' | 'wanted' | 'other' = 'other'
  let isFound = false
  try {
    for await (const piece of bytes) {
      held = Buffer.concat([held, piece])
      for (let goesOn = true; goesOn; ) goesOn = await step()
    }
    return isFound
  } finally {
    await file.close()
  }

  async function step(): Promise<boolean> {
    if (state === 'head') {
      const end = held.indexOf(headEnd)
      if (end < 0) return false
      const name = /name="([^"]*)"/.exec(held.subarray(0, end).toString('latin1'))?.[1]
      held = held.subarray(end + headEnd.length)
      state = name === fieldName ? 'wanted' : 'other'
      isFound ||= state === 'wanted'
      return true
    }
    const end = held.indexOf(delimiter)
    // What may be the beginning of a delimiter waits for the next piece.
    const ready = end >= 0 ? end : Math.max(0, held.length - delimiter.length)
    if (state === 'wanted' && ready > 0) await file.write(held, 0, ready)
    held = held.subarray(end >= 0 ? end + delimiter.length : ready)
    if (end >= 0) state = 'head'
    return end >= 0
  }
}
