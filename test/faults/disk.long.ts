// Faults of the disk, at length.

import { it } from 'vitest'
import {
  denyWriting,
  fillDisk,
  loseFolder,
  loseWrites,
  makeReadOnly,
  removeFolder,
  spoilStored,
} from './disk-faults.ts'
import { measure } from './measure.ts'
import { whyNoSmallDisk } from './small-disk.ts'

const entities = 40
const timeout = 1_800_000
const noDisk = whyNoSmallDisk()
const reason = noDisk ? ` (skipped: ${noDisk})` : ''

it.concurrent('folder removed for good', { timeout }, async (test) => {
  await measure({ fault: 'backup directory removed, then the next backup', strikes: 1, entities }, (chance) =>
    removeFolder({ test, entities, chance }),
  )
})

it.concurrent('folder gone for 60 s', { timeout }, async (test) => {
  await measure({ fault: 'backup directory gone for 60 s', strikes: 1, entities }, (chance) =>
    loseFolder({ test, entities, chance }, 60_000),
  )
})

it.concurrent('writing denied for 60 s', { timeout }, async (test) => {
  await measure({ fault: 'backup directory may not be written for 60 s', strikes: 1, entities }, (chance) =>
    denyWriting({ test, entities, chance }, 60_000),
  )
})

it.concurrent('writes lost for 30 s', { timeout }, async (test) => {
  await measure({ fault: 'I/O errors on writing for 30 s', strikes: 1, entities }, (chance) =>
    loseWrites({ test, entities, chance }, 30_000),
  )
})

it.concurrent('a quarter of all archives spoilt', { timeout }, async (test) => {
  await measure(
    { fault: 'I/O errors on reading, then bits lost in stored archives', strikes: 10, entities },
    (chance) => spoilStored({ test, entities, chance }),
  )
})

it.skipIf(noDisk)(`disk full for 60 s${reason}`, { timeout }, async (test) => {
  await measure({ fault: 'disk full for 60 s', strikes: 1, entities }, (chance) =>
    fillDisk({ test, entities, chance }, 60_000),
  )
})

it.skipIf(noDisk)(`disk read-only for 60 s${reason}`, { timeout }, async (test) => {
  await measure({ fault: 'disk read-only for 60 s', strikes: 1, entities }, (chance) =>
    makeReadOnly({ test, entities, chance }, 60_000),
  )
})
