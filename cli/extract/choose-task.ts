// Which task of an archive is meant: by its id on the server, its folder, or a name that it has alone. Pure.

import { BackupError } from '#shared/errors/backup-error.ts'
import { quoteName } from '#shared/presentation/format.ts'

export interface TaskInArchive {
  readonly position: number
  /** Absent where no record tells it. */
  readonly taskId?: number | undefined
  readonly name: string
}

const SHOWN = 20

/** @param wanted as after `--task`; undefined: the only one there is. @throws BackupError that names what there is */
export function chooseTask(tasks: readonly TaskInArchive[], wanted: string | undefined): TaskInArchive {
  const found = tasks.filter((task) => wanted === undefined || isMeant(task, wanted))
  if (found.length === 1) return found[0]!
  const shown = (found.length > 0 ? found : tasks).slice(0, SHOWN).map(describe)
  const more = tasks.length > SHOWN ? `, and ${tasks.length - SHOWN} more` : ''
  const what =
    wanted === undefined
      ? `the archive holds ${tasks.length} tasks`
      : `${found.length === 0 ? 'no' : found.length} tasks of the archive are «${wanted}»`
  throw new BackupError(what, {
    code: 'usage',
    retryable: false,
    hint:
      shown.length > 0 ? `Say --task with an id, a folder or a name. There are: ${shown.join(', ')}${more}` : undefined,
  })
}

function isMeant({ taskId, position, name }: TaskInArchive, wanted: string): boolean {
  const isId = taskId !== undefined && (wanted === `${taskId}` || wanted === `task-${taskId}`)
  return isId || wanted === `task_${position}` || wanted === name
}

function describe({ taskId, position, name }: TaskInArchive): string {
  return `${taskId === undefined ? `task_${position}` : `${taskId} (task_${position})`} ${quoteName(name)}`
}
