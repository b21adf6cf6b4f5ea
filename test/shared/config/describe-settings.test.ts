import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeSettings, formatSettingRows } from '#shared/config/describe-settings.ts'
import { loadSettings } from '#shared/config/load-settings.ts'
import { allSettingGroups } from '../../../cli/setting-groups.ts'

let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'described-'))
  writeFileSync(join(folder, 'token'), 'token-secret\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

function describeAll() {
  const env = {
    CVAT_URL: 'https://cvat.example.com',
    CVAT_USERNAME: 'backup',
    CVAT_PASSWORD: 'password-secret',
    CVAT_ACCESS_TOKEN_FILE: join(folder, 'token'),
    CVAT_BACKUP_TTL_HOURS: '48',
    REDIS_URL: 'redis://user:url-secret@redis:6379/0',
    REDIS_PASSWORD: 'redis-secret',
  }
  return describeSettings(loadSettings(allSettingGroups, { env, origins: { CVAT_URL: '.env' } }))
}

test('every setting has a row with its value and source', () => {
  const rows = describeAll()
  expect(rows).toEqual(
    expect.arrayContaining([
      { name: 'CVAT_URL', value: 'https://cvat.example.com', source: '.env' },
      { name: 'CVAT_PASSWORD', value: '***', source: 'environment' },
      { name: 'CVAT_ACCESS_TOKEN', value: '***', source: `file ${join(folder, 'token')} (CVAT_ACCESS_TOKEN_FILE)` },
      { name: 'CVAT_ORGANIZATION', value: null, source: 'default' },
      { name: 'CVAT_BACKUP_TTL', value: '48', source: 'environment (CVAT_BACKUP_TTL_HOURS)' },
      { name: 'CVAT_MIN_NUM_BACKUPS', value: '3', source: 'default' },
      { name: 'REDIS_URL', value: 'redis://user:***@redis:6379/0', source: 'environment' },
    ]),
  )
  const names = Object.values(allSettingGroups).flatMap(({ settings }) =>
    Object.values(settings).map(({ name }) => name),
  )
  expect(rows.map(({ name }) => name)).toEqual(names)
})

test('neither table nor JSON holds a secret', () => {
  const rows = describeAll()
  for (const format of ['table', 'json'] as const) {
    expect(formatSettingRows(rows, format)).not.toContain('-secret')
  }
})

test('the table has aligned columns, the JSON all rows', () => {
  const rows = describeAll()
  const lines = formatSettingRows(rows, 'table').trimEnd().split('\n')
  expect(lines).toHaveLength(rows.length + 1)
  const column = lines[0]!.indexOf('SOURCE')
  for (const [index, row] of rows.entries()) expect(lines[index + 1]!.slice(column)).toBe(row.source)
  expect(JSON.parse(formatSettingRows(rows, 'json'))).toEqual(rows)
})
