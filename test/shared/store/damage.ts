// What time and people do to stored archives.

import { readFile, truncate, writeFile } from 'node:fs/promises'

/** Turns over the bits of one byte. */
export async function flipByte(path: string, position: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[position]! ^= 0xff
  await writeFile(path, bytes)
}

/** Where a text begins, e.g. a member's data. */
export async function findText(path: string, text: string): Promise<number> {
  const position = (await readFile(path)).indexOf(text)
  if (position < 0) throw new Error(`${text} is not in ${path}`)
  return position
}

/** The first row of the zip's directory. */
export async function findDirectory(path: string): Promise<number> {
  const bytes = await readFile(path)
  return bytes.readUInt32LE(bytes.length - 22 + 16)
}

export async function cutOff(path: string, bytes: number): Promise<void> {
  const { length } = await readFile(path)
  await truncate(path, length - bytes)
}

/** Changes a record by hand: fields are replaced, and in those of `verification` too. */
export async function editRecord(
  path: string,
  { verification, ...others }: Record<string, unknown> & { readonly verification?: object },
): Promise<void> {
  const before = JSON.parse(await readFile(path, 'utf8')) as { verification: object }
  const record = { ...before, ...others, verification: { ...before.verification, ...verification } }
  await writeFile(path, JSON.stringify(record, null, 2))
}
