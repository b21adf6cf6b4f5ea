// What a kind of archive must hold, apart from how a zip is read.

import type { ArchivedTask } from './inspection.ts'
import type { MemberSink } from './member-sinks.ts'
import type { Problem, TaskMembers } from './record.ts'

export interface ContentCheck {
  /** Called once for each member that is no folder; what is given back sees the member's bytes. */
  open(name: string, sizeBytes: number): MemberSink | undefined
  /** Called after the last member. */
  finish(): ContentFindings
}

export interface ContentFindings {
  readonly perTask: readonly TaskMembers[]
  readonly tasks: readonly ArchivedTask[]
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}
