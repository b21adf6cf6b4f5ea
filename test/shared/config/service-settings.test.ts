import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { downloaderSettings } from '#services/downloader/config.ts'
import { exporterSettings } from '#services/exporter/config.ts'
import { type EntityFilter, parseEntityFilter, schedulerSettings } from '#services/scheduler/config.ts'
import { clockSettings } from '#shared/config/clock.ts'
import { loadSettings } from '#shared/config/load-settings.ts'
import { sweeperSettings } from '#shared/config/retention.ts'

function loadScheduler(env: Record<string, string>) {
  return loadSettings({ scheduler: schedulerSettings }, { env }).values.scheduler
}

function loadTimeZone(env: Record<string, string>): string {
  return loadSettings({ clock: clockSettings }, { env }).values.clock.timeZone
}

test('the services have the documented defaults', () => {
  const groups = { exporter: exporterSettings, downloader: downloaderSettings, sweeper: sweeperSettings }
  expect(loadSettings(groups, { env: {} }).values).toEqual({
    exporter: { parallelExports: 2, requestTimeoutMs: 3_600_000 },
    downloader: { parallelDownloads: 3, stallTimeoutMs: 60_000, diskReserveBytes: 1_000_000_000 },
    sweeper: { ttlMs: 86_400_000, minBackups: 3 },
  })
  const { scheduleFile, ...others } = loadScheduler({})
  expect(others).toEqual({
    include: undefined,
    exclude: undefined,
    format: 'CVAT for images 1.1',
    saveImages: false,
  })
  expect(loadTimeZone({})).toBe(new Intl.DateTimeFormat().resolvedOptions().timeZone)
  expect(existsSync(join(scheduleFile, '..', 'package.json'))).toBe(true)
  expect(scheduleFile).toMatch(/\/crontab$/)
})

describe('an entity filter', () => {
  test.each<[string, Partial<EntityFilter>]>([
    ['Street *', { patterns: ['Street *'] }],
    [' a , b? ,, ', { patterns: ['a', 'b?'] }],
    ['id:12,project:13, task: 7', { projectIds: [12, 13], taskIds: [7] }],
    ['ID:12,Task:7,id:12', { projectIds: [12], taskIds: [7] }],
    ['one\\, two,three', { patterns: ['one, two', 'three'] }],
    ['a\\b', { patterns: ['a\\b'] }],
    ['ids:1,myid:2,my task:3', { patterns: ['ids:1', 'myid:2', 'my task:3'] }],
  ])('%s is parsed', (text, expected) => {
    expect(parseEntityFilter(text)).toEqual({ patterns: [], projectIds: [], taskIds: [], ...expected })
  })

  test.each(['id:', 'id:0', 'id:-1', 'id:1.5', 'task:cars', 'project:012', `id:${'9'.repeat(20)}`])(
    '%s is refused: an id is a whole number from 1',
    (text) => expect(() => loadScheduler({ CVAT_BACKUP_INCLUDE: text })).toThrow(/CVAT_BACKUP_INCLUDE.*is no id/),
  )

  test('that names nothing is refused: it would back up everything, or nothing', () => {
    expect(() => loadScheduler({ CVAT_BACKUP_EXCLUDE: ' , ,' })).toThrow(/names nothing/)
  })

  test('gives back every list of names that was written with escaped commas', () => {
    const name = fc
      .string({ minLength: 1, unit: fc.constantFrom('a', 'B', ',', '*', '?', ' ', 'ä') })
      .map((text) => text.trim())
      .filter((text) => text !== '')
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (names) => {
        const text = names.map((each) => each.replaceAll(',', '\\,')).join(',')
        expect(parseEntityFilter(text).patterns).toEqual(names)
      }),
    )
  })
})

describe('TZ', () => {
  test.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires'])('may be %s', (zone) => {
    expect(loadTimeZone({ TZ: zone })).toBe(zone)
  })

  test.each(['Mars/Olympus', '+01:00', 'CET-1CEST', ':/etc/localtime', 'Berlin'])('may not be %s', (zone) => {
    expect(() => loadTimeZone({ TZ: zone })).toThrow(/TZ .* is not the name of an IANA time zone/)
  })
})
