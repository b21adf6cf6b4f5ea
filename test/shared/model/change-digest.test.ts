// What CVAT's dates and counts do at each change, played on a simulated server: no change may go unseen.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CvatClient } from '#shared/cvat/client.ts'
import { observeEntity } from '#shared/cvat/observe-entity.ts'
import { describeChange, digestObservation, newestChange } from '#shared/model/change-digest.ts'
import { compareServerDates } from '#shared/model/server-date.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { emptyWorld } from '../../support/small-world.ts'
import { openTestClient } from '../../support/start-stack.ts'

let simulator: Simulator
let cvat: CvatClient

beforeAll(async () => {
  simulator = await startSimulator({ world: emptyWorld(), capacity: { basicCostMs: 0 } })
  cvat = openTestClient(simulator.url)
})
afterAll(async () => {
  await cvat.close()
  await simulator.close()
})

/** Two projects of two tasks each; the change; whether project A and its first task look different afterwards. */
interface Row {
  readonly change: (parts: { a: number; b: number; task: number; other: number; job: number }) => void
  readonly project: RegExp | undefined
  readonly task: RegExp | undefined
}

const rows: Record<string, Row> = {
  'annotations are added': {
    change: ({ task }) => simulator.world.annotate(task),
    project: /^changed on /,
    task: /^changed on /,
  },
  'the task is renamed': {
    change: ({ task }) => simulator.world.renameTask(task, 'other'),
    project: /^changed on /,
    task: /^changed on /,
  },
  'the project is renamed': {
    change: ({ a }) => simulator.world.renameProject(a, 'other'),
    project: /^changed on /,
    task: undefined,
  },
  'a label is added': {
    change: ({ a }) => void simulator.world.addLabel({ type: 'project', id: a }, 'tree'),
    project: /^changed on /,
    task: /^changed on /,
  },
  'the guide is written': {
    change: ({ a }) => void simulator.world.setGuide({ type: 'project', id: a }, '# how'),
    project: /^changed on /,
    task: undefined,
  },
  'a task is created': {
    change: ({ a }) => void simulator.world.addTask({ projectId: a, name: 'new' }),
    project: /^changed on /,
    task: undefined,
  },
  'a task is deleted': {
    change: ({ other }) => simulator.world.deleteTask(other),
    project: /^changed on /,
    task: undefined,
  },
  'a frame is deleted': {
    change: ({ task }) => simulator.world.deleteFrame(task, 1),
    project: /^a task changed on /,
    task: /^changed on /,
  },
  'a deleted frame is restored': {
    change: ({ task }) => simulator.world.restoreFrame(task, 0),
    project: /^a task changed on /,
    task: /^changed on /,
  },
  'a task moves out to another project': {
    change: ({ other, b }) => simulator.world.moveTask(other, b),
    project: /^has 1 tasks, had 2$/,
    task: undefined,
  },
  'a task moves in and another one out': {
    change: ({ a, b, other }) => {
      const [stranger] = simulator.world.tasksOf(b)
      simulator.world.moveTask(other, b)
      simulator.world.moveTask(stranger!.id, a)
    },
    project: /^changed on /,
    task: undefined,
  },
  'a ground truth job is added': {
    change: ({ task }) => void simulator.world.addGroundTruthJob(task, [1]),
    project: /^has 4 jobs, had 3$/,
    task: /^has 2 jobs, had 1$/,
  },
  'a ground truth job is removed': {
    change: ({ other }) => simulator.world.removeGroundTruthJob(other),
    project: /^has 2 jobs, had 3$/,
    task: undefined,
  },
  'a job changes its state': {
    change: ({ job }) => simulator.world.setJobState(job, 'completed'),
    project: undefined,
    task: undefined,
  },
  'a ground truth job is replaced by another': {
    change: ({ other }) => {
      simulator.world.removeGroundTruthJob(other)
      simulator.world.addGroundTruthJob(other)
    },
    project: /^has another job \(\d+\)$/,
    task: undefined,
  },
  'an issue is found and commented on': {
    change: ({ job }) => simulator.world.addIssue(job, 'admin', 0, [1, 1]),
    project: undefined,
    task: undefined,
  },
  'a job changes its stage, and the status of its task by it': {
    change: ({ job }) => simulator.world.setJobStage(job, 'validation'),
    project: /^a task changed on /,
    task: /^changed on /,
  },
  'nothing happens': { change: () => undefined, project: undefined, task: undefined },
  'the entity is exported': {
    change: ({ a }) => {
      const user = simulator.world.findUser('admin')!
      const base = simulator.url
      simulator.exports.post(
        { entity: { type: 'project', id: a }, kind: 'backup', format: null, fileName: null, base },
        user,
      )
    },
    project: undefined,
    task: undefined,
  },
}

describe('what changes when', () => {
  test.each(Object.entries(rows))('%s', async (_, row) => {
    const { world } = simulator
    const a = world.addProject({ name: 'A' }).id
    const b = world.addProject({ name: 'B' }).id
    const task = world.addTask({ projectId: a, name: 'first' }).id
    const other = world.addTask({ projectId: a, name: 'second' }).id
    world.addTask({ projectId: b, name: 'third' })
    world.deleteFrame(task, 0)
    world.addGroundTruthJob(other)
    const job = world.jobsOf(world.task(task))[0]!.id
    const observe = async (type: 'project' | 'task', id: number) =>
      digestObservation(await observeEntity({ type, id }, null, cvat, AbortSignal.timeout(5_000)))

    const before = { project: await observe('project', a), task: await observe('task', task) }
    row.change({ a, b, task, other, job })
    const project = describeChange(before.project, await observe('project', a))
    const ofTask = describeChange(before.task, await observe('task', task))
    if (row.project) expect(project).toMatch(row.project)
    else expect(project).toBeUndefined()
    if (row.task) expect(ofTask).toMatch(row.task)
    else expect(ofTask).toBeUndefined()
  })
})

test('the newest change is the latest of the dates of project, tasks and jobs', async () => {
  const { world } = simulator
  const { id } = world.addProject({ name: 'C' })
  const task = world.addTask({ projectId: id, name: 'only' })
  const observe = () => observeEntity({ type: 'project', id }, null, cvat, AbortSignal.timeout(5_000))
  world.setGuide({ type: 'project', id }, 'text')
  expect(newestChange(await observe())).toBe(world.project(id).updatedDate)
  world.deleteFrame(task.id, 0)
  expect(newestChange(await observe())).toBe(world.task(task.id).updatedDate)
  world.setJobState(task.jobIds[0]!, 'completed')
  const newest = newestChange(await observe())
  expect(newest).toBe(world.job(task.jobIds[0]!).updatedDate)
  expect(compareServerDates(newest, world.task(task.id).updatedDate)).toBeGreaterThan(0)
})
