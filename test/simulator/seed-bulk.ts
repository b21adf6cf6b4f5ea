// Many small projects and tasks, for measuring: numbers instead of names.

import type { World } from './world.ts'

export interface BulkSeed {
  readonly projects: number
  /** Tasks outside projects. */
  readonly tasks: number
  readonly tasksPerProject: number
  /** Projects and tasks go round these, personal ones among them. */
  readonly orgs: number
  readonly frames: number
  readonly bytesPerFrame: number
  /** In tasks of projects. */
  readonly shapesPerFrame?: number
}

export const smallBulk: BulkSeed = {
  projects: 0,
  tasks: 0,
  tasksPerProject: 1,
  orgs: 0,
  frames: 3,
  bytesPerFrame: 1000,
}

/** Adds admin / admin-password to a world without users, then what the numbers say. */
export function seedBulk(world: World, seed: Partial<BulkSeed>): void {
  const { projects, tasks, tasksPerProject, orgs, frames, bytesPerFrame, shapesPerFrame } = { ...smallBulk, ...seed }
  if (world.users.size === 0) world.addUser({ username: 'admin', password: 'admin-password', isSuperuser: true })
  for (let index = 1; index <= orgs; index += 1) world.addOrganization({ slug: `org-${index}` })
  const placeOf = (index: number) => (index % (orgs + 1) === 0 ? {} : { organization: `org-${index % (orgs + 1)}` })
  for (let index = 1; index <= projects; index += 1) {
    const { id } = world.addProject({ name: `project ${index}`, labels: ['car'], ...placeOf(index) })
    for (let task = 0; task < tasksPerProject; task += 1) {
      const name = `task ${task} of project ${index}`
      const shapes = shapesPerFrame === undefined ? {} : { shapesPerFrame }
      world.addTask({ projectId: id, name, frames, bytesPerFrame, ...shapes })
    }
  }
  for (let index = 1; index <= tasks; index += 1) {
    world.addTask({ projectId: null, name: `free task ${index}`, frames, bytesPerFrame, ...placeOf(index) })
  }
}
