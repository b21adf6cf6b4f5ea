import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { loadSettings } from '#shared/config/load-settings.ts'
import type { Setting, SettingGroup, Settings } from '#shared/config/setting.ts'
import { allSettingGroups } from '../../../cli/setting-groups.ts'
import { renderDocument, renderExample } from '../../../scripts/generate-configuration-doc.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const script = join(root, 'scripts', 'generate-configuration-doc.ts')
const groups = Object.values(allSettingGroups) as SettingGroup<Settings>[]
const settings = groups.flatMap((group) => Object.values(group.settings))
const login = { CVAT_URL: 'https://cvat.example.com', CVAT_ACCESS_TOKEN: 'token' }

describe('docs/configuration.md and .env.example', () => {
  test('are in step with the settings', () => {
    expect(readFileSync(join(root, 'docs', 'configuration.md'), 'utf8')).toBe(renderDocument(groups))
    expect(readFileSync(join(root, '.env.example'), 'utf8')).toBe(renderExample(groups))
    execFileSync(process.execPath, [script, '--check'])
  })

  test('cover every group that a config file defines', async () => {
    const files = globSync(['shared/config/*.ts', 'services/*/config.ts'], { cwd: root })
    const modules = await Promise.all(files.map((file) => import(join(root, file)) as Promise<Record<string, unknown>>))
    const isGroup = (value: unknown) =>
      typeof value === 'object' && value !== null && 'title' in value && 'settings' in value
    const defined = modules.flatMap((module) => Object.values(module).filter(isGroup))
    expect(defined.length).toBeGreaterThan(0)
    expect(new Set(defined)).toEqual(new Set(groups))
  })

  test('name no variable twice', () => {
    const names = settings.flatMap(({ name, aliases = [] }) => [name, ...aliases])
    expect(new Set(names).size).toBe(names.length)
  })
})

test.each(settings.map((setting): [string, Setting] => [setting.name, setting]))(
  '%s has a description, and its default and example are sound',
  (_, setting) => {
    expect(setting.description).toMatch(/\.$/)
    expect(setting.schema.description).toBeTruthy()
    if (setting.example && !/_(CA|CERT|KEY)_FILE$/.test(setting.name))
      expect(setting.schema.safeParse(setting.example).success).toBe(true)
    if ('default' in setting) {
      const text = typeof setting.default === 'string' ? setting.default : setting.default.from({})
      expect(setting.schema.safeParse(text).success).toBe(true)
    }
  },
)

describe('.env.example', () => {
  const example = renderExample(groups)

  test('needs nothing but a login to be filled in, and then gives the defaults', () => {
    const filled = { ...parseEnv(example), CVAT_ACCESS_TOKEN: 'token' }
    expect(loadSettings(allSettingGroups, { env: filled }).values).toEqual(
      loadSettings(allSettingGroups, { env: login }).values,
    )
  })

  test('shows the defaults as they are written', () => {
    const uncommented = parseEnv(example.replaceAll(/^# (?=[A-Z_]+=)/gm, ''))
    for (const setting of settings) {
      expect(uncommented).toHaveProperty(setting.name)
      if ('default' in setting && typeof setting.default === 'string') {
        expect(uncommented[setting.name]).toBe(setting.default)
      }
    }
  })
})

test('an unset product has the documented defaults', () => {
  const documented = new Map(
    [...renderDocument(groups).matchAll(/^\| `([A-Z_]+)`.*? \| .*? \| `([^`]+)` +\| /gm)].map((row) => [
      row[1],
      row[2],
    ]),
  )
  expect(documented.size).toBeGreaterThan(8)
  const loaded = loadSettings(allSettingGroups, { env: login })
  for (const [name, text] of documented) {
    expect(loaded.settings.find((setting) => setting.name === name)).toEqual({ name, shown: text, source: 'default' })
  }
})

test('--check fails and names the files while they are missing or old', () => {
  const checkout = mkdtempSync(join(tmpdir(), 'checkout-'))
  try {
    for (const name of ['docs', 'scripts']) mkdirSync(join(checkout, name))
    for (const name of ['package.json', 'scripts/generate-configuration-doc.ts', 'scripts/compose-variables.ts']) {
      copyFileSync(join(root, name), join(checkout, name))
    }
    for (const name of ['cli', 'shared', 'services']) symlinkSync(join(root, name), join(checkout, name))
    const run = (...args: string[]) =>
      spawnSync(process.execPath, ['scripts/generate-configuration-doc.ts', ...args], {
        cwd: checkout,
        encoding: 'utf8',
      })

    const missing = run('--check')
    expect(missing.stderr).toContain('docs/configuration.md is out of step')
    expect(missing.stderr).toContain('.env.example is out of step')
    expect(missing.status).toBe(1)

    expect(run().status).toBe(0)
    expect(run('--check').status).toBe(0)

    appendFileSync(join(checkout, '.env.example'), 'EDITED=1\n')
    const old = run('--check')
    expect(old.stderr).toBe(
      '.env.example is out of step with the settings: run node scripts/generate-configuration-doc.ts\n',
    )
    expect(old.status).toBe(1)
  } finally {
    rmSync(checkout, { recursive: true })
  }
})
