// Holds one folder of two archives against each other: a task, or what belongs to the whole project.

import type { SourceArchive, SourceMember } from '#shared/composition/source-archive.ts'
import { defaultZipLimits } from '#shared/store/zip-limits.ts'
import { type AnnotationChanges, type AnnotationReader, compareAnnotations } from './compare-annotations.ts'
import { compareDocuments } from './compare-documents.ts'
import { compareMembers, type MemberChanges, type NamedMember } from './compare-members.ts'
import { compareSettings, type SettingChanges } from './compare-settings.ts'
import { describeRaw } from './normalise-annotation.ts'
import { readJson, unreadable } from './read-member-json.ts'
import { splitAnnotations } from './split-annotations.ts'

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

export interface FolderSide {
  readonly source: SourceArchive
  readonly folder: string
}

/** Undefined when both hold the same. */
export async function compareFolder(before: FolderSide, after: FolderSide): Promise<PartChanges | undefined> {
  const [a, b] = [await findOwnMembers(before), await findOwnMembers(after)]
  const settings = isSame(a.json, b.json)
    ? undefined
    : compareSettings(await readJson(before.source, a.json), await readJson(after.source, b.json))
  const media = await compareMembers(lister(before, isMedia), lister(after, isMedia))
  const guide = await compareMembers(lister(before, isGuide), lister(after, isGuide))
  const other = await compareMembers(lister(before, isOther), lister(after, isOther))
  const annotations = await compareAnnotationsOf(before, a, after, b)
  const document = isSame(a.document, b.document)
    ? undefined
    : await compareDocuments({ ...before, member: a.document }, { ...after, member: b.document })
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

async function findOwnMembers({ source, folder }: FolderSide): Promise<OwnMembers> {
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

function lister({ source, folder }: FolderSide, isWanted: (path: string) => boolean): () => AsyncIterable<NamedMember> {
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
  before: FolderSide,
  a: OwnMembers,
  after: FolderSide,
  b: OwnMembers,
): Promise<AnnotationChanges | undefined> {
  const [old, now] = [await readJobTypes(before, a), await readJobTypes(after, b)]
  if (isSame(a.annotations, b.annotations) && old.join() === now.join()) return undefined
  return compareAnnotations(readerOf(before.source, a.annotations, old), readerOf(after.source, b.annotations, now))
}

async function readJobTypes({ source }: FolderSide, { json, annotations }: OwnMembers): Promise<string[]> {
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
