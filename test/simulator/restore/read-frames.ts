// The frames of an uploaded task, from its manifest and what task.json says of it.

import type { ZipMember } from '../zip-layout.ts'
import type { FrameInfo, JsonObject } from './restored-task.ts'
import { textOf } from './uploaded-zip.ts'

export interface UploadedFrames {
  readonly mode: 'annotation' | 'interpolation'
  readonly dimension: '2d' | '3d'
  /** How many frames the task has; a video has one entry in `frames` for all of them. */
  readonly count: number
  readonly frames: readonly FrameInfo[]
}

interface ManifestLine {
  readonly name?: string
  readonly extension?: string
  readonly width?: number
  readonly height?: number
  readonly meta?: { readonly related_images?: readonly string[] }
  readonly type?: string
  readonly properties?: {
    readonly name: string
    readonly resolution: readonly [number, number]
    readonly length: number
  }
}

/**
 * CVAT makes frames of the files that are there and takes their order from the manifest: one that is named and not there
 * is no frame (its source says so; no archive of that kind was restored on a real server).
 *
 * @param media what is below `data/`, named without it, the manifest among it
 */
export function readFrames(media: readonly ZipMember[], manifest: ZipMember, data: JsonObject): UploadedFrames {
  const lines = textOf(manifest)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ManifestLine)
  const properties = lines.find((line) => line.properties)?.properties
  const names = new Set(media.map((member) => member.name))
  const images = properties ? [] : lines.filter((line) => line.name !== undefined).map((line) => frameOf(line, names))
  const total = properties?.length ?? images.length
  const start = numberOr(data.start_frame, 0)
  const stop = Math.min(numberOr(data.stop_frame, total - 1), total - 1)
  const step = Number(/^step=(\d+)$/.exec(String(data.frame_filter ?? ''))?.[1] ?? 1)
  const count = Math.max(0, Math.floor((stop - start) / step) + 1)
  if (properties) {
    const [width, height] = properties.resolution
    const frame: FrameInfo = { name: properties.name, width, height, related_files: 0 }
    return { mode: 'interpolation', dimension: '2d', count, frames: [frame] }
  }
  const named = Array.from({ length: count }, (_, index) => images[start + index * step])
  const frames = named.filter((frame): frame is FrameInfo => frame !== undefined && names.has(frame.name))
  const dimension = images.some((frame) => frame.name.endsWith('.pcd')) ? '3d' : '2d'
  return { mode: 'annotation', dimension, count: frames.length, frames }
}

/** A context image counts only where it is really in the archive: those of a share are named and left out. */
function frameOf(line: ManifestLine, names: ReadonlySet<string>): FrameInfo {
  const related = (line.meta?.related_images ?? []).filter((name) => names.has(name))
  return {
    name: `${line.name}${line.extension ?? ''}`,
    width: line.width ?? 0,
    height: line.height ?? 0,
    related_files: related.length,
  }
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}
