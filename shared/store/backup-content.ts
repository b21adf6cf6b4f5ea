// What CVAT's own backup of a project or a task must hold. The layout was measured on CVAT 2.64.1 and is described in
// docs/backup-format.md.

import type { EntityType } from '#shared/model/entity.ts'
import type { Observation } from '#shared/model/observation.ts'
import type { ContentCheck } from './content-check.ts'
import type { ArchivedTask } from './inspection.ts'
import { matchTasks, type TaskMatch } from './match-tasks.ts'
import { collectJson } from './member-sinks.ts'
import { ProblemList } from './problem-list.ts'
import type { Problem, TaskMembers } from './record.ts'
import { warnAboutEmptyTasks, warnAboutLabels } from './restore-warnings.ts'
import type { ZipDirectory } from './scan-directory.ts'
import { checkTask, type TaskCheck } from './task-content.ts'
import type { ZipLimits } from './zip-limits.ts'

export interface BackupContentOptions {
  readonly entityType: EntityType
  /** What the server said before the export; without it the archive can only be held against itself. */
  readonly observation: Observation | undefined
  readonly directory: Pick<ZipDirectory, 'hasMember'>
  readonly limits: ZipLimits
}

export function checkBackupContent(options: BackupContentOptions): ContentCheck {
  return options.entityType === 'project' ? checkProjectBackup(options) : checkTaskBackup(options)
}

function checkTaskBackup({ observation, directory, limits }: BackupContentOptions): ContentCheck {
  const task = checkTask({ prefix: '', position: 0, hasMember: (name) => directory.hasMember(name) }, limits)
  return {
    open: (name, sizeBytes) => task.open(name, sizeBytes),
    finish() {
      const { members, archived, problems, warnings } = task.finish(observation?.tasks[0])
      return { perTask: [members], tasks: [archived], problems, warnings }
    },
  }
}

function checkProjectBackup({ observation, directory, limits }: BackupContentOptions): ContentCheck {
  const tasks = new Map<number, TaskCheck>()
  let project: { labels?: unknown } | null | undefined

  function findTask(position: number): TaskCheck {
    const known = tasks.get(position)
    if (known) return known
    const task = checkTask(
      {
        prefix: `task_${position}/`,
        position,
        hasMember: (name) => directory.hasMember(name),
      },
      limits,
    )
    tasks.set(position, task)
    return task
  }

  return {
    open(name, sizeBytes) {
      if (name === 'project.json') {
        return collectJson(limits.maxJsonBytes, (value) => {
          project = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null
        })
      }
      const match = /^task_(0|[1-9]\d{0,8})\/(.+)$/s.exec(name)
      return match ? findTask(Number(match[1])).open(match[2]!, sizeBytes) : undefined
    },
    finish() {
      const perTask: TaskMembers[] = []
      const archived: ArchivedTask[] = []
      const problems = new ProblemList()
      const warnings = new ProblemList()
      if (!project) {
        const message = `The archive holds ${project === null ? 'an unreadable' : 'no'} project.json`
        problems.add({ code: 'no-project-json', message })
      }
      const sorted = [...tasks].sort(([a], [b]) => a - b)
      const identities = sorted.map(([, task]) => task.identify())
      const match = matchTasks(identities, observation?.tasks ?? [])
      for (const [position, task] of sorted) {
        const found = task.finish(match.tasks.get(position))
        perTask.push(found.members)
        archived.push(found.archived)
        problems.add(...found.problems)
        warnings.add(...found.warnings)
      }
      if (observation)
        problems.add(
          ...compareTasks(
            identities.map(({ position }) => position),
            match,
            observation,
          ),
        )
      warnings.add(...warnAboutLabels(project?.labels), ...warnAboutEmptyTasks(observation))
      return { perTask, tasks: archived, problems: problems.list(), warnings: warnings.list() }
    },
  }
}

/**
 * N of task_N counts all the project's tasks by id; those without data are counted but not in the archive. Tasks that are
 * left over where all others were found by name are no problem here: how old CVAT's file is has the server to say.
 */
function compareTasks(
  positions: readonly number[],
  { tasks, isByPlace }: TaskMatch,
  observation: Observation,
): Problem[] {
  if (!isByPlace) return []
  const missing = observation.tasks.flatMap((task, position): Problem[] => {
    if (task.size === 0 || tasks.has(position)) return []
    const message = `Task ${task.id} (task_${position}) with ${task.size} frames is not in the archive`
    return [{ code: 'missing-task', message, taskId: task.id }]
  })
  const unexpected = positions
    .filter((position) => (observation.tasks[position]?.size ?? 0) === 0)
    .map((position): Problem => {
      const task = observation.tasks[position]
      const message = task
        ? `task_${position} is in the archive although task ${task.id} had no data`
        : `task_${position} is in the archive although the project had ${observation.tasks.length} tasks`
      return { code: 'unexpected-task', message, ...(task && { taskId: task.id }) }
    })
  return [...missing, ...unexpected]
}
