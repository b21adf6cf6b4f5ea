// Random histories of projects that are backed up as snapshots, swept and broken off anywhere: nothing that a snapshot is made
// of is ever removed, and in the end nothing is left that none is made of.

import type { FileHandle } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RetentionRules } from '#shared/retention/plan-retention.ts'
import { sweepAll } from '#shared/retention/sweep-all.ts'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { isGood, isSnapshot } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { startChance } from '../faults/seeded-random.ts'
import { interfere, systemError } from '../shared/store/interfere.ts'
import { prepareSnapshot, storeTask } from '../shared/store/snapshot-fixture.ts'
import { serverUrl } from '../shared/store/store-fixture.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'

const hourMs = 3600_000
const begun = Date.parse('2026-01-01T00:00:00.000Z')

const taskId = fc.integer({ min: 1, max: 4 })
const projectId = fc.constantFrom(6, 7)
const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('change' as const), task: taskId }) },
  fc.record({ what: fc.constant('delete' as const), task: taskId }),
  fc.record({ what: fc.constant('move' as const), task: taskId, to: projectId }),
)
const rules: fc.Arbitrary<RetentionRules> = fc.record({
  ttlMs: fc.constantFrom(0, 12 * hourMs, 48 * hourMs),
  minBackups: fc.integer({ min: 1, max: 3 }),
  keepDaily: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
})
/** Operations on files until the process dies; undefined: it lives. */
const death = fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined, freq: 1 })
const night = fc.record({
  changes: fc.array(change, { maxLength: 3 }),
  hours: fc.constantFrom(1, 24, 24, 24, 60),
  commitDiesAfter: death,
  sweepDiesAfter: death,
  rules,
})

/** Without fsync: the disk of this test is not what fails. */
const fastFiles: FileOperations = {
  ...realFiles,
  open: (async (...args: Parameters<FileOperations['open']>) => {
    const handle = await realFiles.open(...args)
    return Object.assign(Object.create(handle), bound(handle)) as FileHandle
  }) as FileOperations['open'],
}

function bound(handle: FileHandle) {
  const names = ['read', 'write', 'writeFile', 'readFile', 'truncate', 'stat', 'close', 'datasync'] as const
  const methods = names.map((name) => [name, (handle[name] as (...args: never[]) => unknown).bind(handle)])
  return { ...Object.fromEntries(methods), sync: async () => undefined, [Symbol.asyncDispose]: () => handle.close() }
}

function dyingFiles(operations: number): FileOperations {
  let left = operations
  return interfere(() => {
    left -= 1
    if (left < 0) throw systemError('EIO')
  })
}

const newestGood = (store: Store, type: 'project' | 'task', id: number) =>
  store.newestGood({ entity: { type, id }, content: { kind: 'backup' } }, serverUrl)

async function listAll(store: Store): Promise<StoredArchive[]> {
  const found: StoredArchive[] = []
  for await (const entity of store.listEntities()) found.push(...(await store.listRecords(entity)).archives)
  return found
}

async function expectSound(store: Store): Promise<void> {
  for (const { entity, record } of await listAll(store)) {
    if (!isSnapshot(record)) continue
    expect(await store.checkParts({ entity, parts: record.snapshot.parts })).toEqual([])
  }
}

test('whatever happens, every snapshot has all its parts, and parts that none needs go in the end', {
  timeout: 300_000 + Number(process.env.SNAPSHOT_RUNS ?? 0) * 5_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(night, { minLength: 2, maxLength: 6 }), async (nights) => {
      const directory = await makeTemporaryFolder()
      const store = openStore({ directory, files: fastFiles })
      await store.checkDirectory()
      const tasks = new Map<number, { project: number; isChanged: boolean }>(
        [1, 2, 3, 4].map((id) => [id, { project: id < 3 ? 6 : 7, isChanged: true }]),
      )
      let nowMs = begun
      for (const { changes, hours, commitDiesAfter, sweepDiesAfter, rules: given } of nights) {
        nowMs += hours * hourMs
        for (const one of changes) {
          const task = tasks.get(one.task)
          if (one.what === 'delete') tasks.delete(one.task)
          else tasks.set(one.task, { project: one.what === 'move' ? one.to : (task?.project ?? 6), isChanged: true })
        }
        for (const [id, task] of tasks) {
          if (!task.isChanged) continue
          await storeTask(store, { id, createdAt: new Date(nowMs + id * 1000).toISOString() })
          task.isChanged = false
        }
        for (const project of [6, 7]) {
          const own = [...tasks].filter(([, task]) => task.project === project).map(([id]) => id)
          const parts = await Promise.all(own.sort().map((id) => newestGood(store, 'task', id)))
          const createdAt = new Date(nowMs + 60_000).toISOString()
          const input = await prepareSnapshot(store, {
            projectId: project,
            createdAt,
            parts: parts.map((part) => part!),
          })
          const dying =
            commitDiesAfter === undefined ? store : openStore({ directory, files: dyingFiles(commitDiesAfter) })
          await dying.commitArchive(input).catch(() => undefined)
        }
        const before = await listAll(store)
        const options = { rules: given, now: new Date(nowMs + hourMs), isIncremental: true, isActive: () => false }
        const run = { ...options, dryRun: false, signal: new AbortController().signal }
        const sweeping =
          sweepDiesAfter === undefined ? store : openStore({ directory, files: dyingFiles(sweepDiesAfter) })
        await sweepAll(sweeping, run).catch(() => undefined)
        await store.recover({ isActive: () => false })
        await expectSound(store)
        for (const { entity, record } of before) {
          if (!isGood(record)) continue
          expect(await newestGood(store, entity.type, entity.id), `newest of ${entity.type} ${entity.id}`).toBeDefined()
        }
      }
      const later = new Date(nowMs + 30 * 24 * hourMs)
      const last = { rules: { ttlMs: 0, minBackups: 1 }, now: later, isIncremental: true, isActive: () => false }
      await sweepAll(store, { ...last, dryRun: false, signal: new AbortController().signal })
      await expectSound(store)
      const references = await store.readPartReferences()
      for (const { entity, record, archivePath } of await listAll(store)) {
        if (entity.type !== 'task' || references.has(entity.id, record.archive.fileName)) continue
        expect((await newestGood(store, 'task', entity.id))?.archivePath).toBe(archivePath)
      }
    }),
    { numRuns: Number(process.env.SNAPSHOT_RUNS ?? 6), seed: startChance('random nights').seed },
  )
})
