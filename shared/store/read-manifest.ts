// data/manifest.jsonl: two header lines, then one line per picture, or for a video its properties and key frames.

import { type MemberSink, splitLines } from './member-sinks.ts'

export interface ManifestFindings {
  readonly isReadable: boolean
  /** Pictures listed, or the frames of a video. More than the task's frames where a frame filter leaves some out. */
  readonly frames: number
  /** How many listed pictures have no member, and the first few of their names. */
  readonly missingMedia: number
  readonly missingExamples: readonly string[]
  /** How many listed context images have no member. */
  readonly missingContextImages: number
}

const MAX_EXAMPLES = 3

/**
 * @param hasMedia whether the archive has this picture; names are as in the manifest, relative to `data/`
 */
export function readManifest(
  maxLineLength: number,
  hasMedia: (name: string) => boolean,
  done: (findings: ManifestFindings) => void,
): MemberSink {
  let lines = 0
  let isReadable = true
  let isVideo = false
  let frames = 0
  let missingMedia = 0
  let missingContextImages = 0
  const missingExamples: string[] = []

  function takePicture(line: Record<string, unknown>): void {
    frames += 1
    if (typeof line.name !== 'string' || typeof line.extension !== 'string') return
    const name = `${line.name}${line.extension}`
    if (!hasMedia(name)) {
      missingMedia += 1
      if (missingExamples.length < MAX_EXAMPLES) missingExamples.push(name)
    }
    missingContextImages += listContextImages(line).filter((image) => !hasMedia(image)).length
  }

  function takeLine(text: string | undefined): void {
    const line = parseObject(text)
    lines += 1
    if (!line) isReadable = false
    else if (lines === 2) isVideo = line.type === 'video'
    else if (lines > 2 && isVideo) frames = Math.max(frames, readVideoLength(line))
    else if (lines > 2) takePicture(line)
  }

  return splitLines(maxLineLength, takeLine, () =>
    done({ isReadable: isReadable && lines >= 2, frames, missingMedia, missingExamples, missingContextImages }),
  )
}

function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function readVideoLength(line: Record<string, unknown>): number {
  const { length } = (line.properties ?? {}) as { length?: unknown }
  return typeof length === 'number' && Number.isSafeInteger(length) && length > 0 ? length : 0
}

function listContextImages(line: Record<string, unknown>): string[] {
  const { related_images: images } = (line.meta ?? {}) as { related_images?: unknown }
  return Array.isArray(images) ? images.filter((image) => typeof image === 'string') : []
}
