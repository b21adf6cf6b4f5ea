// What processes tell about themselves, to an orchestrator, to Prometheus and to a collector of traces.

import { readFile, rename } from 'node:fs/promises'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { allQueues } from '#shared/queues/all-queues.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { findFreePort } from '../support/free-port.ts'
import { openInstallation } from '../support/installation.ts'
import { ask, askReadiness, sampleOf } from '../support/monitoring-client.ts'
import { startRedis } from '../support/redis-server.ts'
import { login, smallWorld } from '../support/small-world.ts'
import { startTraceReceiver } from '../support/trace-receiver.ts'
import { waitFor } from '../support/wait-for.ts'

expectNoLeaks()

const collectorKey = 'collector-key-81xQ'

test('serve tells its health, its metrics and its traces, and no secret in any of them', {
  timeout: 120_000,
}, async () => {
  const collector = await startTraceReceiver()
  const port = await findFreePort()
  const world = smallWorld({ projects: 3, looseTasks: 1 })
  const installation = await openInstallation({
    world,
    env: {
      CVAT_BACKUP_MONITORING_PORT: String(port),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${collectorKey}`,
      OTEL_BSP_SCHEDULE_DELAY: '200',
    },
  })
  world.renameProject(2, `named ${login.password}`)
  const message = `ValueError: such a project does not exist, password=${login.password}`
  installation.simulator.faults.addExport({ entity: { type: 'project', id: 3 }, fate: { kind: 'fail', message } })
  const serve = installation.start(['serve'])
  await serve.says('all services are ready')
  expect(await ask(port, '/healthz')).toMatchObject({ status: 200 })
  expect(await askReadiness(port)).toEqual({
    code: 200,
    status: 'ready',
    checks: {
      redis: { ok: true, needed: true },
      cvat: { ok: true, needed: false },
      directory: { ok: true, needed: true },
      room: { ok: true, needed: true },
    },
  })
  expect(await installation.run(['backup'], { OTEL_EXPORTER_OTLP_ENDPOINT: undefined })).toMatchObject({ code: 1 })

  const metrics = await waitFor(
    'the numbers of the run',
    async () => {
      const { text } = await ask(port, '/metrics')
      return sampleOf(text, 'cvat_backups_entities', { kind: 'backup', state: 'protected' }) === 3 ? text : undefined
    },
    { timeoutMs: 40_000 },
  )
  expect(sampleOf(metrics, 'cvat_backups_entities', { kind: 'backup', state: 'never' })).toBe(1)
  expect(sampleOf(metrics, 'cvat_backups_runs_total', { mode: 'p', result: 'failed' })).toBe(1)
  expect(sampleOf(metrics, 'cvat_backups_check_up', { check: 'cvat' })).toBe(1)
  expect(sampleOf(metrics, 'cvat_backups_process_info', { service: 'serve' })).toBe(1)

  // One backup is one trace, from the run to its outcome.
  const spans = await waitFor('the traces of the run', () => {
    const received = collector.spans()
    return ['process exports', 'process downloads', 'process outcomes'].every((name) =>
      received.some((span) => span.name === name),
    )
      ? received
      : undefined
  })
  const traceOfDownload = spans.find(({ name }) => name === 'process downloads')!.traceId
  const inTrace = new Set(spans.filter(({ traceId }) => traceId === traceOfDownload).map(({ name }) => name))
  for (const name of ['process runs', 'process exports', 'process downloads', 'process outcomes']) {
    expect(inTrace).toContain(name)
  }
  expect(new Set(spans.map(({ service }) => service))).toEqual(new Set(['cvat-backups-serve']))

  serve.kill('SIGTERM')
  expect(await serve.ended).toMatchObject({ code: 0 })
  expect([...collector.paths]).toEqual(['/v1/traces'])
  // Operations, not projects; and nothing of what idle workers do all day.
  const operation = new RegExp(
    `^(add|addBulk|process|complete|fail|retry|delay|moveToWait) (${Object.keys(allQueues).join('|')})$`,
  )
  expect(collector.spans().filter(({ name }) => !operation.test(name))).toEqual([])
  expect(collector.headers.every((headers) => headers['x-api-key'] === collectorKey)).toBe(true)
  const texts = { metrics, traces: collector.text(), ready: await Promise.resolve(serve.output()) }
  for (const [where, text] of Object.entries(texts)) {
    for (const secret of [login.password, world.findUser(login.username)!.loginKey!, collectorKey]) {
      expect({ where, holds: text.includes(secret) }).toEqual({ where, holds: false })
    }
  }
})

test('a downloader says what it lacks, and is ready again by itself', { timeout: 150_000 }, async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.close())
  const port = await findFreePort()
  const installation = await openInstallation({
    world: smallWorld(),
    env: { REDIS_URL: redis.address.url, CVAT_BACKUP_MONITORING_PORT: String(port) },
  })
  const downloader = installation.startService('downloader')
  await downloader.says('downloader is ready')
  const hidden = `${installation.directory}-hidden`
  await rename(installation.directory, hidden)
  installation.simulator.faults.add({ route: '/api/users/self', fault: { kind: 'reset', afterBytes: 0 } })
  expect(await askReadiness(port)).toMatchObject({
    code: 503,
    status: 'not ready',
    checks: {
      redis: { ok: true },
      cvat: { ok: false, needed: false, reason: expect.any(String) },
      directory: { ok: false, needed: true, reason: expect.any(String) },
    },
  })
  await redis.stop()
  await waitFor('Redis to be missed', async () => !(await askReadiness(port)).checks.redis!.ok)
  expect((await ask(port, '/healthz')).status).toBe(200)
  const metrics = (await ask(port, '/metrics')).text
  expect(sampleOf(metrics, 'cvat_backups_check_up', { check: 'redis' })).toBe(0)

  await redis.start()
  await rename(hidden, installation.directory)
  installation.simulator.faults.clear()
  await waitFor('everything to be there again', async () => (await askReadiness(port)).status === 'ready', {
    timeoutMs: 90_000,
    everyMs: 500,
  })
})

test('a disk below its reserve makes a downloader not ready, and the sweeper not', { timeout: 60_000 }, async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.close())
  const ports = [await findFreePort(), await findFreePort()] as const
  const installation = await openInstallation({
    world: smallWorld(),
    env: { REDIS_URL: redis.address.url, CVAT_BACKUP_DISK_RESERVE: '900 TB' },
  })
  const downloader = installation.startService('downloader', { CVAT_BACKUP_MONITORING_PORT: String(ports[0]) })
  await downloader.says('downloader is ready')
  const sweeper = installation.startService('sweeper', { CVAT_BACKUP_MONITORING_PORT: String(ports[1]) })
  await sweeper.says('sweeper is ready')
  expect(await askReadiness(ports[0])).toMatchObject({
    code: 503,
    checks: { room: { ok: false }, directory: { ok: true } },
  })
  expect(await waitFor('the sweeper', async () => (await askReadiness(ports[1])).status)).toBe('ready')
})

test('a port that somebody else has ends the start with the name of the setting', { timeout: 60_000 }, async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const installation = await openInstallation({
    world: smallWorld(),
    env: { CVAT_BACKUP_MONITORING_PORT: String(port) },
  })
  const ended = await installation.run(['serve'])
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('CVAT_BACKUP_MONITORING_PORT') })
})

test('a collector that is away is named in the log and holds nothing up', { timeout: 90_000 }, async () => {
  const installation = await openInstallation({
    world: smallWorld(),
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await findFreePort()}`,
      OTEL_BSP_SCHEDULE_DELAY: '200',
      LOG_FORMAT: 'json',
    },
  })
  const serve = installation.start(['serve'])
  await serve.says('all services are ready')
  expect(await installation.run(['backup'])).toMatchObject({ code: 0 })
  await waitFor('the word about it', () => serve.output().includes('traces could not be sent'), { timeoutMs: 40_000 })
  const line = serve
    .output()
    .split('\n')
    .find((text) => text.includes('traces could not be sent'))
  expect(JSON.parse(line!)).toMatchObject({ reason: expect.stringMatching(/^connect ECONNREFUSED \S+$/) })
  serve.kill('SIGTERM')
  expect(await serve.ended).toMatchObject({ code: 0 })
})

test('OpenTelemetry is loaded by nobody who does not want it', async () => {
  const { glob } = await import('node:fs/promises')
  const root = new URL('../..', import.meta.url).pathname
  const importers: string[] = []
  for await (const file of glob('{cli,services,shared}/**/*.ts', { cwd: root })) {
    const text = await readFile(`${root}/${file}`, 'utf8')
    if (/^import (?!type )[^(]*from '(@opentelemetry|bullmq-otel)/m.test(text)) importers.push(file)
  }
  expect(importers).toEqual([])
})
