// What is told of a restored task: everything that differs, and nothing else.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareTask, type RestoredTask } from '#services/restorer/compare-task.ts'
import type { ExpectedTask } from '#services/restorer/expect-content.ts'

const count = fc.integer({ min: 0, max: 1000 })
const jobs = fc.array(
  fc.record({ type: fc.constantFrom('annotation', 'ground_truth'), startFrame: count, stopFrame: count }),
)
const tasks: fc.Arbitrary<ExpectedTask> = fc.record({
  position: count,
  name: fc.string(),
  subset: fc.string(),
  frames: count,
  observedFrames: fc.constant(undefined),
  deletedFrames: fc.uniqueArray(count),
  jobs,
  annotations: fc.option(count, { nil: undefined }),
  frameNames: fc.option(fc.string(), { nil: undefined }),
})

function asRestored(expected: ExpectedTask): RestoredTask {
  const { name, subset, frames, annotations = 7, frameNames } = expected
  return {
    id: 1,
    name,
    subset,
    frames,
    annotations,
    frameNames,
    // CVAT tells them in another order.
    deletedFrames: expected.deletedFrames.toReversed(),
    jobs: expected.jobs.toReversed(),
  }
}

test('a task that is as it was has no differences, in whatever order jobs and deleted frames are told', () => {
  fc.assert(
    fc.property(tasks, (expected) => {
      expect(compareTask(expected, asRestored(expected))).toEqual([])
    }),
  )
})

const changes: Record<string, (task: RestoredTask) => RestoredTask> = {
  name: (task) => ({ ...task, name: `${task.name}x` }),
  subset: (task) => ({ ...task, subset: `${task.subset}x` }),
  frames: (task) => ({ ...task, frames: task.frames + 1 }),
  'deleted frames': (task) => ({ ...task, deletedFrames: [...task.deletedFrames, 5000] }),
  jobs: (task) => ({ ...task, jobs: [...task.jobs, { type: 'annotation', startFrame: 0, stopFrame: 1 }] }),
  'a job': (task) => ({
    ...task,
    jobs: [...task.jobs.slice(1), { type: 'annotation', startFrame: 2000, stopFrame: 1 }],
  }),
}

test.each(Object.entries(changes))('another value of %s is told', (_, change) => {
  fc.assert(
    fc.property(tasks, (expected) => {
      expect(compareTask(expected, change(asRestored(expected))).length).toBeGreaterThan(0)
    }),
  )
})

test('another number of annotations, and frames of other names, are told where they are known', () => {
  fc.assert(
    fc.property(tasks, (expected) => {
      const restored = asRestored(expected)
      const fewer = compareTask(expected, { ...restored, annotations: restored.annotations + 1 })
      expect(fewer.length).toBe(expected.annotations === undefined ? 0 : 1)
      const renamed = compareTask(expected, { ...restored, frameNames: 'others' })
      expect(renamed.length).toBe(expected.frameNames === undefined || expected.frameNames === 'others' ? 0 : 1)
    }),
  )
})

test('a frame that the archive lost, checksums and all, is told by what the server had said', () => {
  fc.assert(
    fc.property(tasks, (expected) => {
      const planted = { ...expected, observedFrames: expected.frames + 1 }
      expect(compareTask(planted, asRestored(expected))).toEqual([
        { where: expect.any(String), what: expect.stringContaining('the server had') },
      ])
    }),
  )
})

test('a task that is not there is told', () => {
  fc.assert(
    fc.property(tasks, (expected) => {
      expect(compareTask(expected, undefined)).toHaveLength(1)
    }),
  )
})
