import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { writeManyArchives } from '../support/write-many-archives.ts'

test.each(['list --json', 'sweep --dry-run --json'])('%s prints all of a long list to a slow reader', async (words) => {
  const folder = await makeTemporaryFolder()
  const directory = join(folder, 'backups')
  await writeManyArchives(directory, { entities: 60, archivesEach: 10, serverUrl: 'http://cvat' })
  const product = join(import.meta.dirname, '../../bin/cvat-backups')
  // A shell's pipe: what Node.js makes for a child is a socket, which takes more. The reader comes when the pipe is full.
  const script = `"$0" ${words} | { sleep 2; cat; }`
  const { stdout } = await promisify(execFile)('sh', ['-c', script, product], {
    env: { PATH: process.env.PATH, HOME: folder, CVAT_BACKUP_DIR: directory },
    maxBuffer: 100_000_000,
  })
  expect(stdout.length).toBeGreaterThan(150_000)
  if (words.startsWith('list')) {
    expect(JSON.parse(stdout)).toHaveLength(600)
  } else {
    const lines = stdout.trimEnd().split('\n')
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ type: 'totals', entities: 60 })
  }
})
