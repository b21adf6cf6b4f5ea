import { createServer } from 'node:http'
import { Gauge } from 'prom-client'
import { expect, onTestFinished, test } from 'vitest'
import { BackupError } from '#shared/errors/backup-error.ts'
import { openMetrics } from '#shared/monitoring/open-metrics.ts'
import type { Check } from '#shared/monitoring/readiness.ts'
import { startMonitoring } from '#shared/monitoring/start-monitoring.ts'
import { collectLogs } from '../../support/collect-logs.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { ask, askReadiness, sampleOf } from '../../support/monitoring-client.ts'

expectNoLeaks()

const secret = 'hunter2-Xyz9'

async function open(port: number | undefined = 0) {
  const metrics = openMetrics()
  const { logger } = collectLogs()
  const monitoring = await startMonitoring({
    port,
    host: '127.0.0.1',
    service: 'test',
    metrics,
    logger,
    secrets: [secret],
  })
  onTestFinished(() => monitoring.close())
  return { monitoring, metrics, port: monitoring.address?.port ?? 0 }
}

function check(name: Check['name'], isNeeded: boolean, fault?: Error): Check {
  return { name, isNeeded, freshMs: 0, ask: () => (fault ? Promise.reject(fault) : Promise.resolve()) }
}

test('without a port nothing is opened', async () => {
  const metrics = openMetrics()
  const { logger, lines } = collectLogs()
  const options = { port: undefined, host: '127.0.0.1', service: 'test', metrics, logger, secrets: [] }
  await using monitoring = await startMonitoring(options)
  monitoring.watch([])
  expect(monitoring.address).toBeUndefined()
  expect(lines).toEqual([])
})

test('a starting process is alive but not ready', async () => {
  const { port, monitoring } = await open()
  expect(await ask(port, '/healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}\n' })
  expect(await askReadiness(port)).toMatchObject({ code: 503, status: 'not ready' })
  monitoring.watch([check('redis', true)])
  expect(await askReadiness(port)).toEqual({
    code: 200,
    status: 'ready',
    checks: { redis: { ok: true, needed: true } },
  })
})

test('what is needed makes it not ready, what is not only degraded', async () => {
  const { port, monitoring } = await open()
  monitoring.watch([check('redis', true), check('cvat', false, new Error('CVAT is away'))])
  expect(await askReadiness(port)).toEqual({
    code: 200,
    status: 'degraded',
    checks: { redis: { ok: true, needed: true }, cvat: { ok: false, needed: false, reason: 'CVAT is away' } },
  })
  expect((await askReadiness(port, '/readyz?strict')).code).toBe(503)
  expect(sampleOf((await ask(port, '/metrics')).text, 'cvat_backups_check_up', { check: 'cvat' })).toBe(0)

  const other = await open()
  other.monitoring.watch([check('redis', true, new Error('gone'))])
  expect(await askReadiness(other.port)).toMatchObject({ code: 503, status: 'not ready' })
  expect((await ask(other.port, '/healthz')).status).toBe(200)
})

test('a refused login is not tried again with every probe', async () => {
  const { port, monitoring } = await open()
  let asked = 0
  const login = async () => {
    asked++
    throw new BackupError('the login was refused', { code: 'login-failed', retryable: false })
  }
  monitoring.watch([{ name: 'cvat', isNeeded: false, freshMs: 0, ask: login }])
  for (let i = 0; i < 5; i++) expect((await askReadiness(port)).status).toBe('degraded')
  expect(asked).toBe(1)
})

test('a reason never holds a secret', async () => {
  const { port, monitoring } = await open()
  monitoring.watch([check('redis', true, new Error(`redis://user:${secret}@host refused`))])
  const { text } = await ask(port, '/readyz')
  expect(text).toContain('refused')
  expect(text).not.toContain(secret)
})

test('other paths and methods are refused', async () => {
  const { port } = await open()
  expect((await ask(port, '/')).status).toBe(404)
  expect((await ask(port, '/constructor')).status).toBe(404)
  expect((await ask(port, '/%zz')).status).toBe(404)
  expect((await ask(port, '/metrics', 'POST')).status).toBe(405)
  expect(await ask(port, '/healthz', 'HEAD')).toMatchObject({ status: 200, text: '' })
})

test('a port in use is an error that names the setting', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  await expect(open(port)).rejects.toMatchObject({
    code: 'configuration',
    message: `monitoring cannot listen on 127.0.0.1 port ${port}: another program has this port`,
    hint: expect.stringContaining('CVAT_BACKUP_MONITORING_PORT'),
  })
})

test('numbers that cannot be read are left out, and the rest is there all the same', async () => {
  const { port, metrics } = await open()
  const gauge = new Gauge({ name: 'from_elsewhere', help: 'x', labelNames: ['a'], registers: [metrics.registry] })
  gauge.set({ a: 'old' }, 7)
  metrics.addCollector({
    name: 'elsewhere',
    clear: () => gauge.reset(),
    collect: () => Promise.reject(new Error('away')),
  })
  const text = (await ask(port, '/metrics')).text
  expect(text).not.toContain('from_elsewhere{')
  expect(sampleOf(text, 'cvat_backups_collector_up', { collector: 'elsewhere' })).toBe(0)
  expect(sampleOf(text, 'process_start_time_seconds')).toBeGreaterThan(0)
  expect(sampleOf(text, 'cvat_backups_process_info', { service: 'test' })).toBe(1)
})
