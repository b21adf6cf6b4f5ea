import { describe, expect, it } from 'vitest'
import { createWorld } from './test-world.ts'
import type { World } from './world.ts'

type Moves = readonly [project: boolean, task: boolean]

/** What CVAT was measured to do: whose updated_date moves with a change. */
const changes: readonly [name: string, moves: Moves, change: (world: World) => unknown][] = [
  ['annotations', [true, true], (world) => world.annotate(1)],
  ['a new name of the task', [true, true], (world) => world.renameTask(1, 'new')],
  ['an assignee of the task', [true, true], (world) => world.assignTask(1, 'bob')],
  ['a new subset', [true, true], (world) => world.setSubset(1, 'Test')],
  ['a label added to the project', [true, true], (world) => world.addLabel({ type: 'project', id: 1 }, 'x')],
  ['a label changed', [true, true], (world) => world.changeLabel(1, { color: '#00ff00' })],
  ['a guide', [true, false], (world) => world.setGuide({ type: 'project', id: 1 }, '# guide')],
  ['a task created', [true, false], (world) => world.addTask({ projectId: 1, name: 'another' })],
  ['another task deleted', [true, false], (world) => world.deleteTask(2)],
  ['a new name of the project', [true, false], (world) => world.renameProject(1, 'new')],
  ['a frame deleted', [false, true], (world) => world.deleteFrame(1, 0)],
  ['a frame restored', [false, true], (world) => world.restoreFrame(1, 0)],
  ['a job stage that changes the status', [false, true], (world) => world.setJobStage(3, 'validation')],
  ['a job stage that does not', [false, false], (world) => world.setJobStage(1, 'validation')],
  ['a job state', [false, false], (world) => world.setJobState(1, 'completed')],
  ['a ground truth job added', [false, false], (world) => world.addGroundTruthJob(1)],
  ['a ground truth job removed', [false, false], (world) => world.removeGroundTruthJob(1)],
  ['an issue', [false, false], (world) => world.addIssue(1, 'admin', 0, [1, 1])],
  ['media lost on the disk', [false, false], (world) => world.removeMedia(1)],
]

describe('updated_date', () => {
  it.each(changes)('moves with %s as on a real server', (name, [movesProject, movesTask], change) => {
    const world = createWorld()
    world.addProject({ name: 'p' })
    world.addTask({ projectId: 1, name: 't', frames: 4, jobs: 2 })
    world.addTask({ projectId: 1, name: 'other' })
    const ofTask = name === 'a job stage that changes the status' ? 2 : 1
    const before = { project: world.project(1).updatedDate, task: world.task(ofTask).updatedDate }
    change(world)
    expect([world.project(1).updatedDate > before.project, world.task(ofTask).updatedDate > before.task]).toEqual([
      movesProject,
      movesTask,
    ])
  })

  it('stays on the project that a task leaves and moves on the one it comes to', () => {
    const world = createWorld()
    for (const name of ['A', 'B']) world.addProject({ name })
    world.addTask({ projectId: 1, name: 't' })
    const [a, b] = [world.project(1).updatedDate, world.project(2).updatedDate]
    world.moveTask(1, 2)
    expect(world.project(1).updatedDate).toBe(a)
    expect(world.project(2).updatedDate > b).toBe(true)
    expect([world.project(1).taskIds, world.project(2).taskIds]).toEqual([[], [1]])
  })

  it('moves on a job with its state and its stage', () => {
    const world = createWorld()
    world.addTask({ projectId: null, name: 't' })
    const first = world.job(1).updatedDate
    world.setJobState(1, 'completed')
    const second = world.job(1).updatedDate
    world.setJobStage(1, 'acceptance')
    expect([first, second, world.job(1).updatedDate]).toEqual([first, second, world.job(1).updatedDate].sort())
    expect(new Set([first, second, world.job(1).updatedDate]).size).toBe(3)
  })

  it('is never given out twice, however fast changes come', () => {
    const world = createWorld()
    const dates = Array.from({ length: 5000 }, () => world.clock.tick())
    expect(new Set(dates).size).toBe(dates.length)
    expect([...dates].sort()).toEqual(dates)
  })
})
