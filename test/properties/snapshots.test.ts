// Random histories of projects that are backed up as snapshots, with media kept once or not, swept and broken off anywhere:
// nothing that a snapshot is made of is ever removed, every one assembles to what the server had, and in the end nothing is left
// that none is made of.

import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CompositionPlan } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import type { RetentionRules } from '#shared/retention/plan-retention.ts'
import { sweepAll } from '#shared/retention/sweep-all.ts'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { isGood, isSnapshot, isThin } from '#shared/store/record.ts'
import { mediaPath } from '#shared/store/snapshot-parts.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import type { MemberPlan } from '../shared/store/build-zip.ts'
import { interfere, systemError } from '../shared/store/interfere.ts'
import { planProject } from '../shared/store/plan-backup.ts'
import { planStoredTask, prepareSnapshot, storeTask } from '../shared/store/snapshot-fixture.ts'
import { serverUrl } from '../shared/store/store-fixture.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'

const hourMs = 3600_000
const begun = Date.parse('2026-01-01T00:00:00.000Z')

const taskId = fc.integer({ min: 1, max: 4 })
const projectId = fc.constantFrom(6, 7)
const change = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('change' as const), task: taskId }) },
  fc.record({ what: fc.constant('media' as const), task: taskId }),
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
  mediaOnce: fc.constantFrom(true, true, true, false),
  taskDiesAfter: death,
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

/** What the server had of a task when its archive was made, by id and time. */
type Versions = Map<string, Parameters<typeof planStoredTask>[1]>

const keyOf = (id: number, createdAt: string) => `${id} ${createdAt}`

/** Names, sizes and CRCs of all members in their order; every byte is read. */
async function read(plan: CompositionPlan) {
  const composed = await openComposedArchive(plan)
  await composed.hash()
  return (await Array.fromAsync(composed.members())).map(({ name, sizeBytes, crc32: crc }) => ({
    name,
    sizeBytes,
    crc,
  }))
}

function expected(members: readonly MemberPlan[]) {
  return members.map(({ name, data = '' }) => {
    const bytes = Buffer.from(data as string)
    return { name, sizeBytes: bytes.length, crc: crc32(bytes) }
  })
}

async function expectSound(store: Store, versions: Versions): Promise<void> {
  for (const archive of await listAll(store)) {
    const { entity, record, archivePath } = archive
    const about = { archivePath, archiveBytes: record.archive.sizeBytes }
    expect(await store.checkMedia(archive)).toEqual([])
    if (isThin(record)) {
      const whole = expected(planStoredTask('', versions.get(keyOf(entity.id, record.createdAt))!))
      expect(await read({ parts: [{ ...about, folder: '', to: '' }] })).toEqual(whole)
    }
    if (!isSnapshot(record)) continue
    const { parts } = record.snapshot
    expect(await store.checkParts({ entity, parts })).toEqual([])
    const folders = ['', ...parts.map(({ position }) => `task_${position}/`)]
    const tasks = parts.map(({ position, taskId: id, observedAt }) =>
      planStoredTask(`task_${position}/`, versions.get(keyOf(id, observedAt))!),
    )
    const whole = expected(planProject(...tasks))
    expect(await read({ parts: folders.map((folder) => ({ ...about, folder, to: folder })) })).toEqual(whole)
  }
}

/** The archive that it takes its media from, by path. */
const mediaOf = ({ archivePath, record }: StoredArchive) =>
  isThin(record) ? mediaPath(archivePath, record.mediaFrom) : undefined

test('whatever happens, every snapshot is what the server had, and parts that none needs go in the end', {
  timeout: 300_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(night, { minLength: 2, maxLength: 6 }), async (nights) => {
      const directory = await makeTemporaryFolder()
      const store = openStore({ directory, files: fastFiles })
      await store.checkDirectory()
      const tasks = new Map<number, { project: number; isChanged: boolean; media: number }>(
        [1, 2, 3, 4].map((id) => [id, { project: id < 3 ? 6 : 7, isChanged: true, media: 0 }]),
      )
      const versions: Versions = new Map()
      const dyingAfter = (operations: number | undefined) =>
        operations === undefined ? fastFiles : dyingFiles(operations)
      let nowMs = begun
      for (const {
        changes,
        hours,
        commitDiesAfter,
        sweepDiesAfter,
        taskDiesAfter,
        mediaOnce,
        rules: given,
      } of nights) {
        nowMs += hours * hourMs
        for (const one of changes) {
          const task = tasks.get(one.task)
          if (one.what === 'delete') tasks.delete(one.task)
          else {
            const project = one.what === 'move' ? one.to : (task?.project ?? 6)
            tasks.set(one.task, {
              project,
              isChanged: true,
              media: (task?.media ?? 0) + (one.what === 'media' ? 1 : 0),
            })
          }
        }
        for (const [id, task] of tasks) {
          if (!task.isChanged) continue
          const createdAt = new Date(nowMs + id * 1000).toISOString()
          const plan = { id, createdAt, media: `media ${task.media}`, mediaOnce }
          versions.set(keyOf(id, createdAt), plan)
          const files = dyingAfter(taskDiesAfter)
          // The next night tries again: as long as there is none, there is nothing to make a snapshot of.
          const isStored = await storeTask(openStore({ directory, files }), { ...plan, files }).catch(() => undefined)
          await store.recover({ isActive: () => false })
          const newest = await newestGood(store, 'task', id)
          if (!newest) await storeTask(store, plan)
          task.isChanged = isStored === undefined && newest !== undefined && newest.record.createdAt !== createdAt
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
          const dying = openStore({ directory, files: dyingAfter(commitDiesAfter) })
          await dying.commitArchive(input).catch(() => undefined)
        }
        const before = await listAll(store)
        const options = { rules: given, now: new Date(nowMs + hourMs), isIncremental: true, isActive: () => false }
        const run = { ...options, dryRun: false, signal: new AbortController().signal }
        const sweeping = openStore({ directory, files: dyingAfter(sweepDiesAfter) })
        await sweepAll(sweeping, run).catch(() => undefined)
        await store.recover({ isActive: () => false })
        await expectSound(store, versions)
        for (const { entity, record } of before) {
          if (!isGood(record)) continue
          expect(await newestGood(store, entity.type, entity.id), `newest of ${entity.type} ${entity.id}`).toBeDefined()
        }
      }
      const later = new Date(nowMs + 30 * 24 * hourMs)
      const last = { rules: { ttlMs: 0, minBackups: 1 }, now: later, isIncremental: true, isActive: () => false }
      await sweepAll(store, { ...last, dryRun: false, signal: new AbortController().signal })
      await expectSound(store, versions)
      const references = await store.readPartReferences()
      const left = await listAll(store)
      const withMedia = new Set(left.map(mediaOf))
      for (const { entity, record, archivePath } of left) {
        if (entity.type !== 'task' || references.has(entity.id, record.archive.fileName)) continue
        if (withMedia.has(archivePath)) continue
        expect((await newestGood(store, 'task', entity.id))?.archivePath).toBe(archivePath)
      }
    }),
    { numRuns: Number(process.env.SNAPSHOT_RUNS ?? 6) },
  )
})
