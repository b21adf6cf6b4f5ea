// `extract`: one task of an archive as an archive of its own that CVAT restores, or its annotations. Needs no server.

import { dirname, relative, resolve } from 'node:path'
import { planFolder } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import type { SourceArchive } from '#shared/composition/source-archive.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { formatBytes, quoteName } from '#shared/presentation/format.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { openStore } from '#shared/store/open-store.ts'
import type { Problem } from '#shared/store/record.ts'
import { sanitiseName } from '#shared/store/sanitise-name.ts'
import { exitCodes } from '../exit-codes.ts'
import { chooseTask, type TaskInArchive } from '../extract/choose-task.ts'
import { type Append, writeNewFile } from '../extract/write-new-file.ts'
import { findArchive, type NamedArchive } from '../find-archive.ts'
import { loadStoreSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'
import { wrongUsage } from '../usage.ts'

/** task.json is read for the name alone. */
const MAX_JSON_BYTES = 64 * 1024 * 1024

export async function extract(args: string[]): Promise<number> {
  const { text, task: wanted, annotations, output } = readOptions(args)
  const { backupDir } = loadStoreSettings().values.store
  if (output !== undefined) assertOutside(resolve(output), resolve(backupDir))
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  const { signal } = stopping
  try {
    const archive = await findArchive(openStore({ directory: backupDir }), text)
    await using source = await openSourceArchive(archive.path, { signal })
    const document = await source.find('annotations.xml')
    const tasks = await listTasks(source, archive)
    if (tasks.length === 0 && document) {
      if (!annotations || wanted !== undefined) throw noTasks(archive.path)
      const path = resolve(output ?? 'annotations.xml')
      assertOutside(path, resolve(backupDir))
      tell(path, await writeNewFile(path, (append) => source.readContent(document, append)), 'the annotations')
      return exitCodes.ok
    }
    const task = chooseTask(tasks, wanted)
    const path = resolve(output ?? chooseFileName(task, annotations))
    assertOutside(path, resolve(backupDir))
    warnAboutTask(archive, task)
    if (annotations) {
      const name = `${folderOf(source, task)}annotations.json`
      const member = await source.find(name)
      if (!member)
        throw new BackupError(`${archive.path} holds no ${name}`, { code: 'no-such-member', retryable: false })
      tell(
        path,
        await writeNewFile(path, (append) => source.readContent(member, append)),
        `annotations of ${describe(task)}`,
      )
      return exitCodes.ok
    }
    const problems = await writeTask(archive, source, task, path, signal)
    for (const { message } of problems) process.stderr.write(`INCOMPLETE: ${message}\n`)
    return problems.length === 0 ? exitCodes.ok : exitCodes.failed
  } catch (error) {
    if (!signal.aborted) throw error
    return exitCodes.interrupted
  }
}

/** The file is read back before it gets its name. @returns what CVAT may not restore it for */
async function writeTask(
  archive: NamedArchive,
  source: SourceArchive,
  task: TaskInArchive,
  path: string,
  signal: AbortSignal,
): Promise<readonly Problem[]> {
  const file = { archivePath: archive.path, record: { archive: { sizeBytes: source.sizeBytes } } }
  const composed = await openComposedArchive({ parts: [planFolder(file, folderOf(source, task), '')] }, { signal })
  let problems: readonly Problem[] = []
  const write = async (append: Append) => {
    for await (const chunk of composed.stream()) await append(chunk)
  }
  const sizeBytes = await writeNewFile(path, write, async (temporaryPath) => {
    const options = { entityType: 'task', content: { kind: 'backup' }, signal } as const
    const inspection = await inspectArchive(temporaryPath, options)
    problems = inspection.problems
    for (const { message } of inspection.warnings) process.stderr.write(`warning: ${message}\n`)
  })
  tell(path, sizeBytes, `${describe(task)}: restore it by Tasks, +, Create from backup`)
  return problems
}

async function listTasks(source: SourceArchive, { stored }: NamedArchive): Promise<TaskInArchive[]> {
  const isOwn = (await source.find('task.json')) !== undefined
  const folders = isOwn ? [''] : [...source.folders.keys()].filter((folder) => folder !== '')
  const known = new Map(stored?.record.members.perTask.map((row) => [row.position, row]))
  const tasks: TaskInArchive[] = []
  for (const folder of folders) {
    const position = folder === '' ? 0 : Number(folder.slice('task_'.length, -1))
    tasks.push(known.get(position) ?? { position, name: await readName(source, folder) })
  }
  return tasks.sort((a, b) => a.position - b.position)
}

async function readName(source: SourceArchive, folder: string): Promise<string> {
  const member = await source.find(`${folder}task.json`)
  try {
    const { name } = JSON.parse((member && (await source.readText(member, MAX_JSON_BYTES))) ?? '{}') as {
      name?: unknown
    }
    return typeof name === 'string' ? name : ''
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return ''
    throw error
  }
}

function folderOf(source: SourceArchive, { position }: TaskInArchive): string {
  const folder = `task_${position}/`
  return source.folders.has(folder) ? folder : ''
}

/** What the record says of this task: better known before it is restored. */
function warnAboutTask({ stored, passedOver }: NamedArchive, { taskId }: TaskInArchive): void {
  if (stored && passedOver) {
    const { createdAt, series } = passedOver.record
    const entity = formatEntity(series.entity)
    process.stderr.write(
      `note: this is from ${stored.record.createdAt}, the newest good archive; one from ${createdAt} is not good: \`cvat-backups show ${entity}\` says why\n`,
    )
  }
  if (taskId === undefined) return
  for (const problem of stored?.record.verification.problems ?? []) {
    if (problem.taskId !== taskId) continue
    process.stderr.write(
      `warning: ${problem.message}; see whether \`cvat-backups show task-${taskId}\` has a better archive\n`,
    )
  }
}

function chooseFileName({ taskId, position, name }: TaskInArchive, annotations: boolean): string {
  const id = taskId === undefined ? `task_${position}` : `task-${taskId}`
  return `${id}-${sanitiseName(name)}${annotations ? '.annotations.json' : '.zip'}`
}

/** What lies in the backup directory is the store's, and a strange file there confuses whoever looks. */
function assertOutside(path: string, backupDir: string): void {
  if (relative(backupDir, dirname(path)).startsWith('..')) return
  throw wrongUsage(`${path} is in the backup directory: name a file elsewhere with -o`)
}

function noTasks(path: string): BackupError {
  return new BackupError(`${path} is an export of annotations: there is no task in it that could be restored`, {
    code: 'no-tasks',
    retryable: false,
    hint: 'extract --annotations writes its annotations.xml.',
  })
}

function describe({ taskId, position, name }: TaskInArchive): string {
  return `${taskId === undefined ? `task_${position}` : `task ${taskId}`} ${quoteName(name)}`
}

function tell(path: string, sizeBytes: number, what: string): void {
  process.stdout.write(`${path} (${formatBytes(sizeBytes)}) is ${what}\n`)
}

function readOptions(args: string[]) {
  const { values, positionals } = readArguments(
    args,
    {
      task: { type: 'string', short: 't' },
      annotations: { type: 'boolean', default: false },
      output: { type: 'string', short: 'o' },
    },
    true,
  )
  const [text] = positionals
  if (text === undefined || positionals.length > 1) {
    throw wrongUsage('extract takes one archive: a path, a file name, or a project or task for its newest good one')
  }
  return { ...values, text }
}
