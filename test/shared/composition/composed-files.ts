// Composed archives for tests: written out, and looked at by readers that know nothing of how they were made.

import { execFile } from 'node:child_process'
import { open, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ArchiveFile } from '#shared/composition/composition-plan.ts'
import type { ComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import type { ListedMember } from '../../support/list-members.ts'
import { makeTemporaryFolder } from '../store/temporary-folder.ts'

export { listMembers } from '../../support/list-members.ts'

export const fixtures = join(import.meta.dirname, '../../fixtures/archives')

/** A file of the fixtures as a plan takes it. */
export async function fixture(name: string): Promise<ArchiveFile> {
  return describeFile(join(fixtures, name))
}

export async function describeFile(archivePath: string): Promise<ArchiveFile> {
  const { size } = await stat(archivePath)
  return { archivePath, record: { archive: { sizeBytes: size } } }
}

export async function writeArchive(bytes: Uint8Array): Promise<ArchiveFile> {
  const archivePath = join(await makeTemporaryFolder(), 'archive.zip')
  await writeFile(archivePath, bytes)
  return describeFile(archivePath)
}

/** Streams it to a file of its own. */
export async function writeOut(archive: ComposedArchive): Promise<string> {
  const path = join(await makeTemporaryFolder(), 'composed.zip')
  await using file = await open(path, 'wx')
  for await (const chunk of archive.stream()) await file.write(chunk)
  return path
}

const run = promisify(execFile)

/** The same by Python's zipfile, which CVAT reads with; every member is read and held against its CRC. */
export async function listWithPython(path: string): Promise<ListedMember[]> {
  const program = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None, z.testzip()
    print(json.dumps([{"name": i.filename, "sizeBytes": i.file_size, "crc32": i.CRC} for i in z.infolist()]))
`
  const { stdout } = await run('python3', ['-c', program, path], { maxBuffer: 64 * 1024 * 1024 })
  return JSON.parse(stdout) as ListedMember[]
}

/** @throws what unzip says of a zip that it finds anything wrong with */
export async function testWithUnzip(path: string): Promise<void> {
  await run('unzip', ['-tqq', path])
}

export async function readTextMember(path: string, name: string): Promise<string> {
  await using source = await openSourceArchive(path)
  const member = await source.find(name)
  if (!member) throw new Error(`no ${name} in ${path}`)
  return (await source.readText(member, 1e9)) ?? ''
}
