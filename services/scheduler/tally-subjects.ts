// What a listing sums up for each entity while its tasks, jobs and issues stream by.

import type { CvatClient, JobRow } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { ChangeDigest } from '#shared/model/change-digest.ts'
import { newestDate } from '#shared/model/server-date.ts'
import { type PeopleFacts, WorkflowTally } from '#shared/model/workflow-digest.ts'

export interface Tally extends Omit<ChangeDigest, 'updatedDate'> {
  taskCount: number
  newestTaskDate: string | null
  jobCount: number
  newestJobDate: string | null
  newestJobId: number | null
  /** Of all tasks together: how long an export takes goes with it. */
  frames: number
  readonly workflow: WorkflowTally
  /** Whether all its issues were listed. */
  knowsIssues: boolean
}

export function newTally(): Tally {
  return {
    taskCount: 0,
    newestTaskDate: null,
    jobCount: 0,
    newestJobDate: null,
    newestJobId: null,
    frames: 0,
    workflow: new WorkflowTally(),
    knowsIssues: true,
  }
}

/** Rows of entities that appeared after the page was read have no tally; the next run sees them. */
export function countTask(
  tally: Tally | undefined,
  task: PeopleFacts & { readonly updated_date: string; readonly size: number },
): void {
  if (!tally) return
  tally.taskCount++
  tally.newestTaskDate = newestDate([tally.newestTaskDate, task.updated_date])
  tally.frames += task.size
  tally.workflow.addTask(task)
}

export function countJob(tally: Tally | undefined, job: JobRow): void {
  if (!tally) return
  tally.jobCount++
  tally.newestJobDate = newestDate([tally.newestJobDate, job.updated_date])
  tally.newestJobId = Math.max(tally.newestJobId ?? 0, job.id)
  tally.workflow.addJob(job)
}

/** Jobs asked about in one call: their ids travel in the address, which stays below 4 kB. */
const JOBS_AT_ONCE = 200

/**
 * Asks for the issues of those jobs that have any, many jobs of many entities in one call; most servers' jobs have none,
 * and then nothing is asked. Backups do not depend on it: where issues cannot be listed, they are unknown.
 */
export class IssueCounter {
  readonly #cvat: Pick<CvatClient, 'listIssues'>
  readonly #signal: AbortSignal
  readonly #onFault: (error: BackupError) => void
  #jobs = new Map<number, Tally>()
  #isRefused = false

  constructor(cvat: Pick<CvatClient, 'listIssues'>, signal: AbortSignal, onFault: (error: BackupError) => void) {
    this.#cvat = cvat
    this.#signal = signal
    this.#onFault = onFault
  }

  async add(tally: Tally | undefined, job: Pick<JobRow, 'id' | 'issues'>): Promise<void> {
    if (!tally || job.issues === 0) return
    this.#jobs.set(job.id, tally)
    if (this.#jobs.size >= JOBS_AT_ONCE) await this.flush()
  }

  /** Before the tallies are read. */
  async flush(): Promise<void> {
    const jobs = this.#jobs
    this.#jobs = new Map()
    if (jobs.size === 0) return
    if (!this.#isRefused) {
      try {
        for await (const page of this.#cvat.listIssues({ jobIdIn: [...jobs.keys()] }, this.#signal)) {
          for (const issue of page) jobs.get(issue.job)?.workflow.addIssue(issue)
        }
        return
      } catch (error) {
        this.#signal.throwIfAborted()
        if (!(error instanceof BackupError)) throw error
        // The same for all further jobs: asking on would only take time.
        this.#isRefused = true
        this.#onFault(error)
      }
    }
    for (const tally of jobs.values()) tally.knowsIssues = false
  }
}
