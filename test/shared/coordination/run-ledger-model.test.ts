// Random histories of overlapping runs against a plain model: whatever is repeated, interleaved or comes late, every
// entity of a run is counted exactly once, under how its backup ended.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openClaims } from '#shared/coordination/claims.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { openRun, outcomeOf, planOf } from './ledger-steps.ts'

const redis = useRedis()
expectNoLeaks()

const runs = ['r1', 'r2', 'r3'] as const
const series = ['project-1.backup', 'project-2.backup', 'task-3.backup'] as const

type Step =
  | { readonly do: 'plan'; readonly run: string; readonly series: string; readonly action: 'backup' | 'skip' | 'empty' }
  /** Of the backup that the run has begun, if it has. */
  | {
      readonly do: 'settle'
      readonly run: string
      readonly series: string
      readonly result: 'done' | 'empty' | 'failed'
    }
  | { readonly do: 'retry'; readonly run: string; readonly series: string }
  | { readonly do: 'endListing' | 'interrupt'; readonly run: string }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('plan' as const),
      run: fc.constantFrom(...runs),
      series: fc.constantFrom(...series),
      action: fc.constantFrom('backup' as const, 'backup' as const, 'skip' as const, 'empty' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      run: fc.constantFrom(...runs),
      series: fc.constantFrom(...series),
      result: fc.constantFrom('done' as const, 'empty' as const, 'failed' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('retry' as const),
      run: fc.constantFrom(...runs),
      series: fc.constantFrom(...series),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('endListing' as const, 'interrupt' as const),
      run: fc.constantFrom(...runs),
    }),
  },
)

/** One run's view of one entity. */
interface Entry {
  state: 'pending' | 'done' | 'empty' | 'failed' | 'skipped'
  /** The run whose backup it waits for, or failed with. */
  by: string
}

class Model {
  readonly accounts = new Map(runs.map((run) => [run as string, new Map<string, Entry>()]))
  readonly listing = new Set<string>(runs)
  readonly interrupted = new Set<string>()
  /** Which run's backup of a series is under way. */
  readonly claims = new Map<string, string>()
  /** Backups that were ever begun: outcomes come only for those. */
  readonly begun = new Set<string>()

  plan(run: string, name: string, action: 'backup' | 'skip' | 'empty'): 'new' | 'joined' | 'counted' {
    const account = this.accounts.get(run)!
    const owner = this.claims.get(name)
    if (account.has(name)) return action === 'backup' && owner === run ? 'new' : 'counted'
    if (action !== 'backup') {
      account.set(name, { state: action === 'skip' ? 'skipped' : 'empty', by: run })
      return 'counted'
    }
    account.set(name, { state: 'pending', by: owner ?? run })
    if (owner !== undefined && owner !== run) return 'joined'
    this.claims.set(name, run)
    this.begun.add(`${run} ${name}`)
    return 'new'
  }

  settle(run: string, name: string, result: 'done' | 'empty' | 'failed'): string[] {
    const ended: string[] = []
    for (const [waiter, account] of this.accounts) {
      const entry = account.get(name)
      if (!entry || entry.by !== run) continue
      const wasLate = entry.state === 'failed' && result !== 'failed'
      if (entry.state !== 'pending' && !wasLate) continue
      entry.state = result
      const isOver = [...account.values()].every(({ state }) => state !== 'pending')
      if (isOver && !(this.listing.has(waiter) && !this.interrupted.has(waiter))) ended.push(waiter)
    }
    if (this.claims.get(name) === run) this.claims.delete(name)
    return ended
  }

  retry(run: string, name: string): 'held' | 'superseded' | 'unwanted' {
    const owner = this.claims.get(name)
    if (owner !== undefined && owner !== run) return 'superseded'
    const wanted = [...this.accounts].some(([waiter, account]) => {
      const entry = account.get(name)
      const waits = entry?.by === run && (entry.state === 'pending' || entry.state === 'failed')
      return waits && !this.interrupted.has(waiter)
    })
    if (wanted) this.claims.set(name, run)
    else this.claims.delete(name)
    return wanted ? 'held' : 'unwanted'
  }
}

test('every entity of every run is counted once, under how its backup ended', async () => {
  const connection = await redis.connect()
  let round = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const own = { ...connection, prefix: `${connection.prefix}${round++}` }
      const ledger = openRunLedger(own)
      const claims = openClaims(own)
      const model = new Model()
      for (const run of runs) await openRun(ledger, run)

      for (const next of steps) {
        if (next.do === 'plan') {
          if (!model.listing.has(next.run)) continue
          const answer = await ledger.plan(next.run, planOf(next.run, next.series, next.action))
          expect(answer).toBe(model.plan(next.run, next.series, next.action))
        } else if (next.do === 'settle') {
          if (!model.begun.has(`${next.run} ${next.series}`)) continue
          const ended = await ledger.settle(next.series, outcomeOf(next.run, next.series, next.result, 3))
          expect(ended.sort()).toEqual(model.settle(next.run, next.series, next.result).sort())
        } else if (next.do === 'retry') {
          const backupId = `${next.run}.${next.series}`
          if (!model.begun.has(`${next.run} ${next.series}`)) continue
          const request = { series: next.series, backupId, runId: next.run, queue: 'exports', jobId: backupId }
          const answer = await claims.hold(request)
          expect(answer.held ? 'held' : answer.why).toBe(model.retry(next.run, next.series))
        } else if (next.do === 'interrupt') {
          await ledger.end(next.run, 'interrupted')
          model.interrupted.add(next.run)
          model.listing.delete(next.run)
        } else {
          await ledger.endListing(next.run)
          model.listing.delete(next.run)
        }
      }

      for (const run of runs) {
        const account = (await ledger.read(run))!
        const entries = [...model.accounts.get(run)!.values()]
        const count = (state: Entry['state']) => entries.filter((entry) => entry.state === state).length
        expect(account).toMatchObject({
          total: entries.length,
          done: count('done'),
          empty: count('empty'),
          failed: count('failed'),
          skipped: count('skipped'),
        })
        expect(await ledger.countPending(run)).toBe(count('pending'))
        expect(await Array.fromAsync(ledger.failures(run))).toHaveLength(count('failed'))
        expect(account.total).toBe(
          account.done + account.empty + account.failed + account.skipped + (await ledger.countPending(run)),
        )
      }
      for (const name of series) {
        const owner = model.claims.get(name)
        expect((await claims.read(name))?.backupId).toBe(owner && `${owner}.${name}`)
      }
    }),
    { numRuns: 60 },
  )
})

test('outcomes and pages that come all at once lose and double nothing', async () => {
  const connection = await redis.connect()
  const ledger = openRunLedger(connection)
  for (const run of runs) await openRun(ledger, run)
  const many = Array.from({ length: 200 }, (_, i) => `project-${i + 1}.backup`)
  const planned = await Promise.all(
    many.flatMap((name) => [...runs, ...runs].map((run) => ledger.plan(run, planOf(run, name)))),
  )
  expect(planned.filter((answer) => answer === 'joined')).toHaveLength(many.length * 2)
  await Promise.all(runs.map((run) => ledger.endListing(run)))
  const ended = await Promise.all(
    many.flatMap((name) => [...runs, ...runs].map((run) => ledger.settle(name, outcomeOf(run, name, 'done', 1)))),
  )
  // Each run is told to be over once, by the outcome that was its last.
  expect(ended.flat().sort()).toEqual([...runs])
  for (const run of runs) {
    expect(await ledger.read(run)).toMatchObject({ total: 200, done: 200, failed: 0, sizeBytes: 200 })
    expect(await ledger.countPending(run)).toBe(0)
  }
})
