// docker-compose.yml and the examples in deploy/: they parse, and name no setting that there is not.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { type SettingGroup, type Settings, variableNames } from '#shared/config/setting.ts'
import { allSettingGroups } from '../../cli/setting-groups.ts'
import { composeVariables } from '../../scripts/compose-variables.ts'

const root = join(import.meta.dirname, '../..')
const compose = read('docker-compose.yml')
const settingNames = namesOf(...(Object.keys(allSettingGroups) as GroupName[]))

type GroupName = keyof typeof allSettingGroups

interface Compose {
  readonly services: Readonly<Record<string, { readonly environment?: Readonly<Record<string, string>> }>>
}

describe('docker-compose.yml', () => {
  const { services } = parse<Compose>(compose)
  const groups: Record<string, GroupName[]> = {
    scheduler: ['cvat', 'store', 'scheduler', 'clock', 'redis', 'logging'],
    exporter: ['cvat', 'exporter', 'redis', 'logging'],
    downloader: ['cvat', 'store', 'downloader', 'redis', 'logging'],
    sweeper: ['store', 'sweeper', 'verification', 'clock', 'redis', 'logging'],
    cli: Object.keys(allSettingGroups) as GroupName[],
  }
  // The image sets the folder; a container without `serve` has no state; the hours have one name here.
  const elsewhere = new Set(['CVAT_BACKUP_DIR', 'CVAT_BACKUP_STATE_DIR', 'CVAT_BACKUP_TTL_HOURS', 'REDIS_URL_FILE'])

  test.each(Object.entries(groups))('gives %s each setting that it has, and no other', (service, names) => {
    const wanted = namesOf(...names).filter((name) => !elsewhere.has(name))
    expect(Object.keys(services[service]?.environment ?? {}).sort()).toEqual(wanted.sort())
  })

  test('reads only variables that .env.example describes', () => {
    const read = [...compose.matchAll(/\$\{(\w+)/g)].map(([, name]) => name!)
    const described = readFileSync(join(root, '.env.example'), 'utf8')
    // What is secret may come from a file, as .env.example says once for each.
    const unknown = new Set(read.filter((name) => !new RegExp(`\\b${name}\\b`).test(described)))
    expect([...unknown]).toEqual([])
    for (const { name, default: value } of composeVariables) expect(compose).toContain(`\${${name}:-${value}}`)
  })
})

describe('the examples', () => {
  test.each(globSync('deploy/**/*.{yaml,yml}', { cwd: root }))('%s is YAML', (file) => {
    expect(parse(read(file))).toBeTruthy()
  })

  test.each(globSync(['deploy/**/*.{yaml,yml,hcl}', 'demo.env'], { cwd: root }))(
    '%s names only settings that there are',
    (file) => {
      const named = [...read(file).matchAll(/\b((?:CVAT|REDIS|BOARD|LOG)_[A-Z_]+)\b(?!\.)/g)].map(([, name]) => name!)
      expect(named.filter((name) => !settingNames.includes(name) && !isOfBoard(name))).toEqual([])
    },
  )

  test('the example for Kubernetes runs every service from the one image, locked down', () => {
    const { items } = parse<{ items: Workload[] }>(read('deploy/kubernetes/cvat-backups.yaml'))
    const deployments = items.filter(({ kind }) => kind === 'Deployment')
    expect(deployments.map(({ metadata }) => metadata.name)).toEqual([
      'scheduler',
      'exporter',
      'downloader',
      'sweeper',
      'board',
    ])
    for (const { metadata, spec } of deployments) {
      const { securityContext, enableServiceLinks, containers } = spec!.template.spec
      expect(containers[0]).toMatchObject({ name: metadata.name, args: [metadata.name] })
      expect(containers[0]!.securityContext, metadata.name).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      expect(securityContext, metadata.name).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 })
      expect(enableServiceLinks, metadata.name).toBe(false)
    }
  })
})

interface Workload {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec?: {
    readonly template: {
      readonly spec: {
        readonly securityContext: object
        readonly enableServiceLinks: boolean
        readonly containers: readonly { readonly securityContext: object }[]
      }
    }
  }
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

function parse<T>(text: string): T {
  const document = parseDocument(text, { merge: true })
  expect(document.errors).toEqual([])
  return document.toJS({ maxAliasCount: -1 }) as T
}

function namesOf(...keys: GroupName[]): string[] {
  const groups = keys.map((key) => allSettingGroups[key] as SettingGroup<Settings>)
  return groups.flatMap(({ settings }) => Object.values(settings).flatMap(variableNames))
}

function isOfBoard(name: string): boolean {
  return /^BOARD_(HOST|PORT|USERNAME|PASSWORD(_FILE)?)$/.test(name)
}
