import { expect, test } from 'vitest'
import { openProtectionTable, type ProtectionTable, type Sighting } from '#shared/protection/protection-table.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'

const redis = useRedis()
expectNoLeaks()

const signal = new AbortController().signal
const archive = { createdAtMs: 1_700_000_000_000, sizeBytes: 50_123_456_789, level: 'fresh' }

function project(id: number, found: Sighting['found'] = 'due', more: Partial<Sighting> = {}): Sighting {
  return {
    series: { entity: { type: 'project', id }, content: { kind: 'backup' } },
    name: `project ${id}`,
    organization: null,
    link: `http://cvat/projects/${id}`,
    found,
    ...more,
  }
}

async function open() {
  const connection = await redis.connect()
  return { table: openProtectionTable(connection), connection }
}

async function read(table: ProtectionTable) {
  const rows = await Array.fromAsync(table.rows())
  return rows.sort((a, b) => a.key.localeCompare(b.key))
}

test('a row says what the listing has found', async () => {
  const { table } = await open()
  const before = Date.now()
  await table.noteListed('p', 5, [
    project(1, 'protected', { archive, organization: 'robotics', name: 'Straße "1" \u{1f697}' }),
  ])
  const [row] = await read(table)
  expect(row).toEqual({
    key: 'project-1.backup',
    entity: { type: 'project', id: 1 },
    content: { kind: 'backup' },
    name: 'Straße "1" \u{1f697}',
    organization: 'robotics',
    link: 'http://cvat/projects/1',
    listedAtMs: { p: 5 },
    isEmpty: false,
    protectedAtMs: expect.any(Number),
    archive,
    failure: undefined,
  })
  expect(row!.protectedAtMs).toBeGreaterThanOrEqual(before)
})

test('an entity that needs a backup was protected when its archive was made, and not since', async () => {
  const { table } = await open()
  await table.noteListed('p', 5, [project(1, 'due', { archive }), project(2)])
  expect(await read(table)).toMatchObject([
    { protectedAtMs: archive.createdAtMs, archive },
    { protectedAtMs: undefined, archive: undefined },
  ])
})

test('a failure stays until a success, whatever their times', async () => {
  const { table } = await open()
  await table.noteListed('p', 5, [project(1, 'due', { archive })])
  await table.noteAttempt('project-1.backup', { result: 'failed', code: 'export-failed', reason: 'no' })
  expect(await read(table)).toMatchObject([{ failure: { code: 'export-failed', reason: 'no' }, archive }])
  const newer = { createdAtMs: archive.createdAtMs + 1, sizeBytes: 7, level: 'complete' }
  await table.noteAttempt('project-1.backup', { result: 'done', archive: newer })
  expect(await read(table)).toMatchObject([{ failure: undefined, archive: newer, protectedAtMs: newer.createdAtMs }])
})

test('noting twice and in the wrong order changes nothing: times only grow', async () => {
  const { table } = await open()
  const newer = { createdAtMs: archive.createdAtMs + 9, sizeBytes: 7, level: 'fresh' }
  await table.noteListed('p', 9, [project(1)])
  for (let i = 0; i < 2; i++) await table.noteAttempt('project-1.backup', { result: 'done', archive: newer })
  await table.noteListed('p', 5, [project(1)])
  expect(await read(table)).toMatchObject([
    { listedAtMs: { p: 9 }, protectedAtMs: newer.createdAtMs, archive: { createdAtMs: newer.createdAtMs } },
  ])
})

test('how something ended that no listing has shown makes no row', async () => {
  const { table } = await open()
  await table.noteAttempt('project-1.backup', { result: 'failed', code: 'not-found', reason: 'gone' })
  expect(await read(table)).toEqual([])
})

test('what a whole listing no longer shows goes, unless another mode lists it', async () => {
  const { table } = await open()
  await table.noteListed('p', 5, [project(1), project(2), project(3)])
  await table.noteListed('t', 6, [project(2)])
  await table.noteListed('p', 7, [project(1)])
  await table.endListing('p', 7, signal)
  expect(await read(table)).toMatchObject([
    { key: 'project-1.backup', listedAtMs: { p: 7 } },
    { key: 'project-2.backup', listedAtMs: { t: 6 } },
  ])
  expect((await table.readAccount()).wholeListings).toEqual({ p: 7 })
  await table.endListing('t', 8, signal)
  expect((await read(table)).map(({ key }) => key)).toEqual(['project-1.backup'])
})

test('a listing that began earlier takes nothing away that a later one has seen', async () => {
  const { table } = await open()
  await table.noteListed('p', 9, [project(1)])
  await table.endListing('p', 5, signal)
  expect(await read(table)).toHaveLength(1)
})

test('thousands of rows are read and cleared in parts', async () => {
  const { table } = await open()
  for (let from = 0; from < 3_000; from += 500) {
    await table.noteListed(
      'p',
      1,
      Array.from({ length: 500 }, (_, i) => project(from + i + 1, 'protected')),
    )
  }
  expect(new Set((await read(table)).map(({ key }) => key)).size).toBe(3_000)
  await table.noteListed('p', 2, [project(7, 'protected')])
  await table.endListing('p', 2, signal)
  expect((await read(table)).map(({ key }) => key)).toEqual(['project-7.backup'])
})

test('what somebody else has written into Redis is passed over', async () => {
  const { table, connection } = await open()
  await table.noteListed('p', 5, [project(1)])
  const key = `${connection.prefix}:protection`
  await connection.redis.hset(key, {
    'project-2.backup': '{"a"',
    'project-3.backup': '{"name":3}',
    '../x.backup': '{}',
  })
  expect((await read(table)).map((row) => row.key)).toEqual(['project-1.backup'])
  await connection.redis.hset(`${connection.prefix}:protection:account`, { schedules: '[{]', 'listed p': 'soon' })
  expect(await table.readAccount()).toEqual({ wholeListings: {}, schedules: [], timeZone: 'UTC' })
})

test('the account keeps the schedule for whoever judges', async () => {
  const { table } = await open()
  const schedules = [{ mode: 'p' as const, cron: '0 0 * * *' }]
  await table.noteSchedules(schedules, 'Europe/Berlin')
  expect(await table.readAccount()).toEqual({ wholeListings: {}, schedules, timeZone: 'Europe/Berlin' })
})
