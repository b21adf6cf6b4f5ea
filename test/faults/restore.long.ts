// Restores that are killed and cut off, at length.

import { it } from 'vitest'
import { measure } from './measure.ts'
import { killRecovery, strikeUpload } from './restore-faults.ts'

const timeout = 3_600_000

it('kill -9 of a recovery of 200', { timeout }, async (test) => {
  const about = { fault: 'kill -9 of a recovery', strikes: 5, entities: 200 }
  await measure(about, (chance) => killRecovery(test, { entities: 200, kills: 5 }, chance))
})

it('cuts and kills of an upload of 1 GB', { timeout }, async (test) => {
  const about = { fault: 'cuts and kills of an upload of 1 GB', strikes: 55, entities: 1 }
  await measure(about, async (chance) => {
    const struck = await strikeUpload(test, { sizeBytes: 1e9, chunkBytes: 16e6, cuts: 50, kills: 5 }, chance)
    process.stdout.write(`${JSON.stringify(struck)}\n`)
    return { archives: 1, lost: [], torn: [], doubled: [], peakMemoryMegabytes: struck.peakMegabytes }
  })
})
