import { describe, expect, test } from 'vitest'
import { openClaims } from '#shared/coordination/claims.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { openRun, outcomeOf, planOf } from './ledger-steps.ts'

const redis = useRedis()
expectNoLeaks()

const series = 'project-1.backup'
const hold = (runId: string, changes: { queue?: string; jobId?: string } = {}) => ({
  series,
  backupId: `${runId}.${series}`,
  runId,
  queue: 'exports',
  jobId: `${runId}.${series}`,
  ...changes,
})

async function openAll() {
  const connection = await redis.connect()
  return { claims: openClaims(connection), ledger: openRunLedger(connection) }
}

describe('a claim', () => {
  test('is held by the backup that took it, as often as it asks, and moves to its newest job', async () => {
    const { claims } = await openAll()
    expect(await claims.read(series)).toBeUndefined()
    expect(await claims.hold(hold('r1'))).toEqual({ held: true })
    expect(await claims.hold(hold('r1', { queue: 'downloads', jobId: 'other' }))).toEqual({ held: true })
    expect(await claims.read(series)).toMatchObject({
      backupId: `r1.${series}`,
      queue: 'downloads',
      jobId: 'other',
      changedAtMs: expect.any(Number),
    })
  })

  test('is refused to another backup of the series, and names the one under way', async () => {
    const { claims } = await openAll()
    await claims.hold(hold('r1'))
    expect(await claims.hold(hold('r2'))).toEqual({ held: false, why: 'superseded', by: `r1.${series}` })
    expect((await claims.read(series))?.backupId).toBe(`r1.${series}`)
  })

  test('that many ask for at once is given to one', async () => {
    const { claims } = await openAll()
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => claims.hold(hold(`r${i}`))))
    expect(answers.filter(({ held }) => held)).toHaveLength(1)
  })

  test('is refused to a job that Redis has lost, so that no later run waits for what nothing carries', async () => {
    const connection = await redis.connect()
    const claims = openClaims(connection)
    const request = { ...hold('r1'), isOwnJob: true }
    await connection.redis.hset(`${connection.prefix}:exports:${request.jobId}`, 'name', 'a job of BullMQ')
    expect(await claims.hold(request)).toEqual({ held: true })
    await connection.redis.del(`${connection.prefix}:exports:${request.jobId}`, `${connection.prefix}:claim:${series}`)
    expect(await claims.hold(request)).toEqual({ held: false, why: 'unwanted' })
    expect(await claims.read(series)).toBeUndefined()
  })

  test('is gone once its only run was interrupted', async () => {
    const { claims, ledger } = await openAll()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', series))
    await ledger.end('r1', 'interrupted')
    expect(await claims.hold(hold('r1'))).toMatchObject({ held: false, why: 'unwanted' })
    expect(await claims.read(series)).toBeUndefined()
    expect(await claims.hold(hold('r2'))).toEqual({ held: true })
  })

  test('stays while a run that joined still waits, though the one that began it was interrupted', async () => {
    const { claims, ledger } = await openAll()
    await openRun(ledger, 'r1')
    await openRun(ledger, 'r2')
    await ledger.plan('r1', planOf('r1', series))
    expect(await ledger.plan('r2', planOf('r2', series))).toBe('joined')
    await ledger.end('r1', 'interrupted')
    expect(await claims.hold(hold('r1'))).toEqual({ held: true })
    await ledger.end('r2', 'interrupted')
    expect(await claims.hold(hold('r1'))).toMatchObject({ held: false, why: 'unwanted' })
  })

  test('is not taken again for a backup that has been counted as done: nobody would ever release it', async () => {
    const { claims, ledger } = await openAll()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', series))
    await claims.hold(hold('r1'))
    await ledger.settle(series, outcomeOf('r1', series, 'done'))
    expect(await claims.hold(hold('r1'))).toMatchObject({ held: false, why: 'unwanted' })
    expect(await claims.read(series)).toBeUndefined()
  })

  test('is taken again for a backup that was counted as failed: somebody retries its job', async () => {
    const { claims, ledger } = await openAll()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', series))
    await ledger.settle(series, outcomeOf('r1', series, 'failed'))
    expect(await claims.hold(hold('r1'))).toEqual({ held: true })
  })

  test('of a retried job steps back where a later backup has succeeded meanwhile or is under way', async () => {
    const { claims, ledger } = await openAll()
    await openRun(ledger, 'r1')
    await ledger.plan('r1', planOf('r1', series))
    await ledger.settle(series, outcomeOf('r1', series, 'failed'))
    await openRun(ledger, 'r2')
    expect(await ledger.plan('r2', planOf('r2', series))).toBe('new')
    expect(await claims.hold(hold('r1'))).toMatchObject({ held: false, why: 'superseded', by: `r2.${series}` })
  })

  test('is not taken for a job whose backup may have ended meanwhile, once Redis has lost its run', async () => {
    const { claims, ledger } = await openAll()
    const handedOn = { ...hold('forgotten', { queue: 'downloads' }), isHandedOn: true }
    // It moves the claim that the backup has; when its job was quicker, that is over.
    expect(await claims.hold(hold('forgotten'))).toEqual({ held: true })
    expect(await claims.hold(handedOn)).toEqual({ held: true })
    expect(await claims.read(series)).toMatchObject({ queue: 'downloads' })
    await ledger.settle(series, outcomeOf('forgotten', series, 'done'))
    expect(await claims.hold(handedOn)).toEqual({ held: false, why: 'unwanted' })
    expect(await claims.read(series)).toBeUndefined()
  })

  test('is given to a backup whose run Redis knows nothing of any more', async () => {
    const { claims } = await openAll()
    expect(await claims.hold(hold('forgotten'))).toEqual({ held: true })
  })
})
