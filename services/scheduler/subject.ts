// One entity as a listing shows it: what deciding and planning need, nothing more, since a page of them is in memory.

import type { ChangeDigest } from '#shared/model/change-digest.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { WorkflowDigest } from '#shared/model/workflow.ts'

export interface Subject {
  readonly entity: EntityRef
  readonly name: string
  /** Name of the project that a task belongs to; filters by project name admit its tasks by it. */
  readonly project: { readonly id: number; readonly name: string } | undefined
  readonly organization: string | null
  readonly digest: ChangeDigest
  /** What no archive holds; undefined where the listing was not asked about it. */
  readonly workflow: WorkflowDigest | undefined
  /** Frames of a task; undefined for a project. */
  readonly size: number | undefined
  /** Of all its tasks together. */
  readonly frames: number
}

/** A page of subjects and the place from which a restarted listing goes on after it. */
export interface SubjectPage {
  readonly subjects: readonly Subject[]
  readonly cursor: string
}
