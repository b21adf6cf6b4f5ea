import { expect, it } from 'vitest'
import { killEverything } from './kill-everything.ts'
import { startChance } from './seeded-random.ts'

it('after kill -9 of everything in the middle of a run, one more backup has everything', async (test) => {
  const found = await killEverything(test, { entities: 30, cuts: 1 }, startChance('kill -9 of everything'))
  expect(found.archives).toBe(30)
}, 120_000)
