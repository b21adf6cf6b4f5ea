import { describe, expect, test } from 'vitest'
import { allQueues } from '#shared/queues/all-queues.ts'
import { denied } from '../../simulator/answers.ts'
import { troubledAnswers } from '../../simulator/faults.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { parseMetrics, sampleOf } from '../../support/monitoring-client.ts'
import { removeKeys, useRedis } from '../../support/redis-server.ts'
import { login, smallWorld } from '../../support/small-world.ts'
import { type Stack, type StackOptions, startStack } from '../../support/start-stack.ts'

const redis = useRedis()
expectNoLeaks()

const gone = "rest_framework.exceptions.ValidationError: [ErrorDetail(string='Such a project does not exist')]"
const DAY_MS = 24 * 3600_000

function startWatched(options: StackOptions = {}) {
  return startStack(redis, {
    schedules: [{ what: 'backup', mode: 'p', full: false, cron: '0 0 * * *', line: 1 }],
    monitoring: { entities: 10, lateAfterMs: undefined },
    ...options,
  })
}

/** Numbers are read at most every five seconds: another scheduler has read none yet. */
async function scrape(stack: Stack): Promise<string> {
  await stack.stop('scheduler')
  await stack.start('scheduler')
  return stack.metricsOf('scheduler')
}

function states(text: string, kind = 'backup') {
  const rows = parseMetrics(text).filter(({ name, labels }) => name === 'cvat_backups_entities' && labels.kind === kind)
  return Object.fromEntries(rows.map(({ labels, value }) => [labels.state, value]))
}

/** As if the entity had been found protected some days ago and not since. */
async function age(stack: Stack, series: string, days: number): Promise<void> {
  const key = `${stack.connection.prefix}:protection`
  const row = JSON.parse((await stack.connection.redis.hget(key, series))!) as object
  const aged = { ...row, protectedAtMs: Date.now() - days * DAY_MS }
  await stack.connection.redis.hset(key, series, JSON.stringify(aged))
}

describe('after a run the metrics say', () => {
  test('what is protected, late, failed and was never protected', { timeout: 60_000 }, async () => {
    const stack = await startWatched({ world: smallWorld({ projects: 5, looseTasks: 1 }) })
    stack.simulator.faults.addExport({ entity: { type: 'project', id: 5 }, fate: { kind: 'fail', message: gone } })
    expect(await stack.backUp()).toMatchObject({ ok: false, done: 5, failed: 1 })
    expect(states(await scrape(stack))).toEqual({ never: 1, failed: 0, late: 0, protected: 5 })

    // One fails now that has an archive; another has been passed over for three days.
    stack.world.renameProject(4, 'changed')
    stack.simulator.faults.addExport({ entity: { type: 'project', id: 4 }, fate: { kind: 'fail', message: gone } })
    expect(await stack.backUp()).toMatchObject({ ok: false, failed: 2 })
    await age(stack, 'project-3.backup', 3)
    const text = await scrape(stack)
    expect(states(text)).toEqual({ never: 1, failed: 1, late: 1, protected: 3 })

    const rows = parseMetrics(text).filter(({ name }) => name === 'cvat_backups_entity_protected_timestamp_seconds')
    expect(rows.map(({ labels }) => `${labels.entity} ${labels.state}`)).toEqual([
      'project-5 never',
      'project-4 failed',
      'project-3 late',
      expect.stringMatching(/ protected$/),
      expect.stringMatching(/ protected$/),
      expect.stringMatching(/ protected$/),
    ])
    expect(sampleOf(text, 'cvat_backups_entity_archive_timestamp_seconds', { entity: 'project-5' })).toBe(0)
    const archives = await stack.archives()
    const createdAt = archives.find(({ entity }) => entity.type === 'project' && entity.id === 3)!.record.createdAt
    expect(sampleOf(text, 'cvat_backups_entity_archive_timestamp_seconds', { entity: 'project-3' })).toBe(
      Date.parse(createdAt) / 1000,
    )
    const oldest = sampleOf(text, 'cvat_backups_oldest_protection_timestamp_seconds', { kind: 'backup' })!
    expect(Math.abs(oldest - (Date.now() - 3 * DAY_MS) / 1000)).toBeLessThan(600)
    expect(sampleOf(text, 'cvat_backups_last_run_failures', { mode: 'p', code: 'not-found' })).toBe(2)
    expect(sampleOf(text, 'cvat_backups_last_run_entities', { mode: 'p', result: 'failed' })).toBe(2)
    expect(sampleOf(text, 'cvat_backups_last_run_success_timestamp_seconds', { mode: 'p' })).toBeUndefined()
    expect(sampleOf(text, 'cvat_backups_last_run_end_timestamp_seconds', { mode: 'p' })).toBeGreaterThan(0)

    // The next run makes all of them good.
    stack.simulator.faults.clear()
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 2 })
    const healed = await scrape(stack)
    expect(states(healed)).toEqual({ never: 0, failed: 0, late: 0, protected: 6 })
    expect(sampleOf(healed, 'cvat_backups_last_run_success_timestamp_seconds', { mode: 'p' })).toBeGreaterThan(0)
    expect(parseMetrics(healed).some(({ name }) => name === 'cvat_backups_last_run_failures')).toBe(false)
  })

  test('how jobs, exports and downloads went', { timeout: 60_000 }, async () => {
    const stack = await startWatched({ world: smallWorld({ projects: 3 }) })
    const trouble = { route: '/api/projects/{id}/backup/download', fault: { kind: 'reset', afterBytes: 100 } } as const
    stack.simulator.faults.add({ ...trouble, times: 4 })
    await stack.backUp({ full: true })
    const archives = await stack.archives()
    const [exporter, downloader] = [await stack.metricsOf('exporter'), await stack.metricsOf('downloader')]
    expect(sampleOf(exporter, 'cvat_backups_jobs_total', { queue: 'exports', result: 'completed' })).toBe(3)
    expect(sampleOf(exporter, 'cvat_backups_export_duration_seconds_count', { kind: 'backup' })).toBe(3)
    expect(sampleOf(downloader, 'cvat_backups_jobs_total', { queue: 'downloads', result: 'completed' })).toBe(3)
    expect(sampleOf(downloader, 'cvat_backups_archive_size_bytes_count', { kind: 'backup' })).toBe(3)
    const stored = archives.reduce((sum, { record }) => sum + record.archive.sizeBytes, 0)
    expect(sampleOf(downloader, 'cvat_backups_archive_size_bytes_sum', { kind: 'backup' })).toBe(stored)
    expect(sampleOf(downloader, 'cvat_backups_downloaded_bytes_total')).toBeGreaterThanOrEqual(stored)
    expect(sampleOf(downloader, 'cvat_backups_downloads_in_flight')).toBe(0)
    expect(sampleOf(downloader, 'cvat_backups_directory_free_bytes')).toBeGreaterThan(0)
    const scheduler = await scrape(stack)
    expect(sampleOf(scheduler, 'cvat_backups_exports_in_flight')).toBe(0)
    expect(sampleOf(scheduler, 'cvat_backups_exports_limit')).toBe(4)
    expect(sampleOf(scheduler, 'cvat_backups_queue_jobs', { queue: 'exports', state: 'waiting' })).toBe(0)
    expect(sampleOf(scheduler, 'cvat_backups_queue_paused', { queue: 'exports' })).toBe(0)
  })

  test('what the sweeper has removed and kept', { timeout: 60_000 }, async () => {
    const stack = await startWatched({
      rules: { ttlMs: 0, minBackups: 1 },
      services: ['scheduler', 'exporter', 'downloader'],
    })
    for (let i = 0; i < 3; i++) await stack.backUp({ full: true })
    const before = (await stack.archives()).reduce((sum, { record }) => sum + record.archive.sizeBytes, 0)
    await stack.queues.sweeps.bull.obliterate({ force: true })
    await stack.queues.sweeps.add({ name: 'all', payload: {}, jobId: 'all' })
    await stack.start('sweeper')
    await expect.poll(() => stack.queues.sweeps.bull.getJobState('all'), { timeout: 20_000 }).toBe('completed')
    const [left] = await stack.archives()
    const text = await stack.metricsOf('sweeper')
    expect(sampleOf(text, 'cvat_backups_removed_archives_total')).toBe(2)
    expect(sampleOf(text, 'cvat_backups_removed_bytes_total')).toBe(before - left!.record.archive.sizeBytes)
    expect(sampleOf(text, 'cvat_backups_kept_archives')).toBe(1)
  })
})

describe('an entity of which only the workflow changed', () => {
  test('is protected by the archive that it has, and counted as noted', { timeout: 60_000 }, async () => {
    const stack = await startWatched({ world: smallWorld({ projects: 2 }) })
    await stack.backUp()
    await age(stack, 'project-1.backup', 3)
    const archivedAt = async () =>
      sampleOf(await scrape(stack), 'cvat_backups_entity_archive_timestamp_seconds', { entity: 'project-1' })
    const before = await archivedAt()
    const [job] = stack.world.tasksOf(1)[0]!.jobIds
    stack.world.setJobState(job!, 'completed')
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 0, noted: 1, skipped: 1 })
    const text = await scrape(stack)
    expect(states(text)).toEqual({ never: 0, failed: 0, late: 0, protected: 2 })
    expect(await archivedAt()).toBe(before)
    expect(sampleOf(text, 'cvat_backups_last_run_entities', { mode: 'p', result: 'noted' })).toBe(1)
    expect(sampleOf(text, 'cvat_backups_last_run_entities', { mode: 'p', result: 'done' })).toBe(0)
    const downloader = await stack.metricsOf('downloader')
    expect(sampleOf(downloader, 'cvat_backups_jobs_total', { queue: 'workflows', result: 'completed' })).toBe(1)
    expect(sampleOf(downloader, 'cvat_backups_archive_size_bytes_count', { kind: 'backup' })).toBe(2)
  })

  test('stays protected when that cannot be noted: the run fails, not the archive', { timeout: 60_000 }, async () => {
    const stack = await startWatched({ world: smallWorld({ projects: 2 }) })
    await stack.backUp()
    const [job] = stack.world.tasksOf(1)[0]!.jobIds
    stack.world.setJobState(job!, 'completed')
    stack.simulator.faults.add({ route: '/api/projects/{id}', fault: { kind: 'answer', answer: denied() } })
    expect(await stack.backUp()).toMatchObject({ ok: false, done: 0, noted: 0, failed: 1, skipped: 1 })
    const text = await scrape(stack)
    expect(states(text)).toEqual({ never: 0, failed: 0, late: 0, protected: 2 })
    expect(sampleOf(text, 'cvat_backups_last_run_failures', { mode: 'p', code: 'forbidden' })).toBe(1)
    const downloader = await stack.metricsOf('downloader')
    expect(sampleOf(downloader, 'cvat_backups_jobs_total', { queue: 'workflows', result: 'failed' })).toBe(1)
  })
})

test('every queue is counted', async () => {
  const stack = await startWatched({ services: ['scheduler'] })
  const rows = parseMetrics(await stack.metricsOf('scheduler')).filter(({ name }) => name === 'cvat_backups_queue_jobs')
  expect(new Set(rows.map(({ labels }) => labels.queue))).toEqual(new Set(Object.keys(allQueues)))
})

describe('nothing is claimed that is not known', () => {
  test('before a whole listing, and after Redis was emptied, until the next run', { timeout: 60_000 }, async () => {
    const stack = await startWatched({ world: smallWorld({ projects: 3 }) })
    expect(states(await scrape(stack))).toEqual({})
    await stack.backUp({ entities: [{ type: 'project', id: 1 }] })
    const part = await scrape(stack)
    expect(states(part)).toEqual({})
    expect(sampleOf(part, 'cvat_backups_whole_listing_timestamp_seconds', { mode: 'p' })).toBeUndefined()
    expect(sampleOf(part, 'cvat_backups_last_run_end_timestamp_seconds', { mode: 'p' })).toBeUndefined()
    await stack.backUp()
    expect(states(await scrape(stack))).toEqual({ never: 0, failed: 0, late: 0, protected: 3 })
    expect(states(await scrape(stack), 'annotations')).toEqual({})

    await stack.stop('scheduler')
    await removeKeys(stack.connection)
    await stack.start('scheduler')
    const wiped = await stack.metricsOf('scheduler')
    expect(states(wiped)).toEqual({})
    expect(wiped).not.toContain('cvat_backups_oldest_protection_timestamp_seconds{')
    expect(await stack.backUp()).toMatchObject({ skipped: 3, done: 0 })
    const again = await scrape(stack)
    expect(states(again)).toEqual({ never: 0, failed: 0, late: 0, protected: 3 })
    expect(sampleOf(again, 'cvat_backups_whole_listing_timestamp_seconds', { mode: 'p' })).toBeGreaterThan(0)
    // The times of the archives come from the directory: they are those from before.
    const [first] = await stack.archives()
    expect(sampleOf(again, 'cvat_backups_entity_archive_timestamp_seconds', { entity: 'project-1' })).toBe(
      Date.parse(first!.record.createdAt) / 1000,
    )
  })

  test('of what the server no longer has', { timeout: 60_000 }, async () => {
    const stack = await startWatched({ world: smallWorld({ projects: 3 }) })
    await stack.backUp()
    stack.world.deleteProject(2)
    await stack.backUp()
    expect(states(await scrape(stack))).toMatchObject({ protected: 2 })
  })

  test('while CVAT cannot be listed: what was protected stays so until it is late', { timeout: 60_000 }, async () => {
    const stack = await startWatched({ world: smallWorld({ projects: 2 }) })
    await stack.backUp()
    const listedAt = sampleOf(await scrape(stack), 'cvat_backups_whole_listing_timestamp_seconds', { mode: 'p' })
    stack.simulator.faults.add({
      route: '/api/projects',
      fault: { kind: 'answer', answer: troubledAnswers.badGateway() },
    })
    await stack.request()
    await age(stack, 'project-1.backup', 2)
    const text = await scrape(stack)
    expect(states(text)).toEqual({ never: 0, failed: 0, late: 1, protected: 1 })
    expect(sampleOf(text, 'cvat_backups_whole_listing_timestamp_seconds', { mode: 'p' })).toBe(listedAt)
  })
})

test('of thousands of entities only the worst have rows of their own, and all are counted', async () => {
  const stack = await startWatched({ services: [], monitoring: { entities: 5, lateAfterMs: DAY_MS } })
  const names = Array.from({ length: 3_000 }, (_, i) => i + 1)
  const archive = { createdAtMs: 1, sizeBytes: 1, level: 'fresh' }
  await stack.protection.noteListed(
    'p',
    1,
    names.map((id) => ({
      series: { entity: { type: 'project', id }, content: { kind: 'backup' } },
      name: `project ${id}`,
      organization: null,
      link: 'http://cvat',
      found: id <= 3 ? ('due' as const) : ('protected' as const),
      ...(id <= 2 ? {} : { archive }),
    })),
  )
  await stack.protection.endListing('p', 1, new AbortController().signal)
  await stack.start('scheduler')
  const text = await stack.metricsOf('scheduler')
  expect(states(text)).toEqual({ never: 2, failed: 0, late: 1, protected: 2_997 })
  const rows = parseMetrics(text).filter(({ name }) => name === 'cvat_backups_entity_protected_timestamp_seconds')
  expect(rows.map(({ labels }) => labels.entity)).toEqual([
    'project-1',
    'project-2',
    'project-3',
    'project-4',
    'project-5',
  ])

  const none = await startWatched({
    services: ['scheduler'],
    monitoring: { entities: 0, lateAfterMs: undefined },
    prefix: stack.connection.prefix,
  })
  const short = await none.metricsOf('scheduler')
  expect(states(short)).toMatchObject({ never: 2 })
  expect(short).not.toContain('cvat_backups_entity_protected_timestamp_seconds{')
})

test('no metric holds a secret or a name', { timeout: 60_000 }, async () => {
  const world = smallWorld({ projects: 2 })
  world.renameProject(1, `named ${login.password}`)
  const stack = await startWatched({ world })
  stack.simulator.faults.addExport({
    entity: { type: 'project', id: 2 },
    fate: { kind: 'fail', message: `${gone} password=${login.password}` },
  })
  await stack.backUp()
  const texts = await Promise.all(
    ['scheduler', 'exporter', 'downloader', 'sweeper'].map((name) => stack.metricsOf(name)),
  )
  for (const text of texts) {
    expect(text).not.toContain(login.password)
    expect(text).not.toContain('named')
    expect(text).not.toContain(world.findUser(login.username)!.loginKey!)
  }
})
