// What reading an archive back has shown: the only thing that lets a file be committed under a final name.

import type { ArchiveRecord, Problem, VerificationLevel } from './record.ts'

export interface Inspection {
  readonly sizeBytes: number
  /** Of the bytes that were read back from the disk. */
  readonly sha256: string
  readonly level: VerificationLevel
  readonly members: ArchiveRecord['members']
  /** Empty exactly when the level is `complete`. */
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}
