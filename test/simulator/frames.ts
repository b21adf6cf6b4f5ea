// Names and sizes of a task's frames, the same wherever the server tells of them.

import type { FrameInfo } from './restore/restored-task.ts'
import type { Task } from './world-records.ts'

/** What the server tells of one frame of a task; of a video's frames, what it tells of the video. */
export function frameOf(task: Task, frame: number): FrameInfo {
  const { restored, data } = task
  const known = data?.mode === 'interpolation' ? restored?.frames[0] : restored?.frames[frame]
  return known ?? { name: frameName(frame), ...frameSize(data?.seed ?? 0, frame), related_files: 0 }
}

/**
 * What an annotation export calls a frame: those of a video by their numbers in it, whichever of them the task has. Known from
 * CVAT's source, where importing takes frames by these names, too.
 */
export function exportedName(task: Task, frame: number): string {
  if (task.data?.mode !== 'interpolation') return frameOf(task, frame).name
  const { start_frame = 0, frame_filter = '' } = (task.restored?.description.data ?? {}) as FrameRange
  const step = Number(/^step=(\d+)$/.exec(frame_filter)?.[1] ?? 1)
  return `frame_${String(start_frame + frame * step).padStart(6, '0')}`
}

interface FrameRange {
  readonly start_frame?: number
  readonly frame_filter?: string
}

export function frameName(frame: number): string {
  return `img_${frame}.jpg`
}

/** Width and height that the server tells of a frame: made up, always the same for one frame. */
export function frameSize(seed: number, frame: number): { width: number; height: number } {
  return { width: 76 + ((seed * 31 + frame * 17) % 116), height: 57 + ((seed * 13 + frame * 29) % 103) }
}

/**
 * Numbers what comes again: the second `Train/img_0.jpg` becomes `Train/img_0_1.jpg`. Tasks of one subset share a folder
 * in a project's dataset, and CVAT's exporter tells their frames apart in this way (known from its source, not recorded).
 */
export function numberRepeats(): (path: string) => string {
  const seen = new Map<string, number>()
  return (path) => {
    const count = seen.get(path) ?? 0
    seen.set(path, count + 1)
    return count === 0 ? path : path.replace(/(?=(\.\w+)?$)/, `_${count}`)
  }
}
