// What the simulated server keeps: one record per row of CVAT's tables that a backup client can see.

import type { RestoredTask, StoredAnnotations } from './restore/restored-task.ts'

export interface User {
  readonly id: number
  readonly username: string
  password: string
  email: string
  isSuperuser: boolean
  joinedDate: string
  lastLogin: string | null
  /** The login token: the same at every login until it is revoked. */
  loginKey: string | null
}

export interface AccessToken {
  readonly id: number
  readonly name: string
  readonly userId: number
  /** What follows `Bearer`. */
  readonly value: string
  readonly readOnly: boolean
  readonly createdDate: string
  updatedDate: string
  expiryDate: string | null
  lastUsedDate: string | null
}

export type Role = 'worker' | 'supervisor' | 'maintainer' | 'owner'

export interface Organization {
  readonly id: number
  readonly slug: string
  name: string
  readonly ownerId: number
  readonly createdDate: string
  updatedDate: string
  /** By user id. */
  readonly members: Map<number, Role>
}

export interface Label {
  readonly id: number
  name: string
  color: string
  type: string
  readonly projectId: number | null
  readonly taskId: number | null
  readonly attributes: readonly LabelAttribute[]
  /** The points of a skeleton, which have no row of their own in any list. */
  sublabels: readonly Sublabel[]
  /** How a skeleton is drawn; names its points by `data-label-name`, as archives do. */
  readonly svg: string | null
}

/** The keys are CVAT's own: it is written as it is into lists and archives. */
export interface LabelAttribute {
  readonly id: number
  readonly name: string
  readonly mutable: boolean
  readonly input_type: string
  readonly default_value: string
  readonly values: readonly string[]
}

export interface Sublabel {
  readonly id: number
  readonly name: string
  readonly color: string
  readonly type: string
  readonly attributes: readonly LabelAttribute[]
}

export interface Guide {
  readonly id: number
  readonly projectId: number | null
  readonly taskId: number | null
  readonly createdDate: string
  updatedDate: string
  markdown: string
}

/** A picture of a guide, named in its text by `/api/assets/UUID`. */
export interface Asset {
  readonly uuid: string
  readonly guideId: number
  readonly fileName: string
  readonly content: Buffer
  readonly createdDate: string
}

export type Status = 'annotation' | 'validation' | 'completed'
export type Stage = 'annotation' | 'validation' | 'acceptance'
export type State = 'new' | 'in progress' | 'completed' | 'rejected'

export interface Project {
  readonly id: number
  name: string
  readonly ownerId: number
  assigneeId: number | null
  assigneeUpdatedDate: string | null
  readonly organizationId: number | null
  bugTracker: string
  status: Status
  readonly createdDate: string
  updatedDate: string
  guideId: number | null
  readonly labelIds: number[]
  /** Ascending: ids are handed out in order, and a task that moves in is sorted in. */
  taskIds: number[]
}

export interface Task {
  readonly id: number
  name: string
  projectId: number | null
  readonly ownerId: number
  assigneeId: number | null
  assigneeUpdatedDate: string | null
  organizationId: number | null
  subset: string
  status: Status
  readonly createdDate: string
  updatedDate: string
  guideId: number | null
  readonly labelIds: number[]
  jobIds: number[]
  /** Null for a task without data. */
  readonly data: TaskData | null
  /** How many shapes are made up, or what there really is: once stored, only that counts. */
  readonly annotations: { shapesPerFrame: number; extraShapes: number; stored: StoredAnnotations | null }
  /** Null for a task that was made here and not restored. */
  readonly restored: RestoredTask | null
}

/** Media are not stored: they are made from the seed, frame by frame, whenever they are read. */
export interface TaskData {
  readonly mode: 'annotation' | 'interpolation'
  readonly frames: number
  readonly bytesPerFrame: number
  readonly seed: number
  readonly uploadedDate: string
  segmentSize: number
  readonly overlap: number
  deletedFrames: number[]
  /** The server's disk has lost the files: exports leave them out and say nothing. */
  isMissing: boolean
}

export type JobType = 'annotation' | 'ground_truth' | 'consensus_replica'

export interface Job {
  readonly id: number
  readonly taskId: number
  readonly type: JobType
  stage: Stage
  state: State
  assigneeId: number | null
  assigneeUpdatedDate: string | null
  readonly startFrame: number
  readonly stopFrame: number
  /** The chosen frames of a ground truth job. */
  readonly frames: readonly number[] | null
  /** The files of a job whose frames were chosen one by one (honeypots, job_file_mapping). */
  readonly files: readonly string[] | null
  /** The job that a consensus replica is a replica of. */
  readonly parentJobId: number | null
  readonly createdDate: string
  updatedDate: string
  issueCount: number
}

export interface Issue {
  readonly id: number
  readonly jobId: number
  ownerId: number | null
  readonly frame: number
  readonly position: readonly number[]
  readonly createdDate: string
  updatedDate: string
  resolved: boolean
  commentCount: number
}

export interface Comment {
  readonly id: number
  readonly issueId: number
  ownerId: number | null
  message: string
  readonly createdDate: string
  updatedDate: string
}

/** A webhook of a project or of an organization. */
export interface Webhook {
  readonly id: number
  readonly type: 'project' | 'organization'
  readonly projectId: number | null
  readonly organizationId: number | null
  readonly ownerId: number
  readonly createdDate: string
  updatedDate: string
  targetUrl: string
  description: string
  /** Never shown. */
  secret: string
  isActive: boolean
  enableSsl: boolean
  events: readonly string[]
  lastStatus: number | null
  lastDeliveryDate: string | null
}

/** Something that webhooks tell of, at the moment at which it happens: its row is still, or already, there. */
export interface WorldEvent {
  /** `update:task`. */
  readonly event: string
  readonly row: Project | Task | Job | Issue | Comment
  readonly projectId: number | null
  readonly organizationId: number | null
  /** What has changed, and what it was. */
  readonly before?: Readonly<Record<string, unknown>>
}

export interface EntityKey {
  readonly type: 'project' | 'task'
  readonly id: number
}
