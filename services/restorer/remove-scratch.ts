// Removes from the target what a drill has made, and makes sure first that it is that and nothing else.

import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { RestoreState } from '#shared/store/restore-state.ts'

export type RemoveClient = Pick<CvatClient, 'getProject' | 'getTask' | 'listTasks' | 'changes'>

/**
 * Three things must be so: the drill's own journal has its id, its name still has the drill's mark, and a project holds no
 * task but those that were restored with it, since they would go with it. Gone already counts as removed.
 *
 * @returns why it was left where it is; undefined when it is gone. One that was renamed is somebody's by now, for good
 */
export async function removeScratch(
  state: RestoreState & { readonly resultId: number },
  cvat: RemoveClient,
  signal: AbortSignal,
): Promise<{ readonly reason: string; readonly isTheirs: boolean } | undefined> {
  const scratch: EntityRef = { type: state.entity.type, id: state.resultId }
  const where = `${state.targetUrl}/${scratch.type}s/${scratch.id}`
  const row = await findRow(scratch, cvat, signal)
  if (!row) return undefined
  if (!row.name.includes(`[drill ${state.mark}]`)) {
    return { reason: `${formatEntity(scratch)} has another name by now and was left alone: ${where}`, isTheirs: true }
  }
  const foreign =
    scratch.type === 'project' ? await findForeignTask(scratch.id, row, state.tasks, cvat, signal) : undefined
  if (foreign !== undefined) {
    return { reason: `${formatEntity(scratch)} was left alone: ${foreign}: ${where}`, isTheirs: false }
  }
  await cvat.changes.remove(scratch, signal)
  return undefined
}

interface Row {
  readonly name: string
  readonly created_date?: string | undefined
}

async function findRow({ type, id }: EntityRef, cvat: RemoveClient, signal: AbortSignal): Promise<Row | undefined> {
  try {
    return await (type === 'project' ? cvat.getProject(id, signal) : cvat.getTask(id, signal))
  } catch (error) {
    if (error instanceof BackupError && error.code === 'not-found') return undefined
    throw error
  }
}

/** A task that somebody has moved into it is older than the project; one that was added there makes one too many. */
async function findForeignTask(
  projectId: number,
  project: Row,
  restored: number | undefined,
  cvat: RemoveClient,
  signal: AbortSignal,
): Promise<string | undefined> {
  const bornMs = Date.parse(project.created_date ?? '')
  let count = 0
  for await (const tasks of cvat.listTasks({ projectId }, signal)) {
    count += tasks.length
    const older = tasks.find((task) => Date.parse(task.created_date ?? '') < bornMs)
    if (older) return `task-${older.id} was moved into it`
  }
  return restored !== undefined && count > restored
    ? `it holds ${count} tasks, and ${restored} were restored`
    : undefined
}
