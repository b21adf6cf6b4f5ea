// Annotations as the world keeps them (by job, names for labels) and as archives and the API want them.

import { annotationsJson, escapeLetters } from '../annotation-text.ts'
import type { PlannedTask } from '../archive-plan.ts'
import { type ByteSource, textBytes } from '../media-bytes.ts'

/** annotations.json of a task: as it was uploaded while nothing changed, made up where nothing was ever stored. */
export function annotationsContent(planned: PlannedTask): ByteSource {
  const { stored } = planned.task.annotations
  if (!stored) return textBytes(annotationsJson(planned))
  return stored.raw ?? textBytes(escapeLetters(JSON.stringify(stored.jobs)))
}
