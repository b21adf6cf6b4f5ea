// What is uploaded for one restore: the stored archive, or a whole project put together from it and own archives of its
// tasks, with the marked name in it and, if asked for, with repairs. Nothing of it is ever written to the disk.

import { createHash } from 'node:crypto'
import { type CompositionPlan, isMade, planFolder, withEdits } from '#shared/composition/composition-plan.ts'
import { findDamagedFolders } from '#shared/composition/find-damaged-folders.ts'
import { findObstacles, listEdits } from '#shared/composition/find-obstacles.ts'
import { type ComposedArchive, openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import { needsComposition, planProjectComposition } from '#shared/composition/plan-project-composition.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { withoutDrillProblem } from '#shared/store/judge-drill.ts'
import type { Store } from '#shared/store/open-store.ts'
import { isGood, NOT_RESTORED } from '#shared/store/record.ts'
import type { Difference } from '#shared/store/restore-state.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { defaultZipLimits } from '#shared/store/zip-limits.ts'
import { renameInJson } from './rename-in-json.ts'

export interface UploadRequest {
  readonly archive: StoredArchive
  /** Marked: it stands in the uploaded project.json or task.json. */
  readonly name: string
  readonly repair: boolean
  readonly notAfter?: string | undefined
}

/** One task of what is uploaded, by the archive that it comes from. */
export interface UploadedTask {
  /** N of `task_N`; 0 in a task's own archive. */
  readonly position: number
  readonly source: StoredArchive
  /** Where it lies in that archive: `task_N/`, or `''`. */
  readonly folder: string
}

export interface Upload {
  readonly archive: ComposedArchive
  readonly plan: CompositionPlan
  /** Changes when other bytes would be uploaded: then what the target has of an earlier upload is of no use. */
  readonly digest: string
  readonly tasks: readonly UploadedTask[]
  /** The archives whose bytes are in it. */
  readonly sources: readonly StoredArchive[]
  /** What a person should know: tasks taken from elsewhere, repaired, left out. */
  readonly notes: readonly string[]
  /** Tasks that the server had and no archive has in that state: however well it goes, the restored project lacks them. */
  readonly gaps: readonly Difference[]
}

/**
 * Decides what is uploaded, from the archive and whatever the store has of its tasks.
 *
 * @throws BackupError `not-restorable` for what CVAT cannot make anything of: the message names it, the hint what can be done
 */
export async function composeUpload(request: UploadRequest, store: Store, signal: AbortSignal): Promise<Upload> {
  // That a drill has failed keeps nobody from trying: it may have been the fault of the server that it was made on.
  const archive = withoutDrillProblem(request.archive)
  if (archive.record.series.content.kind !== 'backup') throw noBackup()
  const chosen = await choose({ ...request, archive }, store, signal)
  const sources = new Map(chosen.tasks.map(({ source }) => [source.archivePath, source]))
  sources.set(archive.archivePath, archive)
  const notes = [...chosen.notes]
  const drilled = request.archive.record.verification.problems.find(({ code }) => code === NOT_RESTORED)
  if (drilled) notes.push(drilled.message)
  let { plan } = chosen
  for (const { archivePath, record } of sources.values()) {
    const obstacles = await findObstacles(archivePath, { signal })
    const used = obstacles.filter(({ folder }) => isUsed(plan, archivePath, folder))
    for (const { message, repair, folder } of used) {
      const where = folder === '' ? record.archive.fileName : `${folder} of ${record.archive.fileName}`
      if (!repair) notes.push(`${where}: ${message}`)
      else if (request.repair) notes.push(`${where}: ${message}; restored with ${repair.what}`)
      else notes.push(`${where}: ${message}; --repair mends it: ${repair.what}`)
    }
    if (request.repair) plan = withEdits(plan, archivePath, listEdits(used))
  }
  notes.push(...[...sources.values()].flatMap((source) => describeLosses(source, archive, chosen.plan)))
  plan = await withName(plan, archive, request.name, signal)
  const digest = createHash('sha256').update(JSON.stringify(plan)).digest('hex')
  return {
    archive: await openComposedArchive(plan, { signal }),
    plan,
    digest,
    tasks: chosen.tasks,
    sources: [...sources.values()],
    notes,
    gaps: chosen.gaps,
  }
}

interface Chosen {
  readonly plan: CompositionPlan
  readonly tasks: readonly UploadedTask[]
  readonly notes: readonly string[]
  readonly gaps: readonly Difference[]
}

async function choose({ archive, notAfter }: UploadRequest, store: Store, signal: AbortSignal): Promise<Chosen> {
  const { record, entity } = archive
  if (!needsComposition(record)) {
    if (!isGood(record)) throw notGood(archive)
    return chooseWhole(archive)
  }
  const own: StoredArchive[] = []
  for (const { id } of record.observation.tasks) {
    own.push(...(await store.listRecords({ type: 'task', id })).archives)
  }
  const isDamaged = record.verification.problems.some(({ code }) => code === 'bit-rot' || code === 'damaged-member')
  const damagedFolders = isDamaged ? await findDamagedFolders(archive.archivePath, { signal }) : undefined
  const composition = planProjectComposition(archive, own, { notAfter, damagedFolders })
  if (!composition.plan) {
    throw new BackupError(`${record.archive.fileName} cannot be restored: ${composition.unusable}`, {
      code: 'not-restorable',
      retryable: false,
      hint: `cvat-backups show ${entity.type}-${entity.id} lists the other archives; --archive takes one of them.`,
    })
  }
  const byName = new Map([archive, ...own].map((one) => [one.record.archive.fileName, one]))
  const rows = new Map(record.members.perTask.map((row) => [row.taskId, row.position]))
  const tasks = composition.tasks.map(({ position, taskId, from, fileName }) => ({
    position,
    source: byName.get(fileName)!,
    folder: from === 'own' ? '' : `task_${rows.get(taskId) ?? position}/`,
  }))
  const notes = [
    ...composition.tasks
      .filter(({ from }) => from === 'own')
      .map((t) => `task ${t.taskId} "${t.name}" from ${t.fileName}: ${t.reason}`),
    ...composition.dropped.map((t) => `task_${t.position} "${t.name}" left out: ${t.reason}`),
  ]
  const gaps = composition.wanting.map((t) => ({
    where: `task ${t.taskId} "${t.name}"`,
    what: `is ${t.what}: ${t.reason}`,
  }))
  return { plan: composition.plan, tasks, notes, gaps }
}

function chooseWhole(archive: StoredArchive): Chosen {
  const { entity, record } = archive
  const rows = record.members.perTask
  const folders = entity.type === 'task' ? [''] : ['', ...rows.map(({ position }) => `task_${position}/`)]
  const tasks = rows.map(({ position }) => ({
    position,
    source: archive,
    folder: entity.type === 'task' ? '' : `task_${position}/`,
  }))
  return { plan: { parts: folders.map((folder) => planFolder(archive, folder, folder)) }, tasks, notes: [], gaps: [] }
}

/** What CVAT had left out when it made the archive: no edit brings it back. Found at backup, and in the record since. */
function describeLosses(source: StoredArchive, archive: StoredArchive, plan: CompositionPlan): string[] {
  const { record, archivePath, entity } = source
  const { warnings } = record.verification
  const empty = warnings.filter(({ code }) => code === 'tasks-without-data' && source === archive)
  const pictures = warnings.filter(({ code, taskId }) => {
    if (code !== 'context-images-missing') return false
    const row = record.members.perTask.find((one) => one.taskId === taskId)
    return isUsed(plan, archivePath, row && entity.type === 'project' ? `task_${row.position}/` : '')
  })
  return [...empty, ...pictures].map(({ message }) => `${record.archive.fileName}: ${message}`)
}

function isUsed(plan: CompositionPlan, archivePath: string, folder: string): boolean {
  return plan.parts.some((part) => !isMade(part) && part.archivePath === archivePath && part.folder === folder)
}

/** On top of what a repair has changed in the same member. */
async function withName(
  plan: CompositionPlan,
  { archivePath, entity }: StoredArchive,
  name: string,
  signal: AbortSignal,
): Promise<CompositionPlan> {
  const member = `${entity.type}.json`
  const part = plan.parts.find((one) => !isMade(one) && one.archivePath === archivePath && one.folder === '')
  const edits = (part && !isMade(part) && part.edits) || []
  const earlier = edits.find((edit) => edit.name === member)?.text
  const text = earlier ?? (await readMember(archivePath, member, signal))
  const renamed = { name: member, text: renameInJson(text, name) }
  return withEdits(plan, archivePath, [
    { folder: '', edits: [...edits.filter((edit) => edit.name !== member), renamed] },
  ])
}

async function readMember(archivePath: string, name: string, signal: AbortSignal): Promise<string> {
  await using source = await openSourceArchive(archivePath, { signal })
  const member = await source.find(name)
  const text = member && (await source.readText(member, defaultZipLimits.maxJsonBytes))
  if (text !== undefined) return text
  throw new BackupError(`${archivePath} has no ${name} that could be read`, {
    code: 'not-restorable',
    retryable: false,
  })
}

function noBackup(): BackupError {
  return new BackupError('An annotation export is no backup: CVAT makes nothing new of it', {
    code: 'not-restorable',
    retryable: false,
    hint: 'restore --annotations puts it back into a task that is still there. For all else take an archive of kind backup.',
  })
}

function notGood({ record, entity }: StoredArchive): BackupError {
  const problem = record.verification.problems[0]?.message ?? `it was checked as ${record.verification.level} only`
  return new BackupError(`${record.archive.fileName} is not fit to be restored: ${problem}`, {
    code: 'not-restorable',
    retryable: false,
    hint: `cvat-backups show ${entity.type}-${entity.id} lists the other archives; --archive takes one of them.`,
  })
}
