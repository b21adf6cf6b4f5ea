import { describe, expect, test } from 'vitest'
import { openClaims } from '#shared/coordination/claims.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { openRun, outcomeOf, planOf } from './ledger-steps.ts'

const redis = useRedis()
expectNoLeaks()

async function openLedger() {
  const connection = await redis.connect()
  return { connection, ledger: openRunLedger(connection), claims: openClaims(connection) }
}
const [one, two, three] = ['project-1.backup', 'project-2.backup', 'task-3.backup'] as const

describe('the account of a run', () => {
  test('is opened once: a repeated handler finds it as it was', async () => {
    const { ledger } = await openLedger()
    expect(await openRun(ledger, 'r1')).toEqual({ cursor: '' })
    await ledger.plan('r1', planOf('r1', one))
    await ledger.advance('r1', 'projects 1')
    await ledger.endListing('r1')
    expect(await openRun(ledger, 'r1')).toEqual({ cursor: 'projects 1' })
    expect(await ledger.read('r1')).toMatchObject({ state: 'waiting', total: 1, mode: 'p', trigger: 'command' })
    expect(await ledger.unfinished()).toHaveLength(1)
  })

  test('is whole or not there, wherever the process that opens it dies', async () => {
    // Every command that is sent may be the last one: none may leave an account that nobody can end.
    for (let allowed = 0; ; allowed++) {
      const { connection } = await openLedger()
      const broken = openRunLedger({ ...connection, redis: dyingAfter(connection.redis, allowed) })
      const died = await openRun(broken, 'r1').then(
        () => false,
        () => true,
      )
      const ledger = openRunLedger(connection)
      await openRun(ledger, 'r1')
      expect(await ledger.unfinished()).toMatchObject([{ runId: 'r1', jobId: 'job r1', state: 'listing' }])
      await ledger.endListing('r1', 'it broke off')
      expect(await ledger.read('r1')).toMatchObject({ state: 'waiting', listingError: 'it broke off' })
      if (!died) break
    }
  })

  test('is undefined for a run that never began', async () => {
    const { ledger } = await openLedger()
    expect(await ledger.read('r1')).toBeUndefined()
    expect(await ledger.settle(one, outcomeOf('r1', one, 'done'))).toEqual([])
    expect(await ledger.read('r1')).toBeUndefined()
    expect(await ledger.unfinished()).toEqual([])
  })

  test('counts a page that is entered twice once', async () => {
    const { ledger } = await openLedger()
    await openRun(ledger, 'r1')
    for (const _ of [1, 2]) {
      expect(await ledger.plan('r1', planOf('r1', one))).toBe('new')
      expect(await ledger.plan('r1', planOf('r1', two, 'skip'))).toBe('counted')
      expect(await ledger.plan('r1', planOf('r1', three, 'empty'))).toBe('counted')
    }
    expect(await ledger.read('r1')).toMatchObject({ total: 3, skipped: 1, empty: 1, done: 0, failed: 0 })
    expect(await ledger.countPending('r1')).toBe(1)
  })

  test('does not count an entity again that was settled before its page was entered a second time', async () => {
    const { ledger } = await openLedger()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', one))
    await ledger.settle(one, outcomeOf('r1', one, 'done', 5))
    expect(await ledger.plan('r1', planOf('r1', one))).toBe('counted')
    // The second look may even see the new archive, and decide otherwise.
    expect(await ledger.plan('r1', planOf('r1', one, 'skip'))).toBe('counted')
    expect(await ledger.read('r1')).toMatchObject({ total: 1, done: 1, skipped: 0, sizeBytes: 5 })
  })

  test('counts an outcome that comes twice once', async () => {
    const { ledger } = await openLedger()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', one))
    await ledger.endListing('r1')
    expect(await ledger.settle(one, outcomeOf('r1', one, 'done', 7))).toEqual(['r1'])
    expect(await ledger.settle(one, outcomeOf('r1', one, 'done', 7))).toEqual([])
    expect(await ledger.settle(one, outcomeOf('r1', one, 'failed'))).toEqual([])
    expect(await ledger.read('r1')).toMatchObject({ total: 1, done: 1, failed: 0, sizeBytes: 7 })
  })

  test('moves a failure to the successes when it succeeds late, and says that the run may be ended anew', async () => {
    const { ledger } = await openLedger()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', one))
    await ledger.endListing('r1')
    expect(await ledger.settle(one, outcomeOf('r1', one, 'failed'))).toEqual(['r1'])
    await ledger.end('r1', 'ended')
    expect(await Array.fromAsync(ledger.failures('r1'))).toEqual([
      { series: one, name: `name of ${one}`, reason: 'it broke', code: 'broken', hint: 'mend it' },
    ])
    expect(await ledger.settle(one, outcomeOf('r1', one, 'done', 9))).toEqual(['r1'])
    expect(await ledger.read('r1')).toMatchObject({ total: 1, done: 1, failed: 0, sizeBytes: 9, state: 'ended' })
    expect(await Array.fromAsync(ledger.failures('r1'))).toEqual([])
  })

  test('is over with its last outcome, not before its listing is', async () => {
    const { ledger } = await openLedger()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', one))
    await ledger.plan('r1', planOf('r1', two))
    expect(await ledger.settle(one, outcomeOf('r1', one, 'done'))).toEqual([])
    await ledger.endListing('r1')
    expect(await ledger.settle(two, outcomeOf('r1', two, 'empty'))).toEqual(['r1'])
  })

  test('stays interrupted when its listing ends afterwards', async () => {
    const { ledger } = await openLedger()
    await openRun(ledger, 'r1')
    await ledger.end('r1', 'interrupted')
    await ledger.endListing('r1', 'it broke off')
    await openRun(ledger, 'r1')
    expect((await ledger.read('r1'))?.state).toBe('interrupted')
    expect(await ledger.unfinished()).toEqual([])
  })

  test('whose listing broke off goes on when it is opened again, also after its end', async () => {
    const { ledger } = await openLedger()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', one))
    await ledger.advance('r1', 'projects 1')
    await ledger.endListing('r1', 'it broke off')
    await ledger.settle(one, outcomeOf('r1', one, 'done'))
    await ledger.end('r1', 'ended')
    expect(await openRun(ledger, 'r1')).toEqual({ cursor: 'projects 1' })
    const reopened = await ledger.read('r1')
    expect(reopened).toMatchObject({ state: 'listing', total: 1, done: 1 })
    expect([reopened?.listingError, reopened?.endedAtMs]).toEqual([undefined, undefined])
    await ledger.plan('r1', planOf('r1', two))
    await ledger.endListing('r1')
    expect(await ledger.settle(two, outcomeOf('r1', two, 'done'))).toEqual(['r1'])
    expect(await ledger.end('r1', 'ended')).toBe(true)
    expect(await openRun(ledger, 'r1')).toEqual({ cursor: 'projects 1' })
    expect(await ledger.read('r1')).toMatchObject({ state: 'ended', total: 2, done: 2 })
  })

  test('is ended once, and its keys do not stay for ever', async () => {
    const { ledger, connection } = await openLedger()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', one))
    await ledger.settle(one, outcomeOf('r1', one, 'failed'))
    expect(await ledger.end('r1', 'ended')).toBe(true)
    const first = await ledger.read('r1')
    expect(await ledger.end('r1', 'ended')).toBe(false)
    expect(await ledger.read('r1')).toEqual(first)
    for (const key of await connection.redis.keys(`${connection.prefix}:run:*`)) {
      expect(await connection.redis.ttl(key)).toBeGreaterThan(0)
    }
  })

  test('shows its events in order, from where a follower has stopped', async () => {
    const { ledger } = await openLedger()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', one, 'skip'))
    await ledger.plan('r1', planOf('r1', two))
    const [first] = await ledger.events('r1', '0')
    await ledger.settle(two, outcomeOf('r1', two, 'done', 3))
    expect(first).toMatchObject({ what: 'skipped', series: one, reason: 'because' })
    expect(await ledger.events('r1', first!.id)).toMatchObject([{ what: 'done', series: two, sizeBytes: 3 }])
  })
})

describe('two runs that want the same entity', () => {
  test('share one backup, and its outcome counts for both', async () => {
    const { ledger, claims } = await openLedger()
    await openRun(ledger, 'r1')
    await openRun(ledger, 'r2')
    expect(await ledger.plan('r1', planOf('r1', one))).toBe('new')
    expect(await ledger.plan('r2', planOf('r2', one))).toBe('joined')
    await ledger.endListing('r1')
    await ledger.endListing('r2')
    expect((await ledger.settle(one, outcomeOf('r1', one, 'done', 4))).sort()).toEqual(['r1', 'r2'])
    for (const run of ['r1', 'r2']) expect(await ledger.read(run)).toMatchObject({ total: 1, done: 1, sizeBytes: 4 })
    expect(await claims.read(one)).toBeUndefined()
  })

  test('both count its failure, and both its late success', async () => {
    const { ledger } = await openLedger()
    await openRun(ledger, 'r1')
    await openRun(ledger, 'r2')
    await ledger.plan('r1', planOf('r1', one))
    await ledger.plan('r2', planOf('r2', one))
    await ledger.settle(one, outcomeOf('r1', one, 'failed'))
    await ledger.settle(one, outcomeOf('r1', one, 'done', 4))
    expect(await ledger.read('r1')).toMatchObject({ done: 1, failed: 0 })
    expect(await ledger.read('r2')).toMatchObject({ done: 1, failed: 0 })
  })

  test("a superseded backup's late outcome does not touch the one under way", async () => {
    const { ledger, claims } = await openLedger()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', one))
    await ledger.settle(one, outcomeOf('r1', one, 'failed'))
    await openRun(ledger, 'r2')
    await ledger.plan('r2', planOf('r2', one))
    await ledger.settle(one, outcomeOf('r1', one, 'failed'))
    expect((await claims.read(one))?.backupId).toBe(`r2.${one}`)
    expect(await ledger.countPending('r2')).toBe(1)
  })
})

/** The connection, dead after so many commands or transactions. */
function dyingAfter<R extends object>(real: R, allowed: number): R {
  let sent = 0
  return new Proxy(real, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (sent++ >= allowed) throw new Error('killed')
        return (value as (...all: unknown[]) => unknown).apply(target, args)
      }
    },
  })
}
