// The small world that the simulator's own tests start from: admin and bob, nothing else.

import { World } from './world.ts'

export function createWorld(): World {
  const world = new World()
  world.addUser({ username: 'admin', password: 'admin-password', isSuperuser: true })
  world.addUser({ username: 'bob', password: 'bob-password' })
  return world
}
