// One task of an uploaded archive, checked as CVAT's import checks it and ready to be put into the world.

import type { ByteSource } from '../media-bytes.ts'
import type { ZipMember } from '../zip-layout.ts'
import { type ArchivedLabel, checkLabelNames, refuseShare, refuseStaticCache } from './check-importable.ts'
import { ImportError } from './import-error.ts'
import { readFrames, type UploadedFrames } from './read-frames.ts'
import { type ArchivedGuide, readGuide } from './read-guide.ts'
import type { JobAnnotations, JsonObject } from './restored-task.ts'
import { textOf, type UploadedZip } from './uploaded-zip.ts'

export interface UploadedTask {
  readonly description: JsonObject
  readonly data: JsonObject
  readonly labels: readonly ArchivedLabel[]
  readonly jobs: readonly ArchivedJob[]
  readonly annotations: readonly JobAnnotations[]
  readonly rawAnnotations: ByteSource
  readonly media: readonly ZipMember[]
  readonly frames: UploadedFrames
  readonly guide: ArchivedGuide | null
}

export interface ArchivedJob extends JsonObject {
  readonly type?: string
  readonly start_frame: number
  readonly stop_frame: number
  readonly frames?: readonly number[]
  readonly files?: readonly string[]
}

/** @param prefix `task_0/`, or nothing in a task's own archive */
export function readTask(zip: UploadedZip, prefix: string, options: { allowStaticCache: boolean }): UploadedTask {
  const description = readJson(zip, `${prefix}task.json`) as JsonObject
  checkVersion(description)
  const data = (description.data ?? {}) as JsonObject
  const labels = (description.labels ?? []) as readonly ArchivedLabel[]
  const annotations = readJson(zip, `${prefix}annotations.json`) as readonly JobAnnotations[]
  const folder = `${prefix}data/`
  const media = zip.members
    .filter((member) => member.name.startsWith(folder))
    .map((member) => ({ ...member, name: member.name.slice(folder.length) }))
  const manifest = media.find((member) => member.name === 'manifest.jsonl')
  // How CVAT words the lack of a task's media was not recorded; these are its words for a dataset without media.
  if (!manifest || media.length === 1) throw new ImportError('ValueError: No media data found')
  refuseStaticCache(data, options.allowStaticCache)
  refuseShare(data)
  checkLabelNames(labels, annotations)
  return {
    description,
    data,
    labels,
    jobs: (description.jobs ?? []) as readonly ArchivedJob[],
    annotations,
    rawAnnotations: findMember(zip, `${prefix}annotations.json`).content,
    media,
    frames: readFrames(media, manifest, data),
    guide: readGuide(zip, prefix),
  }
}

/** Anything that lacks the member is another kind of zip: an annotation export, or the other kind of backup. */
export function readJson(zip: UploadedZip, name: string): unknown {
  try {
    return JSON.parse(textOf(findMember(zip, name)))
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new ImportError('json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)')
    }
    throw error
  }
}

export function checkVersion(description: JsonObject): void {
  if (description.version !== '1.0')
    throw new ImportError(`ValueError: ${description.version} version is not supported`)
}

function findMember(zip: UploadedZip, name: string): ZipMember {
  const member = zip.find(name)
  if (!member) throw new ImportError(`KeyError: "There is no item named '${name}' in the archive"`)
  return member
}
