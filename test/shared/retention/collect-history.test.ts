import { describe, expect, test } from 'vitest'
import { collectHistory } from '#shared/retention/collect-history.ts'
import { openTestStore, project6, serverUrl, storeArchive } from '../store/store-fixture.ts'

const hour = 3_600_000
const rules = { ttlMs: 24 * hour, minBackups: 1, timeZone: 'UTC' }
const now = new Date('2026-11-22T21:00:00.000Z')

async function storeThree() {
  const store = await openTestStore()
  for (const [index, createdAt] of ['2026-11-20T00:00', '2026-11-22T00:00', '2026-11-22T20:00'].entries()) {
    await storeArchive(store, { backupId: `b${index}`, seed: `${index}`, createdAt: `${createdAt}:00.000Z` })
  }
  return store
}

describe('until when an archive is kept', () => {
  test('is the end of its time, or as long as nothing newer comes', async () => {
    const store = await storeThree()
    const { servers } = await collectHistory(project6, store, rules, now)
    expect(servers[0]?.archives.map(({ action, keptUntil }) => [action, keptUntil])).toEqual([
      ['keep', undefined],
      ['keep', '2026-11-23T00:00:00.000Z'],
      ['remove', undefined],
    ])
  })

  test('of what was deleted is the end of that time, or for ever', async () => {
    const store = await storeThree()
    await store.writeDeletedMarker(project6, serverUrl)
    const forEver = await collectHistory(project6, store, rules, now)
    expect(forEver.servers[0]?.archives.map(({ keptUntil }) => keptUntil)).toEqual([undefined, undefined, undefined])
    const keepDeleted = { years: 0, months: 0, days: 10, hours: 0 }
    const withSpan = await collectHistory(project6, store, { ...rules, keepDeleted }, now)
    expect(withSpan.servers[0]?.archives.map(({ keptUntil }) => keptUntil)).toEqual([
      undefined,
      '2026-12-02T21:00:00.000Z',
      '2026-12-02T21:00:00.000Z',
    ])
  })
})
