// What a restored task keeps of the archive that it came from, so that its own backup is that archive again.

import type { ByteSource } from '../media-bytes.ts'
import type { ZipMember } from '../zip-layout.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** A frame as `…/data/meta` tells of it. */
export interface FrameInfo {
  readonly name: string
  readonly width: number
  readonly height: number
  /** Context images that are really there. */
  readonly related_files: number
}

export interface RestoredTask {
  /** task.json as it was uploaded. */
  readonly description: JsonObject
  /** What was below `data/`, in the archive's order and named without that folder; bytes stay in the uploaded file. */
  readonly media: readonly ZipMember[]
  /** The task's frames in its own order; one entry for a video. */
  readonly frames: readonly FrameInfo[]
  readonly dimension: '2d' | '3d'
  /** Told when the task is deleted: its part of the uploaded file is not needed any more. */
  readonly release: () => void
}

/** Annotations of one job as annotations.json holds them: labels and attributes by name. */
export interface JobAnnotations {
  readonly version: number
  readonly tags: readonly JsonObject[]
  readonly shapes: readonly JsonObject[]
  readonly tracks: readonly JsonObject[]
}

/** Never changed in place: an archive that is being exported keeps the one it began with. */
export interface StoredAnnotations {
  /** In the order of the task's jobs. */
  readonly jobs: readonly JobAnnotations[]
  /** annotations.json byte for byte, for as long as nothing has changed: `1.0` is not written as `1`. */
  readonly raw: ByteSource | null
}

export const noAnnotations: JobAnnotations = { version: 0, tags: [], shapes: [], tracks: [] }
