// What putting an export's annotations into a task would do: checked in full before anything is sent.

import { BackupError } from '#shared/errors/backup-error.ts'
import type { FoundExport } from './find-export.ts'
import { isVideoTask, openFrameMatcher } from './match-frames.ts'
import { openDocument, type TaskDocument } from './open-document.ts'
import type { AnnotationCounts, DocumentImage } from './take-task.ts'
import type { TargetTask } from './target-task.ts'

export interface ImportPlan {
  readonly document: TaskDocument
  readonly held: AnnotationCounts
  /** What the task's jobs hold afterwards; undefined where that depends on the server's way with tracks. */
  readonly expected: AnnotationCounts | undefined
  /** In words: what will not come back as it was. */
  readonly losses: readonly string[]
}

/** @throws BackupError `frames-differ`, `labels-differ`: CVAT would put annotations where they do not belong, or fail */
export async function planImport(found: FoundExport, target: TargetTask, signal: AbortSignal): Promise<ImportPlan> {
  const open = () => openFrameMatcher(target.frames, found.archive.entity.type === 'project')
  const frames = open()
  const held = { tags: 0, shapes: 0, tracks: 0 }
  const expected = { tags: 0, shapes: 0, tracks: 0 }
  let jobs = 0
  let isFirst = true
  const openNames = () => {
    const matcher = isFirst ? frames : open()
    isFirst = false
    return (image: { readonly name: string }) => {
      const match = matcher.match(image)
      if (matcher === frames) jobs = match ? (target.jobsPerFrame[match.frame] ?? 0) : 0
      return match?.name
    }
  }
  const onImage = (image: DocumentImage) => {
    held.tags += image.tags
    held.shapes += image.shapes
    expected.tags += image.tags * jobs
    expected.shapes += image.shapes * jobs
  }
  const document = await openDocument(found, { openNames, onImage }, signal)
  held.tracks = document.tracks
  frames.assertAll()
  assertSize(found, document, target)
  assertLabels(document, target)
  assertAnything(found, document, target)
  return {
    document,
    held,
    expected: document.tracks === 0 ? expected : undefined,
    losses: listLosses(found, held, document, target),
  }
}

/** Tracks and videos name no pictures: the least that can be known is that there are as many. */
function assertSize({ archive, taskId }: FoundExport, { tracks }: TaskDocument, target: TargetTask): void {
  if (tracks === 0 && !isVideoTask(target.frames)) return
  const { tasks } = archive.record.observation
  const then = taskId === undefined ? tasks[0] : tasks.find(({ id }) => id === taskId)
  if (then?.size === target.frames.count) return
  throw new BackupError(
    `${target.url} has ${target.frames.count} frames, the exported task had ${then?.size ?? 'an unknown number'}`,
    {
      code: 'frames-differ',
      retryable: false,
      hint: 'Annotations would come to other frames than theirs. Nothing was sent. Restore the backup instead: it brings its pictures with it.',
    },
  )
}

function assertLabels({ labels }: TaskDocument, { labels: present, url }: TargetTask): void {
  const missing = [...labels.keys()].filter((label) => !present.has(label)).sort()
  if (missing.length === 0) return
  const named = missing.slice(0, 10).map((name) => JSON.stringify(name))
  throw new BackupError(`${url} has no label ${named.join(', ')}${missing.length > 10 ? ' and more' : ''}`, {
    code: 'labels-differ',
    retryable: false,
    hint: 'CVAT takes no annotation whose label is not there. Nothing was sent. Add the labels, or restore the backup: it brings its labels with it.',
  })
}

/** An export of another state of the task: with no picture in common it would just empty it. */
function assertAnything({ archive }: FoundExport, { images, tracks }: TaskDocument, { url }: TargetTask): void {
  if (images > 0 || tracks > 0) return
  throw new BackupError(`${archive.record.archive.fileName} holds no picture and no track of the task`, {
    code: 'nothing-to-restore',
    retryable: false,
    hint: `All annotations of ${url} would just be removed. Nothing was sent.`,
  })
}

function listLosses(
  { format }: FoundExport,
  held: AnnotationCounts,
  document: TaskDocument,
  target: TargetTask,
): string[] {
  const losses: string[] = []
  if (format === 'CVAT for images 1.1') {
    losses.push('tracks: this format has none. What was a track comes back as single shapes, one on each frame')
    if (target.annotations.tracks > 0) losses.push(`the ${count(target.annotations.tracks, 'track')} that it has now`)
    if (held.tags > 0) losses.push(`where tags come from: the source of ${count(held.tags, 'tag')} becomes "file"`)
  } else {
    losses.push('tags: this format has none', 'shapes on single frames: they come back as tracks')
    losses.push('certainty: pictures are told by their numbers, since tracks name no pictures')
  }
  for (const [label, attributes] of document.labels) {
    const gone = [...attributes].filter((name) => !target.labels.get(label)?.has(name))
    if (gone.length > 0)
      losses.push(`values of ${gone.join(', ')}: the label ${JSON.stringify(label)} has no such attribute any more`)
  }
  return losses
}

export function describeCounts({ tags, shapes, tracks }: AnnotationCounts): string {
  return `${count(tags, 'tag')}, ${count(shapes, 'shape')}, ${count(tracks, 'track')}`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
