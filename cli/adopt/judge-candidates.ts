// Which entity of the server an archive is of: a pure decision, with the reason where it cannot be told. Being wrong would
// put an archive where its own project's backups are looked for, so one fact that does not fit is enough to refuse.

import { compareServerDates } from '#shared/model/server-date.ts'
import type { ArchiveIdentity } from '#shared/store/adopt-identity.ts'

/** A task that has data. */
export interface CandidateTask {
  readonly name: string
  readonly frames: number
}

/** An entity of the archive's type on the server. */
export interface Candidate {
  readonly id: number
  readonly createdDate: string | undefined
  readonly updatedDate: string
  /** With data, ordered by id; a task's own single row. */
  readonly tasks: readonly CandidateTask[]
}

export type Judgement = { readonly id: number } | { readonly reason: string }

/** Those that were there at `changedAt` (to the second) and have changed then or later: no other can have the archive. */
export function wereThere<C extends Pick<Candidate, 'createdDate' | 'updatedDate'>>(
  candidates: readonly C[],
  changedAt: string,
): C[] {
  const at = secondOf(changedAt)
  return candidates.filter(
    ({ createdDate, updatedDate }) =>
      (createdDate === undefined || secondOf(createdDate) <= at) && at <= secondOf(updatedDate),
  )
}

/**
 * For backups, over entities of the archive's name that were there. One that has not changed since and holds the very
 * tasks of the archive is the one. Otherwise it must share a task with the archive, and be the only one that does: tasks
 * come and go, but all of them at once is another project. A task keeps its frames for ever.
 */
export function judgeBackup(
  candidates: readonly Candidate[],
  archived: { readonly changedAt: string; readonly tasks: readonly CandidateTask[] },
): Judgement {
  const own = new Set(archived.tasks.map(keyOf))
  const unchanged = candidates.filter(
    ({ updatedDate, tasks }) =>
      secondOf(updatedDate) === secondOf(archived.changedAt) && sameTasks(tasks, archived.tasks),
  )
  const sharing = candidates.filter(({ tasks }) => own.size === 0 || tasks.some((task) => own.has(keyOf(task))))
  const fitting = unchanged.length > 0 ? unchanged : sharing
  const [first, ...others] = fitting
  if (first && others.length === 0) return { id: first.id }
  if (first) return { reason: `fits ${fitting.map(({ id }) => id).join(', ')} alike` }
  return { reason: `none of its tasks is in ${candidates.map(({ id }) => id).join(', ')}` }
}

/** For annotations, whose file name has the id: only whether it is an id of this server. */
export function judgeAnnotations(
  candidate: Pick<Candidate, 'id' | 'createdDate'>,
  identity: ArchiveIdentity | undefined,
): Judgement {
  const { id, createdDate } = candidate
  if (identity?.id !== undefined && identity.id !== id) return { reason: `is about id ${identity.id} by its content` }
  const isOther =
    identity?.createdDate !== undefined &&
    createdDate !== undefined &&
    compareServerDates(identity.createdDate, createdDate) !== 0
  return isOther ? { reason: `is of another server: what has id ${id} here was created at another time` } : { id }
}

function sameTasks(a: readonly CandidateTask[], b: readonly CandidateTask[]): boolean {
  return a.length === b.length && a.every((task, index) => keyOf(task) === keyOf(b[index]!))
}

function keyOf({ name, frames }: CandidateTask): string {
  return `${frames} ${name}`
}

function secondOf(date: string): number {
  return Math.floor(Date.parse(date) / 1000)
}
