// Whether a document's images are the frames of a task. CVAT takes frames by name, and where no name matches silently by
// number (measured): so each name must be that of exactly one frame, or nothing is sent.

import { BackupError } from '#shared/errors/backup-error.ts'

export interface FrameMatcher {
  /** The number of the frame that the image is; undefined where it is none, or not surely. */
  match(image: { readonly name: string; readonly number: number }): number | undefined
  /** @throws BackupError `frames-differ` naming the first images that are no frames */
  assertAll(): void
}

export interface TargetFrames {
  /** By number; of a video a single one for all. */
  readonly names: readonly string[]
  readonly count: number
}

const NAMED = 5

/** Frames of videos have no names: CVAT writes `frame_000012`, and that must be the number of one. */
export function openFrameMatcher({ names, count }: TargetFrames): FrameMatcher {
  const isVideo = isVideoTask({ names, count })
  const byName = new Map<string, number>()
  // CVAT leaves the ending away before it compares.
  const byStem = new Map<string, number>()
  if (!isVideo) {
    for (const [number, name] of names.entries()) {
      byName.set(name, number)
      byStem.set(stemOf(name), (byStem.get(stemOf(name)) ?? 0) + 1)
    }
  }
  const strangers: string[] = []
  let strange = 0
  let seen = 0
  const find = (name: string): number | undefined => {
    if (isVideo) {
      const number = Number(/^frame_(\d{6,})(?:\.\w+)?$/.exec(name)?.[1] ?? 'NaN')
      return number < count ? number : undefined
    }
    return byStem.get(stemOf(name)) === 1 ? byName.get(name) : undefined
  }
  return {
    match(image) {
      seen++
      const number = find(image.name)
      if (number !== undefined) return number
      strange++
      if (strangers.length < NAMED) strangers.push(image.name)
      return undefined
    },
    assertAll() {
      if (strange === 0) return
      const more = strange > strangers.length ? `, and ${strange - strangers.length} more` : ''
      throw new BackupError(
        `${strange} of ${seen} pictures in the export are no frames of the task: ${strangers.map((name) => JSON.stringify(name)).join(', ')}${more}`,
        {
          code: 'frames-differ',
          retryable: false,
          hint: 'CVAT would put their annotations on other pictures, by number and without a word. Nothing was sent. Restore the backup instead: it brings its pictures with it.',
        },
      )
    },
  }
}

export function isVideoTask({ names, count }: TargetFrames): boolean {
  return names.length === 1 && (count > 1 || /\.(mp4|avi|mov|mkv|webm|m4v|wmv|mpe?g)$/i.test(names[0]!))
}

function stemOf(name: string): string {
  return name.replace(/\.\w+$/, '')
}
