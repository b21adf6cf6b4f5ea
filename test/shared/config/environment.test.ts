import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigurationError } from '#shared/config/configuration-error.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { loadSettings } from '#shared/config/load-settings.ts'
import { sweeperSettings } from '#shared/config/retention.ts'
import { storeSettings } from '#shared/config/store.ts'

let cwd = ''

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'environment-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

test('without a .env file the environment is what it is', () => {
  const { env, origins } = readEnvironment({ cwd, env: { A: '1', B: undefined } })
  expect(env).toEqual({ A: '1' })
  expect(origins).toEqual({ A: 'environment' })
})

test('the real environment wins over the .env file, and each variable knows its origin', () => {
  writeFileSync(join(cwd, '.env'), '\uFEFFA=file\r\nexport B="two words" # comment\nC=\'it#s\'\n')
  const { env, origins } = readEnvironment({ cwd, env: { A: 'real' } })
  expect(env).toEqual({ A: 'real', B: 'two words', C: 'it#s' })
  expect(origins).toEqual({ A: 'environment', B: '.env', C: '.env' })
})

test('an empty variable of the real environment takes a setting of the .env file back', () => {
  writeFileSync(join(cwd, '.env'), 'CVAT_BACKUP_TTL=48\nCVAT_BACKUP_DIR=/mnt/archives\n')
  const read = readEnvironment({ cwd, env: { CVAT_BACKUP_TTL: '' } })
  const { values, sources } = loadSettings({ sweeper: sweeperSettings, store: storeSettings }, read)
  expect(values.sweeper.ttlMs).toBe(24 * 3_600_000)
  expect(values.store.backupDir).toBe('/mnt/archives')
  expect(sources).toMatchObject({ CVAT_BACKUP_TTL: 'default', CVAT_BACKUP_DIR: '.env' })
})

test('a .env file that cannot be read is a fault', () => {
  mkdirSync(join(cwd, '.env'))
  expect(() => readEnvironment({ cwd, env: {} })).toThrow(ConfigurationError)
  expect(() => readEnvironment({ cwd, env: {} })).toThrow(/EISDIR/)
})
