// Which archives a whole project can be put together from: a stale, incomplete or damaged archive of the project, and the
// own archives of its tasks. A pure decision over records, with a reason for each task.

import type { TaskObservation } from '#shared/model/observation.ts'
import { compareServerDates } from '#shared/model/server-date.ts'
import {
  type ArchiveRecord,
  isGood,
  knownObservation,
  type Problem,
  STALE,
  type TaskMembers,
} from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { chooseOwnArchive, describeNone, groupOwn } from './choose-own-archive.ts'
import { type CompositionPlan, planFolder } from './composition-plan.ts'

export interface ComposedTask {
  /** N of `task_N` in the composed archive: the task's place among the project's tasks by id. */
  readonly position: number
  /** Absent where nobody knows it, as in an adopted archive. */
  readonly taskId: number | undefined
  readonly name: string
  readonly from: 'project' | 'own'
  /** Name of the file that it comes from. */
  readonly fileName: string
  readonly reason: string
}

/** A task that the composed archive lacks, or holds in a state older than it had when the project was backed up. */
export interface WantingTask {
  readonly position: number
  readonly taskId: number
  readonly name: string
  readonly what: 'missing' | 'old'
  readonly reason: string
}

export interface DroppedTask {
  /** N of `task_N` in the project's archive. */
  readonly position: number
  readonly name: string
  readonly reason: string
}

export interface ProjectComposition {
  /** Undefined: nothing can be made of this archive, for the reason that `unusable` gives. */
  readonly plan: CompositionPlan | undefined
  readonly unusable: string | undefined
  readonly tasks: readonly ComposedTask[]
  readonly wanting: readonly WantingTask[]
  readonly dropped: readonly DroppedTask[]
  /** Nothing is wanting: every task is there, in the state that it had when the project was backed up, or a later one. */
  readonly isWhole: boolean
}

export interface CompositionOptions {
  /** Task archives made after this moment (ISO 8601) are not considered: for the state of a day in the past. */
  readonly notAfter?: string | undefined
  /**
   * Of an archive that is damaged (`bit-rot`, `damaged-member`): the folders with damaged members, `''` for the part
   * outside tasks (findDamagedFolders tells). Absent: such an archive is not used.
   */
  readonly damagedFolders?: ReadonlySet<string> | undefined
}

/** Problems of a single task, which its own archive cures. */
const OF_A_TASK = new Set([
  STALE,
  'part-missing',
  'part-damaged',
  'no-media',
  'media-missing',
  'missing-task',
  'frames-differ',
  'unexpected-task',
  'no-task-json',
  'no-annotations',
  'no-manifest',
])
/** What damage to some members looks like; which ones has to be found out. */
const DAMAGE = new Set(['bit-rot', 'damaged-member'])

/**
 * The own archive that takes the place of a task in the project's archive is: the newest good one of the very state in
 * which the project saw the task (labels, frames and annotations then fit together); if there is none, the newest
 * good one of a later state. An archive of an earlier state is never taken: the project's own holds at least as much.
 *
 * @param taskArchives own archives of tasks, of any number, in any order; others are passed over
 */
export function planProjectComposition(
  project: StoredArchive,
  taskArchives: readonly StoredArchive[],
  options: CompositionOptions = {},
): ProjectComposition {
  const { record } = project
  const unusable = findObstacle(record, options.damagedFolders)
  if (unusable !== undefined) {
    return { plan: undefined, unusable, tasks: [], wanting: [], dropped: [], isWhole: false }
  }
  const choices: Choices = { tasks: [], wanting: [], dropped: [], sources: new Map() }
  const observed = knownObservation(record)?.tasks ?? []
  const byTask = new Map(record.members.perTask.map((row) => [row.taskId, row]))
  const own = groupOwn(record, taskArchives, options.notAfter)
  for (const [position, task] of observed.entries()) {
    chooseTask({ project, position, task, row: byTask.get(task.id), own: own.get(task.id) ?? [], options }, choices)
  }
  for (const row of record.members.perTask) if (row.taskId === undefined) keepUnknown(project, row, options, choices)
  const tasks = choices.tasks.sort((a, b) => a.position - b.position)
  const parts = tasks.map(({ position }) => {
    const { archive, folder } = choices.sources.get(position)!
    return planFolder(archive, folder, `task_${position}/`)
  })
  const { wanting, dropped } = choices
  const plan = { parts: [planFolder(project, '', ''), ...parts] }
  return { plan, unusable: undefined, tasks, wanting, dropped, isWhole: wanting.length === 0 }
}

/** Whether something of an archive is wrong that own archives of tasks can put right. */
export function needsComposition(record: ArchiveRecord): boolean {
  const { entity, content } = record.series
  return entity.type === 'project' && content.kind === 'backup' && !isGood(record)
}

interface Choices {
  readonly tasks: ComposedTask[]
  readonly wanting: WantingTask[]
  readonly dropped: DroppedTask[]
  /** By position in the composed archive. */
  readonly sources: Map<number, { archive: StoredArchive; folder: string }>
}

interface Choice {
  readonly project: StoredArchive
  readonly position: number
  readonly task: TaskObservation
  readonly row: TaskMembers | undefined
  readonly own: readonly StoredArchive[]
  readonly options: CompositionOptions
}

function findObstacle(record: ArchiveRecord, damaged: ReadonlySet<string> | undefined): string | undefined {
  const { entity, content } = record.series
  if (entity.type !== 'project' || content.kind !== 'backup') return 'it is no backup of a project'
  if (damaged?.has('')) return 'its project.json or guide is damaged'
  const { problems } = record.verification
  if (problems.some(({ code }) => code === 'more')) return 'its record names only the first of its many problems'
  const other = problems.find(({ code }) => !OF_A_TASK.has(code) && !(DAMAGE.has(code) && damaged))
  if (other) return other.message
  const isKnown = knownObservation(record) !== undefined
  const unnamed = problems.find(
    ({ code, taskId }) => taskId === undefined && !DAMAGE.has(code) && !(isKnown && canBeUnnamed(code)),
  )
  return unnamed && `it is not known which task of the server this is about: ${unnamed.message}`
}

/** Tasks that have left the project, or came while it was exported, have no place among those that were observed. */
function canBeUnnamed(code: string): boolean {
  return code === STALE || code === 'unexpected-task'
}

function chooseTask(choice: Choice, choices: Choices): void {
  const { project, position, task, row, options } = choice
  const folder = row && `task_${row.position}/`
  const fault = findFault(project.record, task, folder, options)
  if (!row && !fault) return
  const own = fault ? chooseOwnArchive(choice.own, task, project.record) : undefined
  const about = { position, taskId: task.id, name: task.name }
  if (own) {
    const { fileName } = own.archive.record.archive
    choices.tasks.push({ ...about, from: 'own', fileName, reason: `${fault!.reason}; ${own.reason}` })
    choices.sources.set(position, { archive: own.archive, folder: '' })
    return
  }
  const why = fault && `${fault.reason}; ${describeNone(choice.own)}`
  if (fault && fault.what !== 'perhaps-old') choices.wanting.push({ ...about, what: fault.what, reason: why! })
  if (fault?.what === 'missing') return
  const { fileName } = project.record.archive
  const reason = fault?.what === 'old' ? why! : 'as it is in the project’s archive'
  choices.tasks.push({ ...about, from: 'project', fileName, reason })
  choices.sources.set(position, { archive: project, folder: folder! })
}

interface Fault {
  readonly what: 'missing' | 'old' | 'perhaps-old'
  readonly reason: string
}

function findFault(
  record: ArchiveRecord,
  task: TaskObservation,
  folder: string | undefined,
  { damagedFolders }: CompositionOptions,
): Fault | undefined {
  if (folder !== undefined && damagedFolders?.has(folder)) {
    return { what: 'missing', reason: 'its part of the project’s archive is damaged' }
  }
  const own = record.verification.problems.filter(({ taskId }) => taskId === task.id)
  const worst = own.find(({ code }) => isMissing(code)) ?? own[0]
  if (worst) return { what: isMissing(worst.code) || !folder ? 'missing' : 'old', reason: worst.message }
  if (!folder) {
    return task.size > 0 ? { what: 'missing', reason: 'it is not in the project’s archive' } : undefined
  }
  // CVAT may have served an old file, and nobody asked: then its own archive is at least as new.
  const isSuspect = compareServerDates(task.updatedDate, record.observation.updatedDate) > 0
  if (record.verification.level === 'fresh' || !isSuspect) return undefined
  return { what: 'perhaps-old', reason: 'it changed after its project, so it may be old in the project’s archive' }
}

/** Old or other than expected is better than nothing; without its media or its JSON a task stops the whole restore. */
function isMissing(code: string): boolean {
  return code !== STALE && code !== 'frames-differ' && code !== 'unexpected-task'
}

/** Of an adopted archive nothing else is known than what is in it; a task that has left is not to come back. */
function keepUnknown(project: StoredArchive, row: TaskMembers, options: CompositionOptions, choices: Choices): void {
  const { record } = project
  const { position, name } = row
  const folder = `task_${position}/`
  const why = whyDropped(project, row, options, choices)
  if (why !== undefined) {
    choices.dropped.push({ position, name, reason: why })
    return
  }
  const { fileName } = record.archive
  choices.tasks.push({
    position,
    taskId: undefined,
    name,
    from: 'project',
    fileName,
    reason: 'as it is in the archive',
  })
  choices.sources.set(position, { archive: project, folder })
}

function whyDropped(
  { record }: StoredArchive,
  { position }: TaskMembers,
  { damagedFolders }: CompositionOptions,
  { sources }: Choices,
): string | undefined {
  if (damagedFolders?.has(`task_${position}/`)) return 'its part of the archive is damaged'
  if (knownObservation(record) && record.verification.problems.some(hasLeft)) return 'it has left the project'
  return sources.has(position) ? 'another task has its place' : undefined
}

function hasLeft({ code, taskId }: Problem): boolean {
  return code === STALE && taskId === undefined
}
