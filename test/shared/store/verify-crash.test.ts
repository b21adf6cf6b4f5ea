import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore } from '#shared/store/open-store.ts'
import { flipByte } from './damage.ts'
import { now, openTestStore, project6, storeArchive } from './store-fixture.ts'

async function survives(directory: string, step: number): Promise<boolean> {
  const script = join(import.meta.dirname, 'verify-crash-child.ts')
  const child = spawn(process.execPath, [script, directory, String(step)], { stdio: 'inherit' })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (signal !== 'SIGKILL') expect(code).toBe(0)
  return signal !== 'SIGKILL'
}

test('a process that is killed while it rewrites a record leaves the old record or the new one', {
  timeout: 120_000,
}, async () => {
  const seen: string[] = []
  for (let step = 1; ; step += 1) {
    const store = await openTestStore()
    const archive = await storeArchive(store)
    await flipByte(archive.archivePath, 100)
    const bytes = await readFile(archive.archivePath)
    const before = JSON.parse(await readFile(archive.recordPath, 'utf8'))
    const survived = await survives(store.directory, step)
    const { archives, unrecognised } = await store.listRecords(project6)
    expect(unrecognised).toEqual([])
    const { verification, ...others } = archives[0]!.record
    expect({ ...others, verification: before.verification }).toEqual(before)
    expect(await readFile(archive.archivePath)).toEqual(bytes)
    const isNew = verification.problems.length > 0
    expect(verification.checkedAt === before.verification.checkedAt).toBe(!isNew)
    seen.push(isNew ? 'new' : 'old')
    // What was being written is removed by a later sweep.
    const later = openStore({ directory: store.directory, now: () => new Date(now.getTime() + 48 * 3600_000) })
    await later.recover({ isActive: () => false })
    expect(await later.removeStalePartials({ isActive: () => false })).toBe(0)
    if (survived) break
  }
  expect(seen.length).toBeGreaterThan(8)
  expect(seen.join(' ')).toMatch(/^(old )+(new )+new$/)
})
