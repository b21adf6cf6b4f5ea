// What one task's part of a backup must hold: task.json, annotations.json, data/manifest.jsonl and its media.

import { z } from 'zod'
import type { TaskObservation } from '#shared/model/observation.ts'
import { showName } from './check-entry.ts'
import { countAnnotations } from './count-annotations.ts'
import type { ArchivedTask } from './inspection.ts'
import type { TaskIdentity } from './match-tasks.ts'
import { collectJson, type MemberSink } from './member-sinks.ts'
import { type ManifestFindings, readManifest } from './read-manifest.ts'
import type { Problem, TaskMembers } from './record.ts'
import { warnAboutData, warnAboutLabels } from './restore-warnings.ts'
import type { ZipLimits } from './zip-limits.ts'

const taskJsonSchema = z.looseObject({
  name: z.string(),
  status: z.string().optional().catch(undefined),
  subset: z.string().optional().catch(undefined),
  labels: z.unknown().optional(),
  data: z.unknown().optional(),
  jobs: z.array(z.looseObject({ stop_frame: z.int().nonnegative(), type: z.string().optional().catch(undefined) })),
})

const deletedFramesSchema = z.looseObject({ deleted_frames: z.array(z.int()) })

export interface TaskPlace {
  /** `task_3/` in a project's backup, empty in a task's own. */
  readonly prefix: string
  readonly position: number
  hasMember(name: string): boolean
}

export interface TaskFindings {
  readonly members: TaskMembers
  readonly archived: ArchivedTask
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

export interface TaskCheck {
  /** @param path the member's name without the prefix */
  open(path: string, sizeBytes: number): MemberSink | undefined
  /** After the last member: what tells this task from the others. */
  identify(): TaskIdentity
  /** @param expected what the server said of the task that this is, where that is known */
  finish(expected: TaskObservation | undefined): TaskFindings
}

export function checkTask(place: TaskPlace, limits: ZipLimits): TaskCheck {
  /** Undefined: no such member (or a damaged one, which is told of elsewhere); null: unreadable. */
  let taskJson: z.infer<typeof taskJsonSchema> | null | undefined
  let annotations: number | null | undefined
  let manifest: ManifestFindings | undefined
  let mediaFiles = 0

  const openers: Record<string, () => MemberSink> = {
    'task.json': () =>
      collectJson(limits.maxJsonBytes, (value) => {
        taskJson = taskJsonSchema.safeParse(value).data ?? null
      }),
    'annotations.json': () =>
      countAnnotations((count) => {
        annotations = count ?? null
      }),
    'data/manifest.jsonl': () =>
      readManifest(
        limits.maxManifestLineLength,
        (name) => place.hasMember(`${place.prefix}data/${name}`),
        (findings) => {
          manifest = findings
        },
      ),
  }

  function findProblems(frames: number, expected: TaskObservation | undefined): Problem[] {
    const subject = describeTask(place, expected)
    const problems: Problem[] = []
    const report = (code: string, what: string) =>
      problems.push({ code, message: `${subject} ${what}`, ...(expected && { taskId: expected.id }) })
    if (!taskJson) report('no-task-json', `has ${taskJson === null ? 'an unreadable' : 'no'} task.json`)
    if (annotations === undefined) report('no-annotations', 'has no annotations.json')
    if (annotations === null) report('no-annotations', 'has an unreadable annotations.json')
    const needsMedia = expected ? expected.size > 0 : frames > 0 || !taskJson
    if (needsMedia && mediaFiles === 0) report('no-media', `has ${expected?.size ?? frames} frames but no media`)
    else if (needsMedia && !manifest?.isReadable) {
      report('no-manifest', `has ${manifest ? 'an unreadable' : 'no'} data/manifest.jsonl`)
    }
    if (manifest && mediaFiles > 0 && manifest.missingMedia > 0) {
      const examples = manifest.missingExamples.map(showName).join(', ')
      report('media-missing', `lacks ${manifest.missingMedia} of ${manifest.frames} media files: ${examples}`)
    }
    if (expected && expected.size > 0 && taskJson && taskJson.jobs.length > 0 && frames !== expected.size) {
      report('frames-differ', `has ${frames} frames here and ${expected.size} on the server: is this another task?`)
    }
    return problems
  }

  function findWarnings(expected: TaskObservation | undefined): Problem[] {
    const contextImages = manifest?.missingContextImages ?? 0
    const warnings = [...warnAboutData(taskJson?.data), ...warnAboutLabels(taskJson?.labels)]
    if (contextImages > 0) {
      // Measured: CVAT leaves them out where a task's media stay on a share.
      warnings.push({
        code: 'context-images-missing',
        message: `lacks ${contextImages} context images, which lie on a share: CVAT backs none of these up`,
      })
    }
    const subject = describeTask(place, expected)
    return warnings.map(({ code, message }) => ({
      code,
      message: `${subject}: ${message}`,
      ...(expected && { taskId: expected.id }),
    }))
  }

  function identify(): TaskIdentity {
    const frames = countFrames(taskJson, manifest)
    return { position: place.position, name: taskJson?.name ?? '', subset: taskJson?.subset ?? '', frames }
  }

  return {
    open(path, sizeBytes) {
      const opener = Object.hasOwn(openers, path) ? openers[path] : undefined
      if (!opener && path.startsWith('data/') && sizeBytes > 0) mediaFiles += 1
      return opener?.()
    },
    identify,
    finish(expected) {
      const identity = identify()
      const { position, frames } = identity
      return {
        members: {
          position,
          ...(expected && { taskId: expected.id }),
          name: taskJson?.name ?? expected?.name ?? '',
          frames,
          ...(typeof annotations === 'number' && { annotations }),
        },
        archived: {
          ...identity,
          taskId: expected?.id,
          status: taskJson?.status,
          deletedFrames: deletedFramesSchema.safeParse(taskJson?.data).data?.deleted_frames,
          groundTruthJobs: taskJson?.jobs.filter(({ type }) => type === 'ground_truth').length ?? 0,
        },
        problems: findProblems(frames, expected),
        warnings: findWarnings(expected),
      }
    },
  }
}

/**
 * Jobs cover all frames of a task, numbered from 0 without those that a frame filter leaves out: this is the size the
 * API tells. The manifest counts the files that were uploaded.
 */
function countFrames(
  taskJson: z.infer<typeof taskJsonSchema> | null | undefined,
  manifest: ManifestFindings | undefined,
): number {
  if (!taskJson || taskJson.jobs.length === 0) return manifest?.frames ?? 0
  return taskJson.jobs.reduce((frames, job) => Math.max(frames, job.stop_frame + 1), 0)
}

function describeTask({ prefix }: TaskPlace, expected: TaskObservation | undefined): string {
  const folder = prefix.replace('/', '')
  if (!expected) return folder || 'The task'
  return folder ? `Task ${expected.id} (${folder})` : `Task ${expected.id}`
}
