// What reading an archive back has shown: the only thing that lets a file be committed under a final name.

import type { ArchiveRecord, Problem, VerificationLevel } from './record.ts'

/** What a backup says of one task: what can be held against the server's answers. */
export interface ArchivedTask {
  /** N of `task_N`. */
  readonly position: number
  /** Absent when the archive holds a task that the server had not in this project. */
  readonly taskId: number | undefined
  readonly name: string
  readonly subset: string
  readonly frames: number
  /** Absent where task.json does not say. */
  readonly status: string | undefined
  readonly deletedFrames: readonly number[] | undefined
  readonly groundTruthJobs: number
}

export interface Inspection {
  readonly sizeBytes: number
  /** Of the bytes that were read back from the disk. */
  readonly sha256: string
  readonly level: VerificationLevel
  readonly members: ArchiveRecord['members']
  /** One row per task in a backup, by position; empty for annotations. */
  readonly tasks: readonly ArchivedTask[]
  /** What media are in it ({@link digestMedia}), if it was asked for; absent where they are not as CVAT writes them. */
  readonly mediaSha256?: string
  /** Empty at level `fresh`; at `complete` only `stale` ones, which the file alone cannot show. */
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}
