import { describe, expect, test } from 'vitest'
import { startRun } from '#services/scheduler/start-run.ts'
import { watchRuns } from '#services/scheduler/watch-runs.ts'
import { openExcludedTable } from '#shared/protection/excluded-table.ts'
import type { StartRun } from '#shared/queues/runs-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import { troubledAnswers } from '../../simulator/faults.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { smallWorld } from '../../support/small-world.ts'
import { type StackOptions, startStack } from '../../support/start-stack.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

const request: StartRun = { do: 'start-run', mode: 'p', full: false, trigger: 'command' }

/** The handler by itself; `dieAfter` lets it be killed before its nth step that changes something. */
async function openListing(options: StackOptions = {}) {
  const stack = await startStack(redis, { services: [], ...options })
  const { cvat, store, ledger, queues, protection, lastRuns, simulator, logs } = stack
  return {
    ...stack,
    async list(dieAfter = Number.POSITIVE_INFINITY, wanted: StartRun = request): Promise<string> {
      let steps = 0
      const mortal = <F extends (...args: never[]) => Promise<unknown>>(run: F) =>
        (async (...args: Parameters<F>) => {
          if (++steps > dieAfter) throw new Error('killed')
          return run(...args)
        }) as F
      const context: JobContext<unknown> = {
        jobId: 'listing',
        attempt: 1,
        signal: AbortSignal.timeout(60_000),
        logger: logs.logger,
        save: async () => undefined,
        progress: async () => undefined,
      }
      return startRun('run-1', wanted, context, {
        cvat,
        protection,
        excluded: openExcludedTable(stack.connection),
        lastRuns,
        store,
        ledger: {
          ...ledger,
          open: mortal(ledger.open),
          plan: mortal(ledger.plan),
          advance: mortal(ledger.advance),
          endListing: mortal(ledger.endListing),
        },
        exports: { ...queues.exports, addAll: mortal(queues.exports.addAll) },
        workflows: queues.workflows,
        snapshots: queues.snapshots,
        outcomes: { ...queues.outcomes, add: mortal(queues.outcomes.add) },
        filters: { include: undefined, exclude: undefined },
        annotations: { format: 'CVAT for images 1.1', saveImages: false },
        serverUrl: simulator.url,
      })
    },
    queued: async () => (await queues.exports.bull.getJobs(['prioritized'])).map((job) => job.id).sort(),
  }
}

describe('a listing that is killed at any step and begun again', () => {
  test('enters every entity once, with one export job each', async () => {
    for (let dieAfter = 0; ; dieAfter++) {
      const listing = await openListing({ world: smallWorld({ projects: 3, looseTasks: 2 }) })
      const survived = await listing.list(dieAfter).then(
        () => true,
        () => false,
      )
      await listing.list()
      expect(await listing.ledger.read('run-1')).toMatchObject({ state: 'waiting', total: 5 })
      expect(await listing.ledger.countPending('run-1')).toBe(5)
      expect(await listing.queued()).toHaveLength(5)
      if (survived) break
      expect(dieAfter).toBeLessThan(50)
    }
  })

  test('asks the server only for what comes after the last page that was entered', async () => {
    const listing = await openListing({ world: smallWorld({ projects: 2, looseTasks: 2 }) })
    // Dead at the first step of the second page, that of the loose tasks: open, two plans, jobs, advance, then plan.
    await expect(listing.list(5)).rejects.toThrow('killed')
    const before = listing.simulator.stats.requestCount('GET /api/projects')
    listing.world.addProject({ name: 'came later' })
    await listing.list()
    expect(listing.simulator.stats.requestCount('GET /api/projects') - before).toBeLessThanOrEqual(1)
    expect((await listing.ledger.read('run-1'))?.total).toBeGreaterThanOrEqual(4)
  })

  test('of named entities counts each once, those that do not exist included', async () => {
    const wanted: StartRun = {
      ...request,
      entities: [
        { type: 'project', id: 1 },
        { type: 'project', id: 999 },
        { type: 'task', id: 1 },
      ],
    }
    for (let dieAfter = 0; ; dieAfter++) {
      const listing = await openListing()
      const survived = await listing.list(dieAfter, wanted).then(
        () => true,
        () => false,
      )
      await listing.list(undefined, wanted)
      expect(await listing.ledger.read('run-1')).toMatchObject({ total: 3 })
      expect(await listing.queued()).toEqual(['run-1.project-1.backup', 'run-1.task-1.backup'])
      const outcomes = await listing.queues.outcomes.bull.getJobs(['waiting'])
      expect(outcomes.map((job) => job.data)).toContainEqual(
        expect.objectContaining({ result: 'failed', code: 'not-found', name: 'project-999' }),
      )
      if (survived) break
      expect(dieAfter).toBeLessThan(50)
    }
  })
})

describe('a scheduler', () => {
  test('that is stopped in the middle of a listing goes on with it after its restart', async () => {
    const stack = await startStack(redis, {
      world: smallWorld({ projects: 3, looseTasks: 3 }),
      services: ['scheduler', 'exporter', 'downloader'],
    })
    const slow = stack.simulator.faults.add({ route: '/api/tasks', fault: { kind: 'delay', ms: 60_000 } })
    const runId = await stack.request()
    await waitFor('the listing to begin', async () => (await stack.ledger.read(runId)) !== undefined)
    const startedAt = performance.now()
    await stack.stop('scheduler')
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    slow.remove()
    await stack.start('scheduler')
    expect(await stack.ended(runId)).toMatchObject({ ok: true, total: 6, done: 6 })
    expect(stack.simulator.stats.exports).toHaveLength(6)
  })

  test('ends a run as failed whose listing is refused for good, and says why', async () => {
    const stack = await startStack(redis)
    const denied = troubledAnswers.denied()
    stack.simulator.faults.add({ route: '/api/projects', fault: { kind: 'answer', answer: denied } })
    const summary = await stack.backUp()
    expect(summary).toMatchObject({ ok: false, total: 0, failed: 0, listingError: expect.stringContaining('403') })
    expect(await stack.store.readRunRecords()).toMatchObject([{ runId: summary.runId, ok: false }])
  })

  test('backs up what it had listed before the rest could not be listed, and the run fails all the same', async () => {
    const stack = await startStack(redis, { world: smallWorld({ projects: 3, looseTasks: 1 }) })
    stack.simulator.faults.add({
      route: '/api/tasks',
      where: ({ query }) => String(query.get('filter')).includes('!'),
      fault: { kind: 'answer', answer: troubledAnswers.denied() },
    })
    expect(await stack.backUp()).toMatchObject({ ok: false, total: 3, done: 3, failed: 0 })
    expect(await stack.archives()).toHaveLength(3)
  })

  test('says so at once when the server does not know the format of annotations', async () => {
    const stack = await startStack(redis)
    stack.simulator.faults.add({
      route: '/api/server/annotation/formats',
      fault: { kind: 'rewrite', json: () => ({ exporters: [], importers: [] }) },
    })
    expect(await stack.backUp({ mode: 'a' })).toMatchObject({
      ok: false,
      total: 0,
      listingError: expect.stringContaining('CVAT_BACKUP_FORMAT'),
    })
  })
})

describe('what became of a run whose', () => {
  const watch = async (stack: Awaited<ReturnType<typeof openListing>>) =>
    watchRuns({ ...stack, ...stack.queues, logger: stack.logs.logger }, AbortSignal.timeout(60_000))

  /** As if so much time had passed since. */
  async function age(stack: Awaited<ReturnType<typeof openListing>>, ms: number) {
    const { redis: client, prefix } = stack.connection
    const then = String(Date.now() - ms)
    for (const key of await client.keys(`${prefix}:claim:*`)) await client.hset(key, 'changedAtMs', then)
    await client.hset(`${prefix}:run:run-1`, 'startedAtMs', then)
  }

  test('export job was removed by hand is told: that backup failed, and the next run may have it', async () => {
    const stack = await openListing({ world: smallWorld({ projects: 2 }) })
    await stack.list()
    await (await stack.queues.exports.bull.getJob('run-1.project-1.backup'))!.remove()
    await watch(stack)
    expect(await stack.ledger.read('run-1')).toMatchObject({ failed: 0 })
    await age(stack, 61_000)
    await watch(stack)
    expect(await stack.ledger.read('run-1')).toMatchObject({ failed: 1 })
    expect(await stack.ledger.countPending('run-1')).toBe(1)
    expect(await Array.fromAsync(stack.ledger.failures('run-1'))).toMatchObject([
      { series: 'project-1.backup', code: 'job-lost', hint: expect.any(String) },
    ])
    expect(await stack.claims.read('project-1.backup')).toBeUndefined()
    expect(await stack.claims.read('project-2.backup')).toBeDefined()
  })

  test('last awaited job vanished is ended', async () => {
    const stack = await openListing()
    await stack.list()
    await stack.queues.exports.bull.obliterate({ force: true })
    await age(stack, 61_000)
    await watch(stack)
    const jobs = await stack.queues.runs.bull.getJobs(['waiting'])
    expect(jobs.map((job) => job.data)).toContainEqual({ do: 'end-run', runId: 'run-1' })
  })

  test('listing job vanished is ended as not whole', async () => {
    const stack = await openListing()
    await expect(stack.list(1)).rejects.toThrow('killed')
    await watch(stack)
    expect(await stack.ledger.read('run-1')).toMatchObject({ state: 'listing' })
    await age(stack, 61_000)
    await watch(stack)
    expect(await stack.ledger.read('run-1')).toMatchObject({
      state: 'waiting',
      listingError: expect.stringContaining('broke off'),
    })
    await watch(stack)
    const jobs = await stack.queues.runs.bull.getJobs(['waiting'])
    expect(jobs.map((job) => job.data)).toContainEqual({ do: 'end-run', runId: 'run-1' })
  })

  test('outcome is still on its way is not guessed: a finished job speaks through its outcome', async () => {
    const stack = await openListing()
    await stack.list()
    await stack.start('exporter')
    await stack.start('downloader')
    // The scheduler was away for long, and its first look comes before it has heard the outcomes.
    await waitFor('the outcome', async () => (await stack.queues.outcomes.bull.getWaitingCount()) === 1)
    await waitFor('the download to end', async () => (await stack.queues.downloads.bull.getCompletedCount()) === 1)
    await age(stack, 3600_000)
    await watch(stack)
    expect(await stack.ledger.read('run-1')).toMatchObject({ failed: 0 })
    expect(await stack.ledger.countPending('run-1')).toBe(1)
    await stack.start('scheduler')
    expect(await stack.ended('run-1')).toMatchObject({ done: 1, failed: 0 })
  })
})
