// What a restored project or task has to have, told by what was uploaded and by what the records say of it.

import { z } from 'zod'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import type { SourceArchive, SourceFacts } from '#shared/composition/source-archive.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import { splitLines } from '#shared/store/member-sinks.ts'
import { knownObservation } from '#shared/store/record.ts'
import { defaultZipLimits } from '#shared/store/zip-limits.ts'
import type { Upload, UploadedTask } from './compose-upload.ts'
import { digestNames } from './digest-names.ts'

export interface ExpectedJob {
  readonly type: string
  readonly startFrame: number
  readonly stopFrame: number
}

export interface ExpectedTask {
  /** N of `task_N`, for messages. */
  readonly position: number
  readonly name: string
  readonly subset: string
  /** As the jobs in the archive say. */
  readonly frames: number
  /** As the server said when it was backed up; undefined where nobody asked (adopted archives). */
  readonly observedFrames: number | undefined
  readonly deletedFrames: readonly number[]
  readonly jobs: readonly ExpectedJob[]
  /** Tags, shapes and tracks; undefined where they could not be counted. */
  readonly annotations: number | undefined
  /** Of the frames' names in order; undefined for a video, and where a filter leaves pictures out. */
  readonly frameNames: string | undefined
}

const taskJsonSchema = z.looseObject({
  name: z.string(),
  subset: z
    .string()
    .nullish()
    .transform((subset) => subset ?? ''),
  labels: z.array(z.looseObject({ name: z.string() })).optional(),
  data: z
    .looseObject({
      deleted_frames: z.array(z.int()).default([]),
      start_frame: z.int().nullish(),
      stop_frame: z.int().nullish(),
      frame_filter: z.string().nullish(),
    })
    .optional(),
  jobs: z.array(z.looseObject({ type: z.string().default('annotation'), start_frame: z.int(), stop_frame: z.int() })),
})

const projectJsonSchema = z.looseObject({ labels: z.array(z.looseObject({ name: z.string() })).default([]) })

/** Reads the small members of what was uploaded. One task at a time is in memory, besides its frames' digest. */
export async function* expectTasks(upload: Upload, signal: AbortSignal): AsyncGenerator<ExpectedTask> {
  const known = new Map<string, SourceFacts>()
  for (const task of upload.tasks) {
    const { archivePath } = task.source
    await using source = await openSourceArchive(archivePath, { signal, known: known.get(archivePath) })
    known.set(archivePath, { sizeBytes: source.sizeBytes, memberCount: source.memberCount, folders: source.folders })
    yield await expectTask(task, source)
  }
}

/** Names of the labels that are no part of a skeleton, sorted. */
export async function expectLabels(archivePath: string, member: string, signal: AbortSignal): Promise<string[]> {
  await using source = await openSourceArchive(archivePath, { signal })
  const { labels } = projectJsonSchema.parse(JSON.parse(await readSmall(source, member)))
  return labels.map(({ name }) => name).sort()
}

async function expectTask(task: UploadedTask, source: SourceArchive): Promise<ExpectedTask> {
  const { position, folder } = task
  const { record } = task.source
  const json = taskJsonSchema.parse(JSON.parse(await readSmall(source, `${folder}task.json`)))
  const row = record.members.perTask.find((one) => (folder === '' ? true : folder === `task_${one.position}/`))
  const observed = knownObservation(record)?.tasks.find(({ id }) => id === row?.taskId)
  const jobs = json.jobs.map(({ type, start_frame, stop_frame }) => ({
    type,
    startFrame: start_frame,
    stopFrame: stop_frame,
  }))
  const frames = jobs.reduce((most, { stopFrame }) => Math.max(most, stopFrame + 1), 0)
  return {
    position,
    name: json.name,
    subset: json.subset,
    frames,
    observedFrames: isOf(record.verification.problems, observed) ? undefined : observed?.size,
    deletedFrames: json.data?.deleted_frames ?? [],
    jobs,
    annotations: row?.annotations,
    frameNames: await digestManifest(source, folder, frames),
  }
}

/** What is old in the archive differs from what the server said, and it is known. */
function isOf(problems: readonly { taskId?: number | undefined }[], observed: TaskObservation | undefined): boolean {
  return problems.some(({ taskId }) => taskId !== undefined && taskId === observed?.id)
}

async function readSmall(source: SourceArchive, name: string): Promise<string> {
  const member = await source.find(name)
  const text = member && (await source.readText(member, defaultZipLimits.maxJsonBytes))
  if (text === undefined) throw new Error(`${source.path} holds no ${name} of a readable size`)
  return text
}

async function digestManifest(source: SourceArchive, folder: string, frames: number): Promise<string | undefined> {
  const member = await source.find(`${folder}data/manifest.jsonl`)
  if (!member) return undefined
  const names = digestNames()
  let isVideo = false
  const sink = splitLines(
    defaultZipLimits.maxManifestLineLength,
    (text) => {
      const line = parse(text)
      if (line?.type === 'video') isVideo = true
      if (typeof line?.name === 'string') names.add(`${line.name}${line.extension ?? ''}`)
    },
    () => {},
  )
  await source.readContent(member, (chunk) => sink.push(chunk))
  sink.end()
  return isVideo || names.count() !== frames ? undefined : names.digest()
}

function parse(text: string | undefined): Record<string, unknown> | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)
  } catch {
    return undefined
  }
}
