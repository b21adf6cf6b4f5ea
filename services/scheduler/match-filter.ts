// The include and exclude filters: by id, or by a pattern on the project's name.

import type { EntityFilter } from './config.ts'
import type { Subject } from './subject.ts'

export interface Filters {
  readonly include: EntityFilter | undefined
  readonly exclude: EntityFilter | undefined
}

/** No include filter admits everything; what exclude names is out, whatever include says. */
export function isAdmitted(subject: Pick<Subject, 'entity' | 'name' | 'project'>, filters: Filters): boolean {
  if (filters.exclude && matches(subject, filters.exclude)) return false
  return !filters.include || matches(subject, filters.include)
}

/**
 * A task is matched by its own id, and by its project's id or name; a task outside projects has no project's name, so
 * patterns look at its own.
 */
function matches(subject: Pick<Subject, 'entity' | 'name' | 'project'>, filter: EntityFilter): boolean {
  const { entity, project, name } = subject
  if (entity.type === 'task' && filter.taskIds.includes(entity.id)) return true
  const projectId = entity.type === 'project' ? entity.id : project?.id
  if (projectId !== undefined && filter.projectIds.includes(projectId)) return true
  const projectName = entity.type === 'project' ? name : (project?.name ?? name)
  return filter.patterns.some((pattern) => matchesPattern(projectName, pattern))
}

/** `*` for any text, `?` for one character; case does not matter. Linear in practice: no nested repetition. */
function matchesPattern(text: string, pattern: string): boolean {
  const source = pattern
    .replaceAll(/\*+/g, '*')
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[\\s\\S]*?')
    .replaceAll('?', '[\\s\\S]')
  return new RegExp(`^${source}$`, 'iu').test(text)
}
