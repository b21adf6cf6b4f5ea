import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openTestStore, storeArchive } from '../shared/store/store-fixture.ts'
import { runCommand } from './run-command.ts'

test('cvat-backups index writes the catalogue and says where it is', async () => {
  const store = await openTestStore()
  await storeArchive(store)
  const path = join(store.directory, '.cvat-backups/catalogue.ndjson')
  const { code, stdout, stderr } = await runCommand(store.directory, 'index')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^1 archives of 1 entities, .* are in /)
  expect(stdout).toContain(path)
  expect((await readFile(path, 'utf8')).split('\n')[1]).toContain('"entity":"project-6"')
})
