// People who export their own projects while a backup runs, as the simulated server sees them.

import { setTimeout as sleep } from 'node:timers/promises'
import { seededChance } from '../../test/faults/seeded-random.ts'
import type { Simulator } from '../../test/simulator/simulator.ts'

export interface UserLoad {
  /** Each asks for one export. */
  readonly count: number
  /** When the first may come, and over which time all of them come, by chance. */
  readonly afterMs: number
  readonly withinMs: number
}

/** The same people at the same times for the same projects, every time. Ends by itself. */
export function startUsers({ world, exports, url }: Simulator, { count, afterMs, withinMs }: UserLoad): void {
  const chance = seededChance(count)
  const projects = [...world.projects.keys()]
  for (let index = 0; index < count; index++) {
    const user = world.addUser({ username: `person-${world.users.size}`, password: 'x' })
    const entity = { type: 'project', id: projects[Math.floor(((index + 0.5) / count) * projects.length)]! } as const
    const order = { entity, kind: 'backup', format: null, fileName: null, base: url } as const
    void sleep(afterMs + chance.next() * withinMs).then(() => exports.post(order, user))
  }
}
