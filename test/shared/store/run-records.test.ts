import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { RunRecord } from '#shared/store/run-records.ts'
import { openTestStore } from './store-fixture.ts'

const run = (runId: string, startedAt: string, more: object = {}): RunRecord => ({
  formatVersion: 1,
  type: 'run',
  runId,
  startedAt,
  ...more,
})

describe('summaries of runs', () => {
  test('are read newest first, as many as asked for, with every field', async () => {
    const store = await openTestStore()
    await store.writeRunRecord(run('b', '2026-11-20T00:00:00.000Z', { failures: [{ reason: 'disk-full' }] }))
    await store.writeRunRecord(run('a', '2026-11-22T00:00:00.000Z'))
    await store.writeRunRecord(run('c', '2026-11-21T00:00:00.000Z'))
    expect((await store.readRunRecords()).map(({ runId }) => runId)).toEqual(['a', 'c', 'b'])
    expect(await store.readRunRecords({ limit: 1 })).toHaveLength(1)
    expect((await store.readRunRecords()).at(-1)).toMatchObject({ failures: [{ reason: 'disk-full' }] })
  })

  test('can be written again', async () => {
    const store = await openTestStore()
    await store.writeRunRecord(run('a', '2026-11-22T00:00:00.000Z', { failed: 1 }))
    await store.writeRunRecord(run('a', '2026-11-22T00:00:00.000Z', { failed: 0 }))
    expect(await store.readRunRecords()).toEqual([run('a', '2026-11-22T00:00:00.000Z', { failed: 0 })])
    expect(await readdir(join(store.directory, '.cvat-backups/partial'))).toEqual([])
  })

  test('that are none are passed over', async () => {
    const store = await openTestStore()
    const runs = join(store.directory, '.cvat-backups/runs')
    await writeFile(join(runs, 'torn.json'), '{"formatVersion":1,')
    await writeFile(join(runs, 'copy.json'), JSON.stringify(run('a', '2026-11-22T00:00:00.000Z')))
    await writeFile(join(runs, 'notes.txt'), 'mine')
    expect(await store.readRunRecords()).toEqual([])
  })

  test.each(['../../escape', 'a/b', '', 'ä'])('refuse the id %j', async (runId) => {
    const store = await openTestStore()
    await expect(store.writeRunRecord(run(runId, '2026-11-22T00:00:00.000Z'))).rejects.toThrow()
    expect(await readdir(store.directory)).toEqual(['.cvat-backups'])
  })
})
