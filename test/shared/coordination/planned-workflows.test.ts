import { expect, test } from 'vitest'
import { claimKey, openClaims } from '#shared/coordination/claims.ts'
import { openRunLedger, type Plan } from '#shared/coordination/run-ledger.ts'
import { accountKey } from '#shared/queues/outcomes-queue.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { openRun, outcomeOf, planOf } from './ledger-steps.ts'

const redis = useRedis()
expectNoLeaks()

const [backup, workflow] = ['project-1.backup', 'project-1.workflow'] as const

async function openLedger() {
  const connection = await redis.connect()
  const ledger = openRunLedger(connection)
  await openRun(ledger, 'r1')
  await openRun(ledger, 'r2')
  return { ...connection, ledger, claims: openClaims(connection) }
}

const planWorkflow = (runId: string): Plan => ({ ...planOf(runId, workflow, 'workflow'), listedAs: backup })
const noted = (runId: string) => ({ ...outcomeOf(runId, workflow, 'noted'), isWorkflow: true })

test('a sidecar is planned once, counted once, and told as noted', async () => {
  const { ledger, redis: client, prefix } = await openLedger()
  expect(await ledger.plan('r1', planWorkflow('r1'))).toBe('new')
  expect(await ledger.plan('r1', planWorkflow('r1')), 'its job is added again').toBe('new')
  expect(await client.hget(claimKey(prefix, workflow), 'queue')).toBe('workflows')
  await ledger.endListing('r1')
  expect(accountKey(noted('r1'))).toBe(workflow)
  expect(await ledger.settle(workflow, noted('r1'))).toEqual(['r1'])
  expect(await ledger.settle(workflow, noted('r1'))).toEqual([])
  expect(await ledger.read('r1')).toMatchObject({ total: 1, noted: 1, done: 0, skipped: 0 })
  expect((await ledger.events('r1', '0')).map(({ what }) => what)).toEqual(['noted'])
})

test.each(['skip', 'backup'] as const)(
  'a page that is listed again with another decision (%s) counts no entity twice',
  async (action) => {
    const { ledger } = await openLedger()
    await ledger.plan('r1', planWorkflow('r1'))
    expect(await ledger.plan('r1', planOf('r1', backup, action))).toBe('counted')
    expect(await ledger.read('r1')).toMatchObject({ total: 1 })
    const other = await openLedger()
    await other.ledger.plan('r1', planOf('r1', backup, action))
    expect(await other.ledger.plan('r1', planWorkflow('r1'))).toBe('counted')
    expect(await other.ledger.read('r1')).toMatchObject({ total: 1 })
  },
)

test('who needs a backup does not join a sidecar, nor the other way round; who needs the same joins', async () => {
  const { ledger, claims } = await openLedger()
  expect(await ledger.plan('r1', planWorkflow('r1'))).toBe('new')
  expect(await ledger.plan('r2', planOf('r2', backup))).toBe('new')
  await openRun(ledger, 'r3')
  expect(await ledger.plan('r3', planWorkflow('r3'))).toBe('joined')
  expect((await claims.read(backup))?.backupId).toBe(`r2.${backup}`)
  for (const runId of ['r1', 'r2', 'r3']) await ledger.endListing(runId)
  expect((await ledger.settle(workflow, noted('r1'))).sort()).toEqual(['r1', 'r3'])
  expect(await ledger.read('r2')).toMatchObject({ noted: 0, done: 0 })
  expect(await ledger.countPending('r2')).toBe(1)
})
