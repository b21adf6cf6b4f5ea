// Which archives of tasks the snapshots of all projects are made of: the mark of mark and sweep. Read from the folders alone.

import { join, relative } from 'node:path'
import { z } from 'zod'
import { describeError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { parseArchiveBase } from './archive-name.ts'
import { DigestSet } from './digest-set.ts'
import { type FileOperations, hasErrno } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { listEntities } from './list-records.ts'
import { absent, readJsonIfThere } from './read-json.ts'

export interface UnreadableSnapshot {
  readonly entity: EntityRef
  /** Of the record, the file without record, or the folder; from the backup directory on. */
  readonly path: string
  readonly reason: string
}

export interface ReferenceOptions {
  /** Records (paths) that do not count: a dry run asks what would be if they were gone. */
  readonly without?: ReadonlySet<string> | undefined
  readonly signal?: AbortSignal | undefined
}

export interface PartReferences {
  /** Snapshots found, with or without their file: what a crash left may be finished by recovery. */
  readonly snapshots: number
  /** What could not be read, and so may refer to anything: as long as there is such a thing, nothing may be removed. */
  readonly unreadable: readonly UnreadableSnapshot[]
  has(taskId: number, fileName: string): boolean
}

const namedSchema = z.looseObject({ fileName: z.string() })

/** Whatever else a later version may write: these fields are what a snapshot's record says of its parts. */
const partsSchema = z.looseObject({
  snapshot: z.looseObject({
    parts: z.array(z.looseObject({ taskId: z.int(), archive: namedSchema, mediaFrom: namedSchema.optional() })),
  }),
})

const PARALLEL_READS = 8

/** Memory: eight bytes for each archive that is named. @throws BackupError when the directory itself cannot be read */
export async function readPartReferences(
  files: FileOperations,
  layout: Layout,
  { without, signal }: ReferenceOptions = {},
): Promise<PartReferences> {
  const names = new DigestSet()
  const unreadable: UnreadableSnapshot[] = []
  let snapshots = 0
  for await (const entity of listEntities(files, layout)) {
    if (entity.type !== 'project') continue
    signal?.throwIfAborted()
    const fail = (path: string, reason: string) =>
      unreadable.push({ entity, path: relative(layout.directory, path), reason })
    const folder = layout.entityFolder(entity)
    const found = await listSnapshotFiles(files, folder).catch((error) => {
      if (!hasErrno(error, 'ENOENT')) fail(folder, describeError(error))
      return { records: [], withoutRecord: [] }
    })
    for (const path of found.withoutRecord) fail(path, 'this snapshot has no record')
    for (let start = 0; start < found.records.length; start += PARALLEL_READS) {
      const paths = found.records.slice(start, start + PARALLEL_READS)
      await Promise.all(
        paths.map(async (path) => {
          try {
            const value = await readJsonIfThere(files, path)
            if (value === absent || without?.has(path)) return
            const parsed = partsSchema.safeParse(value)
            if (!parsed.success) return void fail(path, 'this record of a snapshot is broken')
            snapshots += 1
            for (const { taskId, archive, mediaFrom } of parsed.data.snapshot.parts) {
              names.add(nameOf(taskId, archive.fileName))
              if (mediaFrom) names.add(nameOf(taskId, mediaFrom.fileName))
            }
          } catch (error) {
            fail(path, describeError(error))
          }
        }),
      )
    }
  }
  return { snapshots, unreadable, has: (taskId, fileName) => names.has(nameOf(taskId, fileName)) }
}

async function listSnapshotFiles(files: FileOperations, folder: string) {
  const bases = new Map<string, { zip?: string; json?: string }>()
  for (const name of await files.readdir(folder)) {
    const match = /^(.*)\.(zip|json)$/.exec(name)
    if (!match || parseArchiveBase(match[1]!)?.content !== 'snapshot') continue
    const base = match[1]!.normalize('NFC')
    bases.set(base, { ...bases.get(base), [match[2] as 'zip' | 'json']: join(folder, name) })
  }
  const all = [...bases.values()]
  return {
    records: all.flatMap(({ json }) => json ?? []),
    withoutRecord: all.flatMap(({ zip, json }) => (json === undefined && zip !== undefined ? zip : [])),
  }
}

function nameOf(taskId: number, fileName: string): string {
  return `${formatEntity({ type: 'task', id: taskId })}/${fileName.normalize('NFC')}`
}
