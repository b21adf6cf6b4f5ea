// What one export will hold: a light copy of the rows, taken when the worker picks the export up.

import type { World } from './world.ts'
import type { Asset, EntityKey, Guide, Job, Label, Project, Task } from './world-records.ts'

export type PlannedGuide = Guide & { readonly assets: readonly Asset[] }

export interface PlannedTask {
  readonly task: Task
  readonly jobs: readonly Job[]
  readonly labels: readonly Label[]
  readonly guide: PlannedGuide | null
}

export interface ArchivePlan {
  readonly kind: 'backup' | 'dataset' | 'annotations'
  readonly format: string | null
  readonly project: (Project & { labels: readonly Label[]; guide: PlannedGuide | null }) | null
  readonly tasks: readonly PlannedTask[]
  readonly owners: ReadonlyMap<number, { username: string; email: string }>
  /** When the export ran: the time stamp of the members that are written then. */
  readonly exportedMs: number
  readonly exportedDate: string
}

/** Copies what the archive needs, so that later changes to the world leave the archive as it is. */
export function planArchive(
  world: World,
  entity: EntityKey,
  kind: ArchivePlan['kind'],
  format: string | null,
): ArchivePlan {
  const project = entity.type === 'project' ? world.project(entity.id) : null
  const tasks = project ? world.tasksOf(project.id) : [world.task(entity.id)]
  const guideOf = (row: Project | Task) => {
    const guide = row.guideId === null ? undefined : world.guides.get(row.guideId)
    if (!guide) return null
    const assets = [...world.assets.values()].filter((asset) => asset.guideId === guide.id)
    return { ...guide, assets }
  }
  return {
    kind,
    format,
    project: project && { ...project, labels: copyAll(world.labelsOf(project)), guide: guideOf(project) },
    tasks: tasks.map((task) => ({
      task: {
        ...task,
        data: task.data && { ...task.data, deletedFrames: [...task.data.deletedFrames] },
        annotations: { ...task.annotations },
      },
      jobs: copyAll(world.jobsOf(task)),
      labels: copyAll(world.labelsOf(task)),
      guide: guideOf(task),
    })),
    owners: new Map([...world.users.values()].map((user) => [user.id, { username: user.username, email: user.email }])),
    exportedMs: world.clock.nowMs(),
    exportedDate: world.clock.tick(),
  }
}

function copyAll<T extends object>(rows: readonly T[]): T[] {
  return rows.map((row) => ({ ...row }))
}
