// What is delivered for Prometheus and Grafana, held against the metrics that the code has.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest'
import { parse } from 'yaml'
import { defineListenerMetrics } from '#services/listener/listener-metrics.ts'
import { defineNotifierMetrics } from '#services/notifier/notifier-metrics.ts'
import { collectDrills } from '#services/restorer/drill-metrics.ts'
import { monitoringSettings } from '#shared/config/monitoring.ts'
import { openMetrics } from '#shared/monitoring/open-metrics.ts'
import { startMonitoring } from '#shared/monitoring/start-monitoring.ts'
import { collectLogs } from '../support/collect-logs.ts'
import { useRedis } from '../support/redis-server.ts'
import { startStack } from '../support/start-stack.ts'

const run = promisify(execFile)
const redis = useRedis()
const root = join(import.meta.dirname, '../..')
const alertsFile = join(root, 'deploy/prometheus/alerts.yml')
const UNAVAILABLE = 69

interface Metric {
  readonly help: string
  readonly type: string
  readonly labels: ReadonlySet<string>
}

/** Everything that any process tells, by name; histograms without their suffixes. */
async function readMetrics() {
  const stack = await startStack(redis)
  await stack.backUp()
  const metrics = openMetrics()
  // The restorer's own.
  collectDrills(metrics, stack.store)
  defineListenerMetrics(metrics.registry)
  defineNotifierMetrics(metrics, ['email'], async () => undefined)
  const { logger } = collectLogs()
  const monitoring = await startMonitoring({
    port: 0,
    host: '127.0.0.1',
    service: 'test',
    metrics,
    logger,
    secrets: [],
  })
  onTestFinished(() => monitoring.close())
  monitoring.watch([])
  const all = [metrics, ...['scheduler', 'exporter', 'downloader', 'sweeper'].map((name) => stack.processOf(name))]
  const found = new Map<string, Metric>()
  for (const { registry } of all) {
    for (const metric of registry.getMetricsAsArray()) {
      const { name, help, type, labelNames } = metric as unknown as {
        name: string
        help: string
        type: string
        labelNames: string[]
      }
      found.set(name, { help, type: String(type), labels: new Set(labelNames) })
    }
  }
  const texts = await Promise.all(all.map((each) => each.render()))
  return { found, texts }
}

interface Alert {
  readonly alert: string
  readonly expr: string
  readonly annotations: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
}

async function readAlerts(): Promise<Alert[]> {
  const { groups } = parse(await readFile(alertsFile, 'utf8')) as { groups: { rules: Alert[] }[] }
  return groups.flatMap(({ rules }) => rules)
}

async function readDashboard() {
  const text = await readFile(join(root, 'deploy/grafana/dashboard.json'), 'utf8')
  return JSON.parse(text) as {
    uid: string
    panels: {
      id: number
      title: string
      type: string
      gridPos: Record<'x' | 'y' | 'w' | 'h', number>
      targets?: { expr: string }[]
    }[]
  }
}

/** `up` is Prometheus' own. */
function namesIn(expr: string): string[] {
  return [...expr.matchAll(/\b(?:cvat_backups|process|nodejs)_\w+/g)].map(([name]) => name)
}

function find(metrics: ReadonlyMap<string, Metric>, name: string): Metric | undefined {
  const whole = name.replace(/_(bucket|sum|count)$/, '')
  return metrics.get(name) ?? (metrics.get(whole)?.type === 'histogram' ? metrics.get(whole) : undefined)
}

/** Labels that Prometheus adds itself, and `le` of histograms. */
const ALWAYS = new Set(['instance', 'job', 'le'])

function assertKnown(expr: string, where: string, metrics: ReadonlyMap<string, Metric>): void {
  const names = namesIn(expr)
  const labels = new Set<string>()
  for (const name of names) {
    const metric = find(metrics, name)
    expect({ where, name, isKnown: metric !== undefined }).toEqual({ where, name, isKnown: true })
    for (const label of metric!.labels) labels.add(label)
  }
  const matched = [...expr.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!)
  const grouped = [...expr.matchAll(/\b(?:by|on|group_left)\s*\(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/))
  for (const label of [...matched, ...grouped]) {
    expect({ where, label, isKnown: ALWAYS.has(label) || labels.has(label) }).toEqual({ where, label, isKnown: true })
  }
}

async function findPromtool(context: TestContext): Promise<string> {
  const installed = run('bash', [join(root, 'scripts/install-promtool.sh')], { timeout: 240_000 })
  const { stdout } = await installed.catch((error: { code?: unknown; stderr?: string }) => {
    if (error.code !== UNAVAILABLE) throw error
    return context.skip(error.stderr?.trim())
  })
  return stdout.trim()
}

describe('alerts and dashboard', () => {
  test('name only metrics and labels that the code has', async () => {
    const { found } = await readMetrics()
    const alerts = await readAlerts()
    expect(alerts.length).toBeGreaterThan(10)
    for (const { alert, expr } of alerts) assertKnown(expr, alert, found)
    const dashboard = await readDashboard()
    const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))
    expect(queries.length).toBeGreaterThan(30)
    for (const { title, expr } of queries) assertKnown(expr, title, found)
    // Nothing that is measured is forgotten on the dashboard, nothing is shown twice in one place.
    const shown = queries.map(({ expr }) => expr).join('\n')
    const own = [...found.keys()].filter((name) => name.startsWith('cvat_backups_'))
    const left = new Set(['cvat_backups_due_timestamp_seconds', 'cvat_backups_entity_archive_timestamp_seconds'])
    expect(own.filter((name) => !shown.includes(name) && !left.has(name))).toEqual([])
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
  })

  test('say what is wrong and how bad it is, each under a name of its own', async () => {
    const alerts = await readAlerts()
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length)
    for (const { alert, labels, annotations } of alerts) {
      expect(alert).toMatch(/^CvatBackups[A-Z]/)
      expect(['warning', 'critical']).toContain(labels.severity)
      expect(annotations.summary).toBeTruthy()
    }
  })
})

describe('promtool', () => {
  test('finds the rules sound, and each alert fires when it should and only then', {
    timeout: 300_000,
  }, async (context) => {
    const promtool = await findPromtool(context)
    await run(promtool, ['check', 'rules', alertsFile])
    const tests = join(root, 'deploy/prometheus/alerts.test.yml')
    await run(promtool, ['test', 'rules', tests])
    const text = await readFile(tests, 'utf8')
    for (const { alert } of await readAlerts()) {
      expect({ alert, fires: text.includes(`alertname: ${alert}\n        exp_alerts:`) }).toEqual({
        alert,
        fires: true,
      })
    }
  })

  test('finds nothing to say about the names and types of metrics', { timeout: 300_000 }, async (context) => {
    const promtool = await findPromtool(context)
    const { texts } = await readMetrics()
    const folder = await mkdtemp(join(tmpdir(), 'cvat-backups-metrics-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    for (const text of texts) {
      const own = text.split('\n').filter((line) => /^(# \w+ )?cvat_backups_/.test(line))
      const file = join(folder, 'metrics')
      await writeFile(file, `${own.join('\n')}\n`)
      const lint = run('bash', ['-c', '"$1" check metrics < "$2"', 'lint', promtool, file])
      const said = await lint.catch((error: { stdout: string; stderr: string }) => error)
      expect(said.stdout + said.stderr).toBe('')
    }
  })
})

describe('docs/monitoring.md', () => {
  test('has every metric in its tables, with its labels, and no other', async () => {
    const { found } = await readMetrics()
    const text = await readFile(join(root, 'docs/monitoring.md'), 'utf8')
    const documented = [...text.matchAll(/^\| `(cvat_backups_\w+)` +\| ([^|]*?) +\| ([^|]*?) +\|/gm)].map(
      ([, name, type, labels]) => `${name} ${type} ${labels!.replaceAll('`', '')}`,
    )
    const real = [...found]
      .filter(([name]) => name.startsWith('cvat_backups_'))
      .map(([name, { type, labels }]) => `${name} ${type} ${[...labels].join(', ')}`)
    expect(documented.sort()).toEqual(real.sort())
  })

  test('explains every alert and every setting', async () => {
    const text = await readFile(join(root, 'docs/monitoring.md'), 'utf8')
    for (const { alert } of await readAlerts()) expect(text).toContain(`\`${alert}\``)
    for (const { name } of Object.values(monitoringSettings.settings)) expect(text).toContain(name)
  })
})
