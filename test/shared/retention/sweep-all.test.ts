import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { RetentionRules } from '#shared/retention/plan-retention.ts'
import { assertSwept, sweepAll } from '#shared/retention/sweep-all.ts'
import { type SweepDecision, sweepEntity } from '#shared/retention/sweep-entity.ts'
import { timeSpan } from '#shared/retention/time-span.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { interfere } from '../store/interfere.ts'
import { openTestStore, project6, serverUrl, storeArchive } from '../store/store-fixture.ts'

const later = new Date('2026-12-24T12:00:00.000Z')
const project7: EntityRef = { type: 'project', id: 7 }
const rules: RetentionRules = { ttlMs: 0, minBackups: 1 }
const createdAt = (day: number) => `2026-11-${day}T12:00:00.000Z`

async function storeDays(store: Store, entity: EntityRef, days: readonly number[], isGood = true): Promise<void> {
  for (const day of days) {
    const backupId = `run-${day}.${entity.type}-${entity.id}.backup`
    await storeArchive(store, { entity, createdAt: createdAt(day), backupId, seed: backupId, isGood })
  }
}

async function daysOf(store: Store, entity: EntityRef): Promise<number[]> {
  const { archives } = await store.listRecords(entity)
  return archives.map(({ record }) => new Date(record.createdAt).getUTCDate())
}

function sweep(store: Parameters<typeof sweepAll>[0], given: Partial<RetentionRules> = {}, dryRun = false) {
  const decisions: SweepDecision[] = []
  const { signal } = new AbortController()
  const options = { rules: { ...rules, ...given }, now: later, dryRun, isActive: () => false, signal }
  return sweepAll(store, options, { onDecision: (decision) => decisions.push(decision) }).then((totals) => ({
    totals,
    decisions,
  }))
}

describe('a sweep of all', () => {
  test('leaves of every entity what the rules keep, and tells what went', async () => {
    const store = await openTestStore()
    await storeDays(store, project6, [11, 12, 13])
    await storeDays(store, project7, [20, 21])
    const { totals } = await sweep(store, { keepLast: 2 })
    expect(await daysOf(store, project6)).toEqual([13, 12])
    expect(await daysOf(store, project7)).toEqual([21, 20])
    expect(totals).toMatchObject({ entities: 2, kept: 4, removed: 1, failures: [] })
    expect(totals.removedBytes).toBeGreaterThan(0)
  })

  test('that is dry decides the same and removes nothing', async () => {
    const store = await openTestStore()
    await storeDays(store, project6, [11, 12, 13])
    const dry = await sweep(store, {}, true)
    expect(await daysOf(store, project6)).toEqual([13, 12, 11])
    const real = await sweep(store)
    const tell = ({ archive, action, reasons }: SweepDecision) => [archive.archivePath, action, ...reasons]
    expect(real.decisions.map(tell)).toEqual(dry.decisions.map(tell))
    expect(await daysOf(store, project6)).toEqual([13])
  })

  test('never removes the newest verified archive of anything, whatever newer ones with problems there are', async () => {
    const store = await openTestStore()
    await storeDays(store, project6, [11, 12])
    await storeDays(store, project6, [13, 14], false)
    await sweep(store)
    expect(await daysOf(store, project6)).toEqual([14, 12])
  })

  test('goes on behind a folder that fails, names it, and fails in the end', async () => {
    const store = await openTestStore()
    await storeDays(store, project6, [11, 12])
    await storeDays(store, project7, [11, 12])
    const broken: Parameters<typeof sweepAll>[0] = {
      ...store,
      async removeArchive(archive) {
        if (archive.entity.id === 6) throw new BackupError('no permission', { code: 'disk-error', retryable: true })
        await store.removeArchive(archive)
      },
    }
    const { totals } = await sweep(broken)
    expect(totals).toMatchObject({ removed: 1, failures: [{ entity: 'project-6' }] })
    expect(() => assertSwept(totals)).toThrow(/project-6: .*no permission/)
    expect(await daysOf(store, project7)).toEqual([12])
  })
})

describe('an entity that was deleted on its server', () => {
  test('keeps all its archives for as long as is set, and its newest for ever', async () => {
    const store = await openTestStore()
    await storeDays(store, project6, [11, 12, 13])
    await storeDays(store, project7, [11, 12, 13])
    await store.writeDeletedMarker(project6, serverUrl)
    await sweep(store)
    expect([await daysOf(store, project6), await daysOf(store, project7)]).toEqual([[13, 12, 11], [13]])
    // The marker is of 2026-11-22, the sweep of 2026-12-24.
    await sweep(store, { keepDeleted: timeSpan().parse('40d') })
    expect(await daysOf(store, project6)).toEqual([13, 12, 11])
    await sweep(store, { keepDeleted: timeSpan().parse('1m') })
    expect(await daysOf(store, project6)).toEqual([13])
  })

  test('on one server is swept as ever on another', async () => {
    const store = await openTestStore()
    await storeDays(store, project6, [11, 12, 13])
    await store.writeDeletedMarker(project6, 'https://other.example.org')
    await sweep(store)
    expect(await daysOf(store, project6)).toEqual([13])
  })
})

test('a sweep after one download touches the folder of that entity only', async () => {
  const store = await openTestStore()
  await storeDays(store, project6, [11, 12, 13])
  await storeDays(store, project7, [20, 21])
  const paths: string[] = []
  const files = interfere(({ path }) => void paths.push(path))
  const { signal } = new AbortController()
  const options = { rules, now: later, dryRun: false, isActive: () => false, signal }
  const removed: string[] = []
  for await (const { action } of sweepEntity(project6, openStore({ directory: store.directory, files }), options)) {
    if (action === 'remove') removed.push(action)
  }
  expect(removed).toHaveLength(2)
  expect(await daysOf(store, project7)).toEqual([21, 20])
  const own = join(store.directory, 'project-6')
  expect(paths.length).toBeGreaterThan(0)
  expect(paths.filter((path) => path !== own && !path.startsWith(`${own}/`))).toEqual([])
})
