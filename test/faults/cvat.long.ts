// Faults of the CVAT server and of the network before it, at length.

import { it } from 'vitest'
import {
  breakLargeFile,
  brokenBodies,
  type CvatFault,
  serverEvents,
  strikeCvat,
  troubleFor,
  workerGone,
} from './cvat-faults.ts'
import { measure } from './measure.ts'

const entities = 40
const timeout = 1_200_000

it.concurrent.for<CvatFault>([...troubleFor(60_000), ...brokenBodies, ...serverEvents, workerGone])(
  '$name',
  { timeout },
  async (fault, test) => {
    await measure({ fault: fault.name, strikes: 1, entities }, (chance) => strikeCvat(test, fault, entities, chance))
  },
)

it('connections reset in a file of 1 GB', { timeout }, async (test) => {
  await measure({ fault: 'connections reset in a file of 1 GB', strikes: 1, entities: 1 }, (chance) =>
    breakLargeFile(test, 1_000, chance),
  )
})
