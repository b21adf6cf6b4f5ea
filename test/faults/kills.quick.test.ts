// Processes that die or are restarted in the middle of a run. `npm run test:faults` does the same at length.

import { expect, it } from 'vitest'
import { killEverything } from './kill-everything.ts'
import { killServices } from './kill-services.ts'
import { startChance } from './seeded-random.ts'

const timeout = 300_000

it.concurrent('a run whose services are killed at random moments loses, tears and doubles nothing', {
  timeout,
}, async (test) => {
  const chance = startChance('kill -9 of services')
  const found = await killServices(test, { entities: 30, kills: 10, signal: 'SIGKILL', pauseMs: [100, 700] }, chance)
  expect(found.archives).toBe(30 * found.runs)
})

it.concurrent('services that are asked to stop hand their work back within 10 s, and the run goes on', {
  timeout,
}, async (test) => {
  const chance = startChance('SIGTERM to services')
  const found = await killServices(test, { entities: 20, kills: 8, signal: 'SIGTERM', pauseMs: [100, 500] }, chance)
  expect(found.archives).toBe(20 * found.runs)
})

it.concurrent('after kill -9 of everything in the middle of a run, one more backup has everything', {
  timeout,
}, async (test) => {
  const found = await killEverything(test, { entities: 30, cuts: 1 }, startChance('kill -9 of everything'))
  expect(found.archives).toBe(30)
})

it.concurrent('of runs that make snapshots, killed at random moments, every snapshot has all its parts', {
  timeout,
}, async (test) => {
  const chance = startChance('kill -9 of services, incremental')
  const kills = { entities: 12, kills: 8, signal: 'SIGKILL', pauseMs: [100, 700], strategy: 'incremental' } as const
  const found = await killServices(test, kills, chance)
  expect(found.archives).toBe(12 * found.runs)
})

it.concurrent('after kill -9 of everything while snapshots are made, one more backup has everything', {
  timeout,
}, async (test) => {
  const found = await killEverything(
    test,
    { entities: 12, cuts: 1, strategy: 'incremental' },
    startChance('incremental cut'),
  )
  expect(found.archives).toBe(12)
})
