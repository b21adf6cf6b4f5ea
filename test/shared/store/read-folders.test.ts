import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import { readFolders } from '#shared/store/read-folders.ts'

const projects = Array.from({ length: 50 }, (_, index): EntityRef => ({ type: 'project', id: index + 1 }))
const empty = { archives: [], unrecognised: [] }

test('folders are read some at a time, and come in the order that was asked for', async () => {
  let underWay = 0
  let most = 0
  const read = async ({ id }: EntityRef) => {
    most = Math.max(most, ++underWay)
    for (let turn = 0; turn < (id * 7) % 5; turn++) await nextTurn()
    underWay--
    return empty
  }
  const ids: number[] = []
  for await (const { entity } of readFolders(projects, read)) ids.push(entity.id)
  expect(ids).toEqual(projects.map(({ id }) => id))
  expect(most).toBeGreaterThan(1)
  expect(most).toBeLessThan(10)
})

test('a folder that cannot be read is told in its place; a defect ends everything', async () => {
  const fault = new BackupError('no', { code: 'disk-error', retryable: true })
  const read = async ({ id }: EntityRef) => {
    if (id === 3) throw fault
    return empty
  }
  const found = await Array.fromAsync(readFolders(projects, read))
  expect(found).toHaveLength(50)
  expect(found.filter(({ listing }) => listing === fault).map(({ entity }) => entity.id)).toEqual([3])
  const defect = Array.fromAsync(readFolders(projects, () => Promise.reject(new TypeError('defect'))))
  await expect(defect).rejects.toThrow('project-1')
})

test('a reader that is told to stop, or leaves, leaves nothing under way', async () => {
  let underWay = 0
  const read = async () => {
    underWay++
    await nextTurn()
    underWay--
    return empty
  }
  for await (const { entity } of readFolders(projects, read)) if (entity.id === 5) break
  expect(underWay).toBe(0)
  const stopping = new AbortController()
  const reading = async () => {
    for await (const _ of readFolders(projects, read, stopping.signal)) stopping.abort(new Error('stop'))
  }
  await expect(reading()).rejects.toThrow('stop')
  expect(underWay).toBe(0)
})
