// The record beside each archive: everything a later run or a person needs to know about it without opening it.

import { hash } from 'node:crypto'
import { z } from 'zod'
import { observationSchema } from '#shared/model/observation.ts'
import { formatSeries, seriesSchema } from '#shared/model/series.ts'
import { contentOfFile } from './archive-name.ts'

export const problemSchema = z.object({
  /** Stable and kebab-case, e.g. `no-media`. */
  code: z.string().min(1),
  message: z.string(),
  taskId: z.int().positive().optional(),
})

/** Something about an archive that a person should know; as a problem it keeps the archive from counting as good. */
export type Problem = z.infer<typeof problemSchema>

export const taskMembersSchema = z.object({
  /** N of `task_N`: the task's place among the project's tasks by id. 0 in a task's own backup. */
  position: z.int().nonnegative(),
  /** The task's id on the server; absent when the archive holds a task that was not expected there. */
  taskId: z.int().positive().optional(),
  name: z.string(),
  frames: z.int().nonnegative(),
  /** Tags, shapes and tracks of all jobs; absent when they could not be counted. */
  annotations: z.int().nonnegative().optional(),
})

export type TaskMembers = z.infer<typeof taskMembersSchema>

export const membersSchema = z.object({
  /** Number of members in the zip. */
  count: z.int().nonnegative(),
  /** One row per task in a backup, by position; empty for annotations. */
  perTask: z.array(taskMembersSchema),
})

/**
 * The problem of an archive that is as old as a file which CVAT kept. With a task's id: that task changed since. Without:
 * the archive holds a task that has left the project, so nothing is missing.
 */
export const STALE = 'stale'

export const levelSchema = z.enum(['whole', 'sound', 'complete', 'fresh'])

/**
 * How far verification got. `whole`: the zip's directory is there and every byte could be read back. `sound`: every
 * member is intact too. `complete`: everything expected is in it too. `fresh`: and as the server observed it, not as an
 * old file of the server's. Older records end at `complete`: nobody had asked.
 */
export type VerificationLevel = z.infer<typeof levelSchema>

/** The problem of an archive that a drill could not restore, or that became something else. Only a later drill takes it back. */
export const NOT_RESTORED = 'not-restored'

export const drillProofSchema = z.object({
  /** Our clock, UTC: when its restore had been compared, or had failed. */
  at: z.iso.datetime(),
  drillId: z.string(),
  /** Normalised: origin and base path of the server that it was restored to, and its version. */
  target: z.string(),
  targetVersion: z.string(),
  /** Whether it was restored and nothing differed. */
  ok: z.boolean(),
  /** The first ones. */
  differences: z.array(z.object({ where: z.string(), what: z.string() })).default([]),
  /** Why nothing could be made of it. */
  reason: z.string().optional(),
  /** What was mended in the upload, and the like. */
  notes: z.array(z.string()).default([]),
})

/** What the last drill has shown: this very archive was restored by a CVAT server, and compared. */
export type DrillProof = z.infer<typeof drillProofSchema>

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/)

/** A plain name: what a record says must not lead anywhere else. */
const fileNameSchema = z.string().regex(/^(?!\.)[^/\\\p{Cc}]{1,255}\.zip$/u)

export const mediaSourceSchema = z.looseObject({
  /** In the same folder. Always a whole archive, never one that lacks its own media. */
  fileName: fileNameSchema.refine((name) => contentOfFile(name) === 'backup', 'is no whole archive'),
  sizeBytes: z.int().nonnegative(),
  sha256: sha256Schema,
  /** Over the members below `data/` ({@link digestMedia}): what was in the archive when it came from the server. */
  mediaSha256: sha256Schema,
  /** What these members take in that archive. */
  mediaBytes: z.int().nonnegative(),
})

/** The archive of the same task that has the media of one which is kept without. */
export type MediaSource = z.infer<typeof mediaSourceSchema>

export const snapshotPartSchema = z.looseObject({
  /** N of `task_N`: the task's place among the project's tasks by id, those without data counted. */
  position: z.int().nonnegative(),
  taskId: z.int().positive(),
  /** Our clock, UTC: when the export of its archive was asked for, just after the task was observed. */
  observedAt: z.iso.datetime(),
  /** The task had changed again before the snapshot was made: the next run takes that change. */
  isDrifted: z.literal(true).optional(),
  /** In the folder of the task. */
  archive: z.object({ fileName: fileNameSchema, sizeBytes: z.int().nonnegative(), sha256: sha256Schema }),
  /** Where that archive is kept without media: in the same folder the one that has them. */
  mediaFrom: mediaSourceSchema.optional(),
})

/** One task of a snapshot: the archive of the task that takes the place of `task_N/`. */
export type SnapshotPart = z.infer<typeof snapshotPartSchema>

const snapshotSchema = z.looseObject({
  /** Over the project part's digest and all parts ({@link digestSnapshot}). */
  sha256: sha256Schema,
  /** The project's `updated_date` of which the project part is. */
  updatedDate: z.string(),
  /** By position. */
  parts: z.array(snapshotPartSchema),
  /** What the guide was made of, for the next project part; absent where the project has none. */
  guide: z.unknown().optional(),
})

/** What a snapshot is made of besides its own file, the project part. */
export type Snapshot = z.infer<typeof snapshotSchema>

export const archiveRecordSchema = z.looseObject({
  /** 2: media are in another archive. Versions that know nothing of it must not read it as if it were whole. */
  formatVersion: z.union([z.literal(1), z.literal(2)]),
  /** `snapshot`: the file is the project part alone, and the tasks are in archives of their own. */
  type: z.enum(['archive', 'snapshot']),
  /** Of a task's archive that is kept without media only. */
  mediaFrom: mediaSourceSchema.optional(),
  /** Of a snapshot only. */
  snapshot: snapshotSchema.optional(),
  archive: z.object({
    fileName: z.string().min(1),
    sizeBytes: z.int().nonnegative(),
    sha256: sha256Schema,
  }),
  series: seriesSchema,
  server: z.object({
    /** Normalised: origin and base path. */
    url: z.string().min(1),
    version: z.string().nullable(),
  }),
  observation: observationSchema,
  /** Our clock, UTC: when the export was asked for. Retention counts from here. */
  createdAt: z.iso.datetime(),
  members: membersSchema,
  verification: z.object({
    level: levelSchema,
    checkedAt: z.iso.datetime(),
    /** Not empty: the archive is kept but does not count as a good backup. */
    problems: z.array(problemSchema),
    /** Worth knowing, e.g. before a restore; the archive is good all the same. */
    warnings: z.array(problemSchema).default([]),
    /** Of the last drill. Apart from `level`, so that versions which know no drills read on, and both are known. */
    drill: drillProofSchema.optional().catch(undefined),
  }),
  origin: z.object({
    runId: z.string().min(1),
    backupId: z.string().min(1),
    attempts: z.int().positive(),
    /** The file's earlier name: the archive was not made by this product but taken over (docs/backup-format.md). */
    adoptedFrom: z.string().min(1).optional(),
    /** Our clock, UTC: when it was taken over. Its age counts from here, its order still from `createdAt`. */
    adoptedAt: z.iso.datetime().optional(),
    /** A task's archive that was made for a snapshot of its project: it stays as long as one names it. */
    part: z.literal(true).optional(),
    /** The archive of its project that it was taken out of. */
    takenFrom: z.string().min(1).optional(),
  }),
})

/** What is known about one archive. Later versions may add fields; they are kept when a record is read. */
export type ArchiveRecord = z.infer<typeof archiveRecordSchema>

export type SnapshotRecord = ArchiveRecord & { readonly type: 'snapshot'; readonly snapshot: Snapshot }

/** Whether its file is only the project part of what it stands for. */
export function isSnapshot(record: Pick<ArchiveRecord, 'type' | 'snapshot'>): record is SnapshotRecord {
  return record.type === 'snapshot' && record.snapshot !== undefined
}

/** An archive of a task that is kept without media: they are in another one. */
export type ThinRecord = ArchiveRecord & { readonly mediaFrom: MediaSource }

export function isThin(record: Pick<ArchiveRecord, 'mediaFrom'>): record is ThinRecord {
  return record.mediaFrom !== undefined
}

/** Bytes of all that it stands for: of a snapshot its parts too, and media wherever they are. */
export function contentBytes(record: Pick<ArchiveRecord, 'archive' | 'snapshot' | 'mediaFrom'>): number {
  const bytesOf = ({ archive, mediaFrom }: Pick<ArchiveRecord, 'archive' | 'mediaFrom'>) =>
    archive.sizeBytes + (mediaFrom?.mediaBytes ?? 0)
  return (record.snapshot?.parts ?? []).reduce((sum, part) => sum + bytesOf(part), bytesOf(record))
}

/** The version of the format that a record with these fields has. */
export function formatVersionOf({
  snapshot,
  mediaFrom,
}: Pick<ArchiveRecord, 'mediaFrom'> & {
  readonly snapshot?: Pick<Snapshot, 'parts'> | undefined
}): 1 | 2 {
  return mediaFrom !== undefined || snapshot?.parts.some((part) => part.mediaFrom !== undefined) ? 2 : 1
}

/** By this a snapshot's record shows that it is as it was written. */
export function digestSnapshot(projectPart: { readonly sha256: string }, parts: readonly SnapshotPart[]): string {
  const rows = parts.map(({ position, taskId, archive, mediaFrom }) => {
    const media = mediaFrom ? [mediaFrom.sha256, mediaFrom.sizeBytes] : []
    return [position, taskId, archive.sha256, archive.sizeBytes, ...media]
  })
  return hash('sha256', JSON.stringify([projectPart.sha256, rows]))
}

/** Every kind of record. Read `type` first: kinds may be added, and one that is not known is left alone. */
export const recordSchema = archiveRecordSchema
  .refine(
    ({ type, snapshot, archive }) =>
      type === 'snapshot'
        ? snapshot !== undefined && snapshot.sha256 === digestSnapshot(archive, snapshot.parts)
        : snapshot === undefined,
    'what it is made of is not what its digest says',
  )
  .refine((record) => record.formatVersion === formatVersionOf(record), 'its version is not that of its fields')

/** Whether the archive is a backup to rely on: everything expected is in it, intact. */
export function isGood({ verification }: Pick<ArchiveRecord, 'verification'>): boolean {
  return isComplete(verification.level) && verification.problems.length === 0
}

/**
 * How far an archive has been shown to be good: above the levels of checking stands `restored`, the proof by a drill, as
 * long as nothing has been found wrong with it.
 */
export function provenLevel(record: Pick<ArchiveRecord, 'verification'>): VerificationLevel | 'restored' {
  const { level, drill } = record.verification
  return drill?.ok && isGood(record) ? 'restored' : level
}

/** Whether all that is wrong with it is its age: intact and complete, but of a state that the server had before. */
export function isStale({ verification }: Pick<ArchiveRecord, 'verification'>): boolean {
  const { level, problems } = verification
  return isComplete(level) && problems.length > 0 && problems.every(({ code }) => code === STALE)
}

function isComplete(level: VerificationLevel): boolean {
  return level === 'complete' || level === 'fresh'
}

/**
 * What the server said before the export; undefined for an adopted archive, of which nobody knows. Such an archive can be
 * held only against itself and never shows that nothing has changed since.
 */
export function knownObservation({ observation, origin }: Pick<ArchiveRecord, 'observation' | 'origin'>) {
  return origin.adoptedFrom === undefined ? observation : undefined
}

/** One key per series and server: two servers' project 6 in one directory have nothing to do with each other. */
export function formatServerSeries(record: Pick<ArchiveRecord, 'series' | 'server'>): string {
  return `${formatSeries(record.series)}@${record.server.url}`
}
