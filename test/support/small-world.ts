// Simulated servers of a few entities.

import type { World } from '../simulator/world.ts'
import { World as EmptyWorld } from '../simulator/world.ts'

export const login = { username: 'admin', password: 'admin-pw-7Qx' } as const

/** One administrator and nothing else. */
export function emptyWorld(): World {
  const world = new EmptyWorld()
  world.addUser({ ...login, isSuperuser: true })
  return world
}

/** Projects 1…n with one small task each, then loose tasks. */
export function smallWorld({ projects = 1, looseTasks = 0 } = {}): World {
  const world = emptyWorld()
  for (let i = 1; i <= projects; i++) {
    const { id } = world.addProject({ name: `project ${i}` })
    world.addTask({ projectId: id, name: `task of ${i}`, frames: 2, bytesPerFrame: 500 })
  }
  for (let i = 1; i <= looseTasks; i++) {
    world.addTask({ projectId: null, name: `loose ${i}`, frames: 2, bytesPerFrame: 500 })
  }
  return world
}
