import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  describeLeftTask,
  describeStaleTask,
  findSuspects,
  type ServerTask,
} from '#services/downloader/compare-archive.ts'
import type { Observation, TaskObservation } from '#shared/model/observation.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import type { ArchivedTask } from '#shared/store/inspection.ts'

const folder = join(import.meta.dirname, '../../fixtures/archives')
const early = '2026-11-22T20:00:00.000001Z'
const late = '2026-11-22T20:00:00.000002Z'

const archived: ArchivedTask = {
  position: 0,
  taskId: 17,
  name: 'night',
  subset: 'Train',
  frames: 20,
  status: 'annotation',
  deletedFrames: [],
  groundTruthJobs: 0,
}
const observed: TaskObservation = {
  id: 17,
  name: 'night',
  subset: 'Train',
  size: 20,
  updatedDate: late,
  jobCount: 1,
  newestJobDate: early,
  groundTruthJobs: 0,
}
const server: ServerTask = { name: 'night', subset: 'Train', status: 'annotation', deletedFrames: [] }

function observe(updatedDate: string, ...tasks: TaskObservation[]): Observation {
  return { name: 'roads', organization: null, updatedDate, tasks }
}

function compare(changes: Partial<ArchivedTask>, now: Partial<ServerTask> = {}): string | undefined {
  const task = { ...archived, ...changes }
  return describeStaleTask({ archived: task, observed, hasChanged: true }, { ...server, ...now }, [task])?.message
}

describe('who is asked about', () => {
  test('nobody, where no task is newer than its project', () => {
    expect(findSuspects('project', [archived], observe(late, observed))).toEqual([])
  })

  test('a task that is newer than its project, by a microsecond', () => {
    expect(findSuspects('project', [archived], observe(early, observed))).toMatchObject([{ hasChanged: true }])
  })

  test('in its own backup a task only for its ground truth: CVAT keeps that file by the date of the task', () => {
    const own = observe(late, { ...observed, groundTruthJobs: 1 })
    expect(findSuspects('task', [archived], observe(early, observed))).toEqual([])
    expect(findSuspects('task', [archived], own)).toMatchObject([{ hasChanged: false }])
  })

  test('nobody for ground truth that an earlier version did not observe', () => {
    const { groundTruthJobs: _, ...old } = observed
    const withGroundTruth = { ...archived, groundTruthJobs: 1 }
    expect(findSuspects('task', [withGroundTruth], observe(late, old))).toEqual([])
  })

  test('no task that has left the project', () => {
    expect(findSuspects('project', [{ ...archived, taskId: undefined }], observe(early))).toEqual([])
  })
})

describe('a task is an old one', () => {
  test('not when all is the same', () => {
    expect(compare({})).toBeUndefined()
    expect(compare({ deletedFrames: [7, 3] }, { deletedFrames: [3, 7] })).toBeUndefined()
  })

  test.each([
    [{ name: 'dusk' }, 'name "dusk" in the archive, "night" on the server'],
    [{ subset: '' }, 'subset "" in the archive, "Train" on the server'],
    [{ status: 'completed' }, 'status completed in the archive, annotation on the server'],
    [{ deletedFrames: [3, 7] }, 'deleted frames 3, 7 in the archive, none on the server'],
  ])('with another %j', (changes, message) => {
    expect(compare(changes)).toBe(`Task 17 is in an old state: ${message}`)
  })

  test('not for what its archive does not tell', () => {
    expect(compare({ status: undefined, deletedFrames: undefined }, { deletedFrames: [1] })).toBeUndefined()
    expect(compare({}, { status: null })).toBeUndefined()
  })

  test('whichever frames were deleted or restored, and only then', () => {
    const frames = fc.uniqueArray(fc.nat(40))
    fc.assert(
      fc.property(frames, frames, (before, after) => {
        const message = compare({ deletedFrames: before }, { deletedFrames: after })
        const isSame = before.length === after.length && before.every((frame) => after.includes(frame))
        expect(message === undefined).toBe(isSame)
        expect(message?.length ?? 0).toBeLessThan(250)
      }),
    )
  })

  test('when it changed and cannot be told from one that has left the project', () => {
    const twin = { ...archived, position: 1, taskId: undefined }
    const message = describeStaleTask({ archived, observed, hasChanged: true }, server, [archived, twin])?.message
    expect(message).toBe('Task 17 is in an old state: it cannot be told from a task that has left the project')
    const other = { ...twin, frames: 21 }
    expect(describeStaleTask({ archived, observed, hasChanged: true }, server, [archived, other])).toBeUndefined()
  })

  test('names cannot forge lines', () => {
    expect(describeLeftTask({ ...archived, name: 'a\n  FAILED' }).message).not.toContain('\n')
  })
})

describe('archives that a real CVAT made', () => {
  async function inspect(name: string, task: Partial<TaskObservation> = {}) {
    const observation = observe(late, { ...observed, size: 8, ...task })
    const path = join(folder, name)
    const content = { kind: 'backup' } as const
    const { tasks } = await inspectArchive(path, { entityType: 'task', content, observation })
    return { tasks, suspects: findSuspects('task', tasks, observation) }
  }

  test('without the ground truth job that was added before the export is seen to be an old one', async () => {
    const { tasks, suspects } = await inspect('kinds/gt_job_added_but_export_stale.zip', { groundTruthJobs: 1 })
    expect(suspects.map((suspect) => describeStaleTask(suspect, undefined, tasks))).toEqual([
      {
        code: 'stale',
        message: 'Task 17 is in an old state: ground truth jobs 0 in the archive, 1 on the server',
        taskId: 17,
      },
    ])
  })

  test.each([
    ['kinds/gt_job_added_later_disabled_frame.zip', 1],
    ['kinds/gt_at_creation.zip', 1],
    ['kinds/honeypots.zip', 1],
    ['kinds/consensus_replicas.zip', 0],
  ])('%s has its ground truth', async (name, groundTruthJobs) => {
    expect((await inspect(name, { groundTruthJobs })).suspects).toEqual([])
  })

  test('are read with name, status, subset and deleted frames', async () => {
    const { tasks } = await inspect('task_backup.zip', { size: 5 })
    expect(tasks).toEqual([
      {
        position: 0,
        taskId: 17,
        name: 'eta task 0',
        subset: '',
        frames: 5,
        status: 'completed',
        deletedFrames: [0],
        groundTruthJobs: 0,
      },
    ])
  })
})
