import { expect, test } from 'vitest'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { openRun, outcomeOf, planOf } from './ledger-steps.ts'

const redis = useRedis()
expectNoLeaks()

const [project, task] = ['project-1.backup', 'task-3.backup'] as const

async function openLedger() {
  const ledger = openRunLedger(await redis.connect())
  await openRun(ledger, 'r1')
  return ledger
}

test('what is entered besides the listing counts once, however the listing goes on', async () => {
  const ledger = await openLedger()
  expect(await ledger.plan('r1', planOf('r1', task), 'besides')).toBe('new')
  await ledger.advance('r1', 'projects 1')
  expect(await ledger.plan('r1', planOf('r1', task), 'besides')).toBe('new')
  expect(await ledger.read('r1')).toMatchObject({ total: 1 })
  await ledger.settle(task, outcomeOf('r1', task, 'done'))
  expect(await ledger.plan('r1', planOf('r1', task), 'besides')).toBe('counted')
  expect(await ledger.read('r1')).toMatchObject({ total: 1, done: 1 })
})

test.each([
  ['besides', 'listed'],
  ['listed', 'besides'],
] as const)('what is entered as %s and then as %s counts once', async (first, second) => {
  const ledger = await openLedger()
  await ledger.plan('r1', planOf('r1', task), first)
  await ledger.plan('r1', planOf('r1', task), second)
  await ledger.plan('r1', planOf('r1', task, 'skip'), second)
  expect(await ledger.read('r1')).toMatchObject({ total: 1, skipped: 0 })
  expect(await ledger.countPending('r1')).toBe(1)
})

test('a run does not end while something that was entered besides is awaited', async () => {
  const ledger = await openLedger()
  await ledger.plan('r1', planOf('r1', project))
  await ledger.endListing('r1')
  await ledger.plan('r1', planOf('r1', task), 'besides')
  expect(await ledger.settle(project, outcomeOf('r1', project, 'done'))).toEqual([])
  expect(await ledger.settle(task, outcomeOf('r1', task, 'done'))).toEqual(['r1'])
})

test('waiting for a backup are the run that began it, those that joined, and those that it had failed for', async () => {
  const ledger = await openLedger()
  await openRun(ledger, 'r2')
  await ledger.plan('r1', planOf('r1', project))
  await ledger.plan('r2', planOf('r2', project))
  const outcome = outcomeOf('r1', project, 'done')
  expect(await ledger.waiting(project, outcome)).toEqual({ runs: ['r1', 'r2'], joined: 2 })
  await ledger.settle(project, outcomeOf('r1', project, 'failed'))
  expect(await ledger.waiting(project, outcome)).toEqual({ runs: ['r1', 'r2'], joined: 0 })
  await ledger.settle(project, outcome)
  expect(await ledger.waiting(project, outcome)).toEqual({ runs: ['r1'], joined: 0 })
})

test('an outcome does not count while a run has joined that was not seen to wait', async () => {
  const ledger = await openLedger()
  await openRun(ledger, 'r2')
  await ledger.plan('r1', planOf('r1', project))
  const outcome = outcomeOf('r1', project, 'done')
  const alone = await ledger.waiting(project, outcome)
  await ledger.plan('r2', planOf('r2', project))
  for (const runId of ['r1', 'r2']) await ledger.endListing(runId)
  expect(await ledger.settleIfSame(project, outcome, alone)).toBeUndefined()
  expect(await ledger.countPending('r1')).toBe(1)
  const both = await ledger.waiting(project, outcome)
  expect((await ledger.settleIfSame(project, outcome, both))?.sort()).toEqual(['r1', 'r2'])
  expect(await ledger.settleIfSame(project, outcome, both), 'repeated').toEqual([])
})

test('a note is kept once for each series', async () => {
  const ledger = await openLedger()
  const note = { series: project, name: 'roads', text: 'old' }
  await ledger.addNote('r1', note)
  await ledger.addNote('r1', { ...note, text: 'older' })
  expect(await Array.fromAsync(ledger.notes('r1'))).toEqual([{ ...note, text: 'older' }])
})
