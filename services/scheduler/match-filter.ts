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

/**
 * `*` for any text, also none, `?` for one character; case and the way of writing accents do not matter. After a
 * mismatch only the last star takes one character more, so that no pattern makes a name expensive (a regular
 * expression took minutes for a dozen stars).
 */
function matchesPattern(text: string, pattern: string): boolean {
  const [letters, wanted] = [fold(text), fold(pattern)]
  let star = -1
  let starAt = 0
  let j = 0
  for (let i = 0; i < letters.length; ) {
    if (wanted[j] === '*') {
      star = j++
      starAt = i
    } else if (j < wanted.length && (wanted[j] === '?' || wanted[j] === letters[i])) {
      i++
      j++
    } else if (star === -1) {
      return false
    } else {
      i = ++starAt
      j = star + 1
    }
  }
  return wanted.slice(j).every((letter) => letter === '*')
}

function fold(text: string): string[] {
  return [...text.normalize('NFC')].map((letter) => letter.toUpperCase().toLowerCase())
}
