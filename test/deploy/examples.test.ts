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
  const common: GroupName[] = ['redis', 'monitoring', 'tracing', 'logging']
  const groups: Record<string, GroupName[]> = {
    scheduler: ['cvat', 'store', 'scheduler', 'incremental', 'clock', ...common],
    exporter: ['cvat', 'exporter', ...common],
    downloader: ['cvat', 'store', 'downloader', 'incremental', ...common],
    sweeper: ['store', 'sweeper', 'verification', 'incremental', 'clock', ...common],
    board: ['board', 'store', 'sweeper', 'incremental', 'clock', ...common],
    restorer: ['cvat', 'store', 'restore', ...common],
    listener: ['listener', ...common],
    notifier: ['cvat', 'store', 'notifier', 'clock', ...common],
    cli: (Object.keys(allSettingGroups) as GroupName[]).filter((key) => key !== 'board'),
  }
  // The image sets the folders, the stack's Redis has no password, and the hours need one name only.
  const isElsewhere = (name: string) =>
    ['CVAT_BACKUP_DIR', 'CVAT_BACKUP_STATE_DIR', 'CVAT_BACKUP_TTL_HOURS'].includes(name) || /^REDIS_(?!URL$)/.test(name)

  test.each(Object.entries(groups))('gives %s each setting that it has, and no other', (service, names) => {
    const wanted = namesOf(...names).filter((name) => !isElsewhere(name))
    const given = Object.keys(services[service]?.environment ?? {}).filter((name) => name !== 'NODE_OPTIONS')
    expect(given.sort()).toEqual(wanted.sort())
  })

  test('with a Redis of its own gives every service all that there is to say about it', () => {
    const override = parse<Compose>(read('deploy/compose/external-redis.yml'))
    for (const service of Object.keys(groups)) {
      const names = Object.keys(override.services[service]?.environment ?? {})
      expect(names.sort(), service).toEqual(
        namesOf('redis')
          .filter((name) => /^REDIS_(?!URL_FILE$)/.test(name))
          .sort(),
      )
    }
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
      expect(named.filter((name) => !settingNames.includes(name))).toEqual([])
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
