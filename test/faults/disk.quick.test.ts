// A disk that fails in the middle of a run.

import { describe, expect, it } from 'vitest'
import { denyWriting, fillDisk, loseFolder, loseWrites, makeReadOnly, spoilStored } from './disk-faults.ts'
import { startChance } from './seeded-random.ts'
import { whyNoSmallDisk } from './small-disk.ts'

const entities = 12
const timeout = 300_000
const noDisk = whyNoSmallDisk()
const reason = noDisk ? ` (skipped: ${noDisk})` : ''

describe.concurrent('a run outlives', () => {
  it.skipIf(noDisk)(`a full disk, which it waits for${reason}`, { timeout }, async (test) => {
    const found = await fillDisk({ test, entities, chance: startChance('disk full') }, 1_000)
    expect(found.archives).toBe(entities)
  })

  it.skipIf(noDisk)(`a disk that is read-only for a while${reason}`, { timeout }, async (test) => {
    const found = await makeReadOnly({ test, entities, chance: startChance('disk read-only') }, 4_000)
    expect(found.archives).toBe(entities)
  })

  it('a disk that loses what is written for a while', { timeout }, async (test) => {
    const found = await loseWrites({ test, entities, chance: startChance('I/O errors on writing') }, 1_000)
    expect(found.archives).toBe(entities)
  })

  it('a folder that is gone for a while, as a lost mount is', { timeout }, async (test) => {
    const found = await loseFolder({ test, entities, chance: startChance('folder gone for a while') }, 4_000)
    expect(found.archives).toBe(entities)
  })

  it('a folder that may not be written for a while', { timeout }, async (test) => {
    const found = await denyWriting({ test, entities, chance: startChance('writing denied') }, 4_000)
    expect(found.archives).toBe(entities)
  })
})

it('stored archives that lose bits are named by a re-check and backed up anew by the next run', {
  timeout,
}, async (test) => {
  const found = await spoilStored({ test, entities, chance: startChance('bit rot') })
  expect(found.renewed).toBeGreaterThan(0)
  expect(found.archives).toBe(entities + found.renewed)
})
