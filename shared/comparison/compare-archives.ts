// Holds two archives of one entity against each other by members and content: never by bytes, nor by what CVAT writes
// differently into each export (members' time stamps, the order of labels and attributes).

import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import type { SourceArchive, SourceMember, SourceOptions } from '#shared/composition/source-archive.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { showName } from '#shared/store/check-entry.ts'
import { splitLines } from '#shared/store/member-sinks.ts'
import type { TaskMembers } from '#shared/store/record.ts'
import { defaultZipLimits } from '#shared/store/zip-limits.ts'
import { type AnnotationChanges, type AnnotationReader, compareAnnotations } from './compare-annotations.ts'
import { compareMembers, type MemberChanges, type NamedMember } from './compare-members.ts'
import { compareSettings, type SettingChanges } from './compare-settings.ts'
import { collectDigests, digest } from './digest-multiset.ts'
import { describeRaw } from './normalise-annotation.ts'
import { pairTasks, type TaskPair, type TaskRow } from './pair-tasks.ts'
import { splitAnnotations } from './split-annotations.ts'

export interface ArchiveSide {
  readonly path: string
  /** From its record: says which task is which. */
  readonly perTask?: readonly TaskMembers[] | undefined
}

/** What differs in one part; only what does is there. */
export interface PartChanges {
  readonly settings?: SettingChanges
  /** Of the guide and its pictures. */
  readonly guide?: MemberChanges
  /** Pictures, videos, point clouds and context images. */
  readonly media?: MemberChanges
  /** The list of frames differs: in another order, or with other sizes. Told where no media do. */
  readonly frameList?: true
  readonly annotations?: AnnotationChanges
  /** Lines of annotations.xml, without the dates of the export. */
  readonly document?: { readonly added: number; readonly removed: number }
  /** What no backup of CVAT 2.64.1 has. */
  readonly other?: MemberChanges
}

export type Comparison =
  | { readonly what: 'project-changed' | 'export-changed'; readonly changes: PartChanges }
  | {
      readonly what: 'task-changed'
      readonly task: TaskRow
      /** Its name in the earlier archive. */
      readonly nameBefore: string
      readonly changes: PartChanges
    }
  | { readonly what: 'task-added' | 'task-removed'; readonly task: TaskRow }
  | { readonly what: 'end'; readonly tasksCompared: number; readonly differing: number }

/**
 * Yields what differs, a part at a time, and the numbers at the end. Memory: the digests of one task's members and
 * annotations (8 bytes each, of both archives), never whole files. @throws BackupError as openSourceArchive;
 * `different-kinds` for archives of which one is a project's and the other a task's or an export
 */
export async function* compareArchives(
  before: ArchiveSide,
  after: ArchiveSide,
  options: SourceOptions = {},
): AsyncGenerator<Comparison> {
  await using a = await openSourceArchive(before.path, options)
  await using b = await openSourceArchive(after.path, options)
  const [kindA, kindB] = [await findKind(a), await findKind(b)]
  if (kindA !== kindB) {
    throw new BackupError(`${before.path} is ${kindA}, ${after.path} is ${kindB}: they cannot be compared`, {
      code: 'different-kinds',
      retryable: false,
      hint: 'Compare two archives of one project or task; `extract` takes one task out of a project’s archive.',
    })
  }
  let differing = 0
  let tasksCompared = 0
  const root = kindA === TASK ? undefined : await compareFolder({ source: a, folder: '' }, { source: b, folder: '' })
  if (root) {
    differing += 1
    yield { what: kindA === PROJECT ? 'project-changed' : 'export-changed', changes: root }
  }
  const pairs = kindA === EXPORT ? [] : pairTasks(await listTasks(a, kindA, before), await listTasks(b, kindB, after))
  for (const pair of pairs) {
    tasksCompared += 1
    const found = await comparePair(pair, a, b)
    if (!found) continue
    differing += 1
    yield found
  }
  yield { what: 'end', tasksCompared, differing }
}

const PROJECT = 'a project’s backup'
const TASK = 'a task’s backup'
const EXPORT = 'an export'

async function findKind(source: SourceArchive): Promise<typeof PROJECT | typeof TASK | typeof EXPORT> {
  if (await source.find('project.json')) return PROJECT
  return (await source.find('task.json')) ? TASK : EXPORT
}

async function listTasks(source: SourceArchive, kind: string, { perTask = [] }: ArchiveSide): Promise<TaskRow[]> {
  const known = new Map(perTask.map((row) => [row.position, row]))
  const folders = kind === TASK ? [''] : [...source.folders.keys()].filter((folder) => folder !== '')
  const rows: TaskRow[] = []
  for (const folder of folders) {
    const position = folder === '' ? 0 : Number(folder.slice('task_'.length, -1))
    const row = known.get(position)
    const name = row?.name ?? nameOf(await readJson(source, await source.find(`${folder}task.json`)))
    rows.push({ folder, position, taskId: row?.taskId, name })
  }
  return rows.sort((x, y) => x.position - y.position)
}

async function comparePair({ before, after }: TaskPair, a: SourceArchive, b: SourceArchive) {
  if (!after) return { what: 'task-removed', task: before! } as const
  if (!before) return { what: 'task-added', task: after } as const
  const changes = await compareFolder({ source: a, folder: before.folder }, { source: b, folder: after.folder })
  return changes && ({ what: 'task-changed', task: after, nameBefore: before.name, changes } as const)
}

interface Side {
  readonly source: SourceArchive
  readonly folder: string
}

/** Undefined when both hold the same. */
async function compareFolder(before: Side, after: Side): Promise<PartChanges | undefined> {
  const [a, b] = [await findOwnMembers(before), await findOwnMembers(after)]
  const settings = isSame(a.json, b.json)
    ? undefined
    : compareSettings(await readJson(before.source, a.json), await readJson(after.source, b.json))
  const media = await compareMembers(lister(before, isMedia), lister(after, isMedia))
  const guide = await compareMembers(lister(before, isGuide), lister(after, isGuide))
  const other = await compareMembers(lister(before, isOther), lister(after, isOther))
  const annotations = await compareAnnotationsOf(before, a, after, b)
  const document = isSame(a.document, b.document) ? undefined : await compareDocuments(before, a, after, b)
  const changes: PartChanges = {
    ...(settings && hasChanges(settings) && { settings }),
    ...(guide && { guide }),
    ...(media ? { media } : !isSame(a.manifest, b.manifest) && { frameList: true as const }),
    ...(annotations && { annotations }),
    ...(document && { document }),
    ...(other && { other }),
  }
  return Object.keys(changes).length > 0 ? changes : undefined
}

function hasChanges({ fields, labels, deletedFrames }: SettingChanges): boolean {
  return fields.length + labels.length + deletedFrames.added.length + deletedFrames.removed.length > 0
}

/** Members that are looked into, by their names without the folder. */
interface OwnMembers {
  json?: SourceMember
  annotations?: SourceMember
  manifest?: SourceMember
  /** annotations.xml of an export. */
  document?: SourceMember
}

const looked: Readonly<Record<string, keyof OwnMembers>> = {
  'project.json': 'json',
  'task.json': 'json',
  'annotations.json': 'annotations',
  'data/manifest.jsonl': 'manifest',
  'annotations.xml': 'document',
}

async function findOwnMembers({ source, folder }: Side): Promise<OwnMembers> {
  const found: OwnMembers = {}
  for await (const member of source.members(source.folders.get(folder))) {
    const path = member.name.slice(folder.length)
    if (Object.hasOwn(looked, path)) found[looked[path]!] = member
  }
  return found
}

function isMedia(path: string): boolean {
  return path.startsWith('data/') && path !== 'data/manifest.jsonl'
}

function isGuide(path: string): boolean {
  return path === 'annotation_guide.md' || path.startsWith('assets/')
}

function isOther(path: string): boolean {
  return !isMedia(path) && !isGuide(path) && !Object.hasOwn(looked, path)
}

function lister({ source, folder }: Side, isWanted: (path: string) => boolean): () => AsyncIterable<NamedMember> {
  return async function* list() {
    for await (const member of source.members(source.folders.get(folder))) {
      const path = member.name.slice(folder.length)
      if (isWanted(path) && !path.endsWith('/')) yield { path, member }
    }
  }
}

function isSame(a: SourceMember | undefined, b: SourceMember | undefined): boolean {
  return a?.crc32 === b?.crc32 && a?.sizeBytes === b?.sizeBytes
}

async function compareAnnotationsOf(
  before: Side,
  a: OwnMembers,
  after: Side,
  b: OwnMembers,
): Promise<AnnotationChanges | undefined> {
  const [old, now] = [await readJobTypes(before, a), await readJobTypes(after, b)]
  if (isSame(a.annotations, b.annotations) && old.join() === now.join()) return undefined
  return compareAnnotations(readerOf(before.source, a.annotations, old), readerOf(after.source, b.annotations, now))
}

async function readJobTypes({ source }: Side, { json, annotations }: OwnMembers): Promise<string[]> {
  if (!annotations) return []
  const { jobs } = (await readJson(source, json)) as { jobs?: unknown }
  return Array.isArray(jobs) ? jobs.map((job: { type?: unknown } | null) => String(job?.type ?? '')) : []
}

function readerOf(
  source: SourceArchive,
  member: SourceMember | undefined,
  jobTypes: readonly string[],
): AnnotationReader {
  return async (onAnnotation) => {
    if (!member) return
    try {
      const splitter = splitAnnotations(
        (found) => onAnnotation(describeRaw(found, jobTypes[found.job] ?? '')),
        defaultZipLimits.maxJsonBytes,
      )
      await source.readContent(member, (chunk) => splitter.push(chunk))
      if (!splitter.finish()) throw new SyntaxError('its brackets do not add up')
    } catch (error) {
      if (!(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error
      throw unreadable(source, member, error)
    }
  }
}

/** Dates that differ in every export. */
const DATES = /^\s*<(dumped|updated)>/

async function compareDocuments(before: Side, a: OwnMembers, after: Side, b: OwnMembers) {
  const [old, now] = [await digestLines(before.source, a.document), await digestLines(after.source, b.document)]
  const removed = old.without(now).size
  const added = now.without(old).size
  return added + removed === 0 ? undefined : { added, removed }
}

async function digestLines(source: SourceArchive, member: SourceMember | undefined) {
  const digests = collectDigests()
  const take = (line: string | undefined) => {
    if (line === undefined || !DATES.test(line)) digests.add(digest(line ?? 'too long'))
  }
  const sink = splitLines(defaultZipLimits.maxJsonBytes, take, () => {})
  if (member) await source.readContent(member, (chunk) => sink.push(chunk))
  sink.end()
  return digests.finish()
}

async function readJson(source: SourceArchive, member: SourceMember | undefined): Promise<Record<string, unknown>> {
  if (!member) return {}
  const text = await source.readText(member, defaultZipLimits.maxJsonBytes)
  if (text === undefined) throw unreadable(source, member, new RangeError('it is too large'))
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
    throw new SyntaxError('it is no object')
  } catch (error) {
    throw unreadable(source, member, error)
  }
}

function nameOf({ name }: Record<string, unknown>): string {
  return typeof name === 'string' ? name : ''
}

function unreadable(source: SourceArchive, member: SourceMember, cause: unknown): BackupError {
  return new BackupError(`${showName(member.name)} of ${source.path} cannot be compared`, {
    code: 'unreadable-member',
    retryable: false,
    cause,
  })
}
