// A CVAT server, or a network before it, that fails in the middle of a run.

import { expect, it } from 'vitest'
import { brokenBodies, type CvatFault, serverEvents, strikeCvat, troubleFor } from './cvat-faults.ts'
import { startChance } from './seeded-random.ts'

const entities = 9

it.concurrent.for<CvatFault>([...troubleFor(2_000), ...brokenBodies, ...serverEvents])(
  'a run loses nothing by: $name',
  { timeout: 120_000 },
  async (fault, test) => {
    const found = await strikeCvat(test, fault, entities, startChance(fault.name))
    const failing = fault.failing?.filter((name) => name.startsWith('project-')) ?? []
    expect(found.archives).toBe(entities - failing.length)
  },
)
