// Whether a document's images are the frames of a task. CVAT takes frames by name, and where no name matches silently by
// number (measured): so each name must be that of exactly one frame, or nothing is sent.

import { BackupError } from '#shared/errors/backup-error.ts'

export interface FrameMatcher {
  /** The frame that an image is: its number, and its name where it is another one; undefined: none, or not surely. */
  match(image: { readonly name: string }): { readonly frame: number; readonly name: string | undefined } | undefined
  /** @throws BackupError `frames-differ` naming the first images that are no frames */
  assertAll(): void
}

export interface TargetFrames {
  /** By number; of a video a single one for all. */
  readonly names: readonly string[]
  readonly count: number
  /** Of a video: its frame that is the task's first, and every how many-th one the task has. */
  readonly start: number
  readonly step: number
}

const NAMED = 5

/**
 * For one reading of one document.
 *
 * @param isProjects the document is of a whole project: where several of its tasks have a picture of one name, CVAT adds `_1`, `_2`
 *   and so on to the later ones. Such a name is taken for the frame's only where no other frame could be meant, and the
 *   pictures come in the order of the frames.
 */
export function openFrameMatcher(frames: TargetFrames, isProjects: boolean): FrameMatcher {
  const findFrame = isVideoTask(frames) ? findInVideo(frames) : findByName(frames.names)
  const strangers: string[] = []
  let strange = 0
  let seen = 0
  let last = -1
  const find = (name: string) => {
    const own = findFrame(name)
    if (!isProjects) return own === undefined ? undefined : { frame: own, name: undefined }
    const [, start, ending = ''] = /^(.*)_\d+(\.\w+)?$/.exec(name) ?? []
    const shortened = start === undefined ? undefined : `${start}${ending}`
    const other = shortened === undefined ? undefined : findFrame(shortened)
    if (own !== undefined && other !== undefined) return undefined
    const frame = own ?? other
    if (frame === undefined || frame <= last) return undefined
    last = frame
    return { frame, name: own === undefined ? shortened : undefined }
  }
  return {
    match(image) {
      seen++
      const found = find(image.name)
      if (found) return found
      strange++
      if (strangers.length < NAMED) strangers.push(image.name)
      return undefined
    },
    assertAll() {
      if (strange === 0) return
      const more = strange > strangers.length ? `, and ${strange - strangers.length} more` : ''
      const named = strangers.map((name) => JSON.stringify(name)).join(', ')
      throw new BackupError(`${strange} of ${seen} pictures in the export are no frames of the task: ${named}${more}`, {
        code: 'frames-differ',
        retryable: false,
        hint: 'CVAT would put their annotations on other pictures, by number and without a word. Nothing was sent. Restore the backup instead: it brings its pictures with it.',
      })
    },
  }
}

/** CVAT leaves the ending away before it compares, so that frames which differ in it alone are not told apart. */
function findByName(names: readonly string[]): (name: string) => number | undefined {
  const byName = new Map<string, number>()
  const stems = new Map<string, number>()
  for (const [number, name] of names.entries()) {
    byName.set(name, number)
    stems.set(stemOf(name), (stems.get(stemOf(name)) ?? 0) + 1)
  }
  return (name) => (stems.get(stemOf(name)) === 1 ? byName.get(name) : undefined)
}

/** Frames of videos have no names: CVAT writes `frame_000012` with their number in the video, and that must be one of the task's. */
function findInVideo({ count, start, step }: TargetFrames): (name: string) => number | undefined {
  return (name) => {
    const number = Number(/^frame_(\d{6,})(?:\.\w+)?$/.exec(name)?.[1] ?? 'NaN')
    const frame = (number - start) / step
    return Number.isInteger(frame) && frame >= 0 && frame < count ? frame : undefined
  }
}

export function isVideoTask({ names, count }: Pick<TargetFrames, 'names' | 'count'>): boolean {
  return names.length === 1 && (count > 1 || /\.(mp4|avi|mov|mkv|webm|m4v|wmv|mpe?g)$/i.test(names[0]!))
}

function stemOf(name: string): string {
  return name.replace(/\.\w+$/, '')
}
