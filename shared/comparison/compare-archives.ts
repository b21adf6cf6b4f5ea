// Holds two archives of one entity against each other by members and content: never by bytes, nor by what CVAT writes
// differently into each export (members' time stamps, the order of labels and attributes).

import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import type { SourceArchive, SourceOptions } from '#shared/composition/source-archive.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { TaskMembers } from '#shared/store/record.ts'
import { compareFolder, type PartChanges } from './compare-folder.ts'
import { pairTasks, type TaskPair, type TaskRow } from './pair-tasks.ts'
import { readJson } from './read-member-json.ts'

export interface ArchiveSide {
  readonly path: string
  /** From its record: says which task is which. */
  readonly perTask?: readonly TaskMembers[] | undefined
}

export type Comparison =
  | { readonly what: 'project-changed' | 'export-changed'; readonly changes: PartChanges }
  | {
      readonly what: 'task-changed'
      readonly task: TaskRow
      /** Its name in the earlier archive. */
      readonly nameBefore: string
      readonly changes: PartChanges
    }
  | { readonly what: 'task-added' | 'task-removed'; readonly task: TaskRow }
  | { readonly what: 'end'; readonly tasksCompared: number; readonly differing: number }

/**
 * Yields what differs, a part at a time, and the numbers at the end. Memory: the digests of one task's members and
 * annotations (8 bytes each, of both archives), never whole files. @throws BackupError as openSourceArchive;
 * `different-kinds` for archives of which one is a project's and the other a task's or an export
 */
export async function* compareArchives(
  before: ArchiveSide,
  after: ArchiveSide,
  options: SourceOptions = {},
): AsyncGenerator<Comparison> {
  await using a = await openSourceArchive(before.path, options)
  await using b = await openSourceArchive(after.path, options)
  const [kindA, kindB] = [await findKind(a), await findKind(b)]
  if (kindA !== kindB) {
    throw new BackupError(`${before.path} is ${kindA}, ${after.path} is ${kindB}: they cannot be compared`, {
      code: 'different-kinds',
      retryable: false,
      hint: 'Compare two archives of one project or task; `extract` takes one task out of a project’s archive.',
    })
  }
  let differing = 0
  let tasksCompared = 0
  const root = kindA === TASK ? undefined : await compareFolder({ source: a, folder: '' }, { source: b, folder: '' })
  if (root) {
    differing += 1
    yield { what: kindA === PROJECT ? 'project-changed' : 'export-changed', changes: root }
  }
  const pairs = kindA === EXPORT ? [] : pairTasks(await listTasks(a, kindA, before), await listTasks(b, kindB, after))
  for (const pair of pairs) {
    tasksCompared += 1
    const found = await comparePair(pair, a, b)
    if (!found) continue
    differing += 1
    yield found
  }
  yield { what: 'end', tasksCompared, differing }
}

const PROJECT = 'a project’s backup'
const TASK = 'a task’s backup'
const EXPORT = 'an export'

async function findKind(source: SourceArchive): Promise<typeof PROJECT | typeof TASK | typeof EXPORT> {
  if (await source.find('project.json')) return PROJECT
  return (await source.find('task.json')) ? TASK : EXPORT
}

async function listTasks(source: SourceArchive, kind: string, { perTask = [] }: ArchiveSide): Promise<TaskRow[]> {
  const known = new Map(perTask.map((row) => [row.position, row]))
  const folders = kind === TASK ? [''] : [...source.folders.keys()].filter((folder) => folder !== '')
  const rows: TaskRow[] = []
  for (const folder of folders) {
    const position = folder === '' ? 0 : Number(folder.slice('task_'.length, -1))
    const row = known.get(position)
    const name = row?.name ?? nameOf(await readJson(source, await source.find(`${folder}task.json`)))
    rows.push({ folder, position, taskId: row?.taskId, name })
  }
  return rows.sort((x, y) => x.position - y.position)
}

async function comparePair({ before, after }: TaskPair, a: SourceArchive, b: SourceArchive) {
  if (!after) return { what: 'task-removed', task: before! } as const
  if (!before) return { what: 'task-added', task: after } as const
  const changes = await compareFolder({ source: a, folder: before.folder }, { source: b, folder: after.folder })
  return changes && ({ what: 'task-changed', task: after, nameBefore: before.name, changes } as const)
}

function nameOf({ name }: Record<string, unknown>): string {
  return typeof name === 'string' ? name : ''
}
