import { rm, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { RetentionRules } from '#shared/retention/plan-retention.ts'
import { assertSwept, sweepAll } from '#shared/retention/sweep-all.ts'
import type { SweepDecision } from '#shared/retention/sweep-entity.ts'
import type { Store } from '#shared/store/open-store.ts'
import { storeSnapshot, storeTask } from '../../shared/store/snapshot-fixture.ts'
import { openTestStore, project6 } from '../../shared/store/store-fixture.ts'

const at = (day: number, hour = 20) => `2026-10-${String(day).padStart(2, '0')}T${hour}:00:00.000Z`

async function sweep(store: Store, given: Partial<RetentionRules> & { dryRun?: boolean; now?: string } = {}) {
  const { dryRun = false, now = at(30), ...rules } = given
  const decisions: SweepDecision[] = []
  const totals = await sweepAll(
    store,
    {
      rules: { ttlMs: 0, minBackups: 1, ...rules },
      now: new Date(now),
      dryRun,
      isActive: () => false,
      signal: new AbortController().signal,
    },
    { onDecision: (decision) => decisions.push(decision) },
  )
  const told = decisions.map(({ archive: { entity, record }, action, reasons }) => {
    return `${action} ${entity.type}-${entity.id} ${record.createdAt.slice(8, 10)}: ${reasons.join('; ')}`
  })
  return { told: told.sort(), totals }
}

/** A task that changed on three days, and a snapshot of each. */
async function storeThree() {
  const store = await openTestStore()
  const parts = []
  const snapshots = []
  for (const day of [1, 2, 3]) {
    const part = await storeTask(store, { id: 17, createdAt: at(day, 10) })
    parts.push(part)
    snapshots.push(await storeSnapshot(store, { createdAt: at(day), parts: [part] }))
  }
  return { store, parts, snapshots }
}

describe('archives of tasks', () => {
  test('stay as long as a snapshot is made of them, and go with the last one in one sweep', async () => {
    const { store } = await storeThree()
    const { told } = await sweep(store, { minBackups: 2 })
    expect(told).toEqual([
      'keep project-6 02: minimum 2 of 2',
      'keep project-6 03: newest good archive of its series; minimum 1 of 2',
      'keep task-17 02: a snapshot is made of it',
      'keep task-17 03: newest good archive of its series',
      'remove project-6 01: 696 h old, past the TTL of 0 h; 2 newer good archives',
      'remove task-17 01: made for snapshots; 696 h old, past the TTL of 0 h; 2 newer good archives'.replace(
        '696',
        '706',
      ),
    ])
    expect((await sweep(store)).told.filter((line) => line.startsWith('remove'))).toHaveLength(2)
  })

  test('a dry run tells the same, and removes nothing', async () => {
    const { store } = await storeThree()
    const dry = await sweep(store, { dryRun: true })
    expect(dry.totals).toMatchObject({ removed: 4, kept: 2 })
    expect(await sweep(store)).toEqual(dry)
  })

  test('stay for two days after they were the newest: a snapshot under way may be made of them', async () => {
    const { store } = await storeThree()
    await storeTask(store, { id: 17, createdAt: at(29, 20) })
    const { told } = await sweep(store, { now: at(30, 21) })
    expect(told).toContainEqual(
      'keep task-17 03: a snapshot is made of it; a snapshot under way may be made of it: its successor is younger than two days',
    )
  })

  test('that were backed up by themselves have the rules of retention, too', async () => {
    const { store } = await storeThree()
    await storeTask(store, { id: 17, createdAt: at(4, 10), isPart: false })
    await storeTask(store, { id: 17, createdAt: at(5, 10), isPart: false })
    await storeTask(store, { id: 17, createdAt: at(6, 10) })
    const { told } = await sweep(store, { keepLast: 2 })
    expect(told.filter((line) => line.includes('task-17'))).toEqual([
      'keep task-17 02: a snapshot is made of it',
      'keep task-17 03: a snapshot is made of it',
      'keep task-17 04: last 2 of 2',
      'keep task-17 05: minimum 1 of 1; last 1 of 2',
      'keep task-17 06: newest good archive of its series',
      expect.stringMatching(/^remove task-17 01/),
    ])
  })

  test('none goes while the record of a snapshot cannot be read, and the sweep fails and names it', async () => {
    const { store, snapshots } = await storeThree()
    await writeFile(snapshots[0]!.recordPath, 'torn')
    const { told, totals } = await sweep(store)
    expect(told.filter((line) => line.startsWith('remove task'))).toEqual([])
    expect(totals.failures).toEqual([
      { entity: 'project-6', reason: expect.stringContaining('this record of a snapshot is broken') },
    ])
    expect(() => assertSwept(totals)).toThrow('project-6')
    await rm(snapshots[0]!.recordPath)
    expect((await sweep(store)).totals.failures[0]?.reason).toContain('this snapshot has no record')
    await rm(snapshots[0]!.archivePath)
    expect((await sweep(store)).totals).toMatchObject({ failures: [], removed: 2 })
    expect((await store.listRecords(project6)).archives).toHaveLength(1)
  })

  test('of a snapshot whose file a crash has not brought to its name yet stay', async () => {
    const { store, snapshots } = await storeThree()
    await rm(snapshots[2]!.archivePath)
    await storeTask(store, { id: 17, createdAt: at(4, 10) })
    const { told } = await sweep(store)
    expect(told).toContainEqual('keep task-17 03: a snapshot is made of it')
  })
})
