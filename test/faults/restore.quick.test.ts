// Restores that are killed and cut off.

import { it } from 'vitest'
import { killRecovery, strikeUpload } from './restore-faults.ts'
import { startChance } from './seeded-random.ts'

it('a recovery of 40 that is killed five times makes each exactly once', { timeout: 300_000 }, async (test) => {
  await killRecovery(test, { entities: 40, kills: 5 }, startChance('recovery'))
})

it('an upload survives 50 cuts and 5 kills, and sends little twice', { timeout: 300_000 }, async (test) => {
  const about = { sizeBytes: 100e6, chunkBytes: 4e6, cuts: 50, kills: 5 }
  const struck = await strikeUpload(test, about, startChance('upload'))
  process.stdout.write(`${JSON.stringify(struck)}\n`)
})
