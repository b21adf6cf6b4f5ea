// `restore --annotations`: the annotations of an export back into a task that is still there.

import { checkTarget } from '#services/restorer/check-target.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { quoteName } from '#shared/presentation/format.ts'
import type { Store } from '#shared/store/open-store.ts'
import { type FoundExport, findExport } from '../annotations/find-export.ts'
import { importAnnotations } from '../annotations/import-annotations.ts'
import { describeCounts, type ImportPlan, planImport } from '../annotations/plan-import.ts'
import { type AnnotationsRequest, readAnnotationsRequest } from '../annotations/read-request.ts'
import { countTask, readTargetTask, type TargetTask } from '../annotations/target-task.ts'
import { exitCodes } from '../exit-codes.ts'
import { confirm } from '../restore/confirm.ts'
import { interruptible } from '../restore/interruptible.ts'
import { openSurroundings } from '../restore/open-surroundings.ts'
import { wrongUsage } from '../usage.ts'
import { backup } from './backup.ts'

export async function restoreAnnotations(args: string[]): Promise<number> {
  const request = readAnnotationsRequest(args)
  return interruptible(
    (signal) => carryOut(request, signal),
    () => 'interrupted: the annotations are replaced whole or not at all; the same command may be called again',
  )
}

async function carryOut(request: AnnotationsRequest, signal: AbortSignal): Promise<number> {
  await using scope = new AsyncDisposableStack()
  const { settings, store, source, target } = await openSurroundings(request, scope)
  const { cvat } = target
  const isSource = target.url === source
  if (!isSource && request.into === undefined) {
    throw wrongUsage(`task ids of ${source} mean nothing on ${target.url}: say with --into which task there is meant`)
  }
  const { taskId, archive, at: notAfter } = request
  const found = await findExport(store, { taskId, serverUrl: source, archive, notAfter })
  const { version } = await checkTarget(target, signal)
  const task = await readTargetTask(request.into ?? taskId, target.url, cvat, signal)
  const plan = await planImport(found, task, signal)
  const canBackUp = isSource && settings.source?.url === target.url
  process.stdout.write(describePlan(found, task, plan, version, canBackUp))
  if (request.dryRun) {
    process.stdout.write('Dry run: nothing was changed.\n')
    return exitCodes.ok
  }
  if (!canBackUp && !request.hasBackup) throw noBackupPossible(task, target.url)
  const by = `those of ${found.archive.record.archive.fileName} from ${source}`
  if (!request.yes) await confirm(`Replace all annotations of ${task.url} by ${by}?`, signal)
  const undo = request.hasBackup ? undefined : await backUpFirst(task, store, target.url)
  await importAnnotations(plan.document, task, cvat, settings.values.restore, signal)
  return tellResult(task, plan, await countTask(task.id, cvat, signal), undo)
}

function describePlan(
  { archive, format, taskId }: FoundExport,
  task: TargetTask,
  { held, losses, document }: ImportPlan,
  version: string,
  canBackUp: boolean,
): string {
  const { record } = archive
  const of = taskId === undefined ? '' : `, task ${taskId} of it`
  return [
    `Annotations from ${record.archive.fileName} (${format}${of}), exported on ${record.createdAt.slice(0, 16).replace('T', ' ')} UTC,`,
    `into ${task.url} ${quoteName(task.name)} (CVAT ${version})`,
    `  brings    ${describeCounts(held)} on ${document.images} pictures, each of them a frame of the task by its name`,
    `  replaces  ${describeCounts(task.annotations)}: all that the annotators' jobs hold, whatever it is`,
    ...losses.map((loss) => `  loses     ${loss}`),
    canBackUp
      ? '  before    the task is backed up as it is now'
      : '  before    it must have been backed up: this command cannot',
    '',
  ].join('\n')
}

/** Through the product's own way, whatever that is here: services that run, or one process. @returns what undoes it */
async function backUpFirst({ id }: TargetTask, store: Store, serverUrl: string): Promise<string> {
  const begun = new Date()
  const code = await backup(['--mode', 't', '--task', `${id}`, '--full'])
  const series = { entity: { type: 'task' as const, id }, content: { kind: 'backup' as const } }
  const made = code === exitCodes.ok ? await store.newestGood(series, serverUrl) : undefined
  if (made && Date.parse(made.record.createdAt) >= begun.getTime() - 1000) return made.record.archive.fileName
  throw new BackupError(`task-${id} could not be backed up first`, {
    code: 'no-backup',
    retryable: true,
    hint: 'Nothing was changed. What was in the way is said above.',
  })
}

function tellResult(
  task: TargetTask,
  { expected, held }: ImportPlan,
  present: { readonly tags: number; readonly shapes: number; readonly tracks: number },
  undo: string | undefined,
): number {
  const isAsExpected = expected === undefined || describeCounts(expected) === describeCounts(present)
  const lines = [
    `${isAsExpected ? 'replaced' : 'DIFFERS '}  ${task.url}`,
    `  export    ${describeCounts(held)}`,
    `  before    ${describeCounts(task.annotations)}`,
    `  now       ${describeCounts(present)}`,
  ]
  if (expected && !isAsExpected)
    lines.push(`  expected  ${describeCounts(expected)}: was somebody annotating meanwhile?`)
  lines.push(
    undo === undefined
      ? '  undo      by the backup that you have: it becomes a task beside this one'
      : `  undo      cvat-backups restore task-${task.id} --archive ${undo}: a task beside this one, as it was before`,
  )
  process.stdout.write(`${lines.join('\n')}\n`)
  return isAsExpected ? exitCodes.ok : exitCodes.failed
}

function noBackupPossible({ url, id }: TargetTask, targetUrl: string): BackupError {
  return new BackupError(`${url} is not on the server of CVAT_URL, so it cannot be backed up first`, {
    code: 'no-backup',
    retryable: false,
    hint: `Nothing was changed. Back it up with CVAT_URL=${targetUrl} and \`cvat-backups backup --mode t --task ${id}\`, or in CVAT itself; then say --i-have-a-backup.`,
  })
}
