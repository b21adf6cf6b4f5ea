import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matchTasks, type TaskIdentity } from '#shared/store/match-tasks.ts'
import { observe } from './plan-backup.ts'

/** The archive of a project as it was when it had these tasks. */
function archive(tasks: readonly { name: string; subset: string; size: number }[]): TaskIdentity[] {
  return tasks.flatMap(({ name, subset, size }, position) =>
    size > 0 ? [{ position, name, subset, frames: size }] : [],
  )
}

const idsOf = (archived: TaskIdentity[], observed: ReturnType<typeof observe>['tasks']) => {
  const { tasks, isByPlace } = matchTasks(archived, observed)
  return { ids: [...tasks].map(([position, { id }]) => [position, id]), isByPlace }
}

test('places count where as many tasks have data, whatever the tasks are called', () => {
  const { tasks } = observe(3, 0, 4)
  const renamed = archive(tasks).map((task) => ({ ...task, name: 'old name' }))
  const ids = [
    [0, 101],
    [2, 103],
  ]
  expect(idsOf(renamed, tasks)).toEqual({ ids, isByPlace: true })
})

test('after a task has left, the others are found by name though their places have shifted', () => {
  const { tasks } = observe(3, 4, 5)
  const [, ...rest] = tasks
  const ids = [
    [1, 102],
    [2, 103],
  ]
  expect(idsOf(archive(tasks), rest)).toEqual({ ids, isByPlace: false })
})

test('an archive that lacks a task of the server is taken by its places', () => {
  const { tasks } = observe(3, 4, 5)
  expect(idsOf(archive(tasks.slice(0, 2)), tasks)).toEqual({
    ids: [
      [0, 101],
      [1, 102],
    ],
    isByPlace: true,
  })
})

test('whichever tasks left, every other one is found, in order and once', () => {
  const rows = fc.array(fc.record({ size: fc.integer({ min: 0, max: 3 }), stays: fc.boolean() }), { maxLength: 8 })
  fc.assert(
    fc.property(rows, fc.boolean(), (all, sameName) => {
      const observed = observe(...all.map(({ size }) => size)).tasks
      const before = observed.map((task) => ({ ...task, ...(sameName && { name: 'batch' }) }))
      const after = before.filter((_, index) => all[index]!.stays)
      const found = [...matchTasks(archive(before), after).tasks]
      expect(found.map(([, { id }]) => id)).toEqual(after.filter(({ size }) => size > 0).map(({ id }) => id))
      for (const [position, { name, size }] of found) expect(before[position]).toMatchObject({ name, size })
    }),
  )
})
