// What lists are narrowed to, in CVAT's JSON logic.

export type LogicTerm = Readonly<Record<string, unknown>>

interface IdRange {
  readonly from: number
  /** Included. */
  readonly to: number
}

export type TaskScope = (
  | { readonly projectId: number }
  | { readonly projectIds: IdRange }
  | { readonly withoutProject: true }
  /** Exactly this name. */
  | { readonly name: string }
  | { readonly all: true }
  /** A few hundred at most: they travel in the address. */
  | { readonly idIn: readonly number[] }
) & {
  /** An ISO date: only rows that changed then or later. */
  readonly updatedSince?: string | undefined
  /** Only ids above this one. */
  readonly afterId?: number | undefined
  /** As for projects. */
  readonly maxPageSize?: number | undefined
}

export type JobScope =
  | { readonly taskId: number }
  | { readonly taskIds: IdRange }
  /** A few hundred at most: they travel in the address. */
  | { readonly taskIdIn: readonly number[] }
  | { readonly projectId: number }
  | { readonly projectIds: IdRange }

/** Of issues and comments: CVAT filters neither by date nor by project. A few hundred jobs at most, as above. */
export interface IssueScope {
  readonly jobIdIn: readonly number[]
}

export function issueTerms({ jobIdIn }: IssueScope): LogicTerm[] {
  return [{ in: [{ var: 'job_id' }, jobIdIn] }]
}

export function taskTerms(scope: TaskScope): LogicTerm[] {
  return [
    ...scopeTerms(scope),
    ...(scope.updatedSince === undefined ? [] : [compare('>=', 'updated_date', scope.updatedSince)]),
  ]
}

export function jobTerms(scope: JobScope): LogicTerm[] {
  return scopeTerms(scope)
}

/** Exactly this name, letter case included. */
export function nameIs(name: string): LogicTerm {
  return compare('==', 'name', name)
}

/** The `filter` parameter: rows with an id above `afterId` that all terms hold for. */
export function formatFilter(terms: readonly LogicTerm[], afterId: number): string {
  return JSON.stringify({ and: [...terms, compare('>', 'id', afterId)] })
}

function scopeTerms(scope: TaskScope | JobScope): LogicTerm[] {
  if ('projectId' in scope) return [compare('==', 'project_id', scope.projectId)]
  if ('name' in scope) return [nameIs(scope.name)]
  if ('taskId' in scope) return [compare('==', 'task_id', scope.taskId)]
  if ('projectIds' in scope) return rangeTerms('project_id', scope.projectIds)
  if ('idIn' in scope) return [idIsIn(scope.idIn)]
  if ('taskIdIn' in scope) return [{ in: [{ var: 'task_id' }, scope.taskIdIn] }]
  if ('taskIds' in scope) return rangeTerms('task_id', scope.taskIds)
  // In CVAT's dialect a bare variable means "is set".
  return 'withoutProject' in scope ? [{ '!': { var: 'project_id' } }] : []
}

/** A few hundred at most: they travel in the address. */
export function idIsIn(ids: readonly number[]): LogicTerm {
  return { in: [{ var: 'id' }, ids] }
}

function rangeTerms(field: string, range: IdRange): LogicTerm[] {
  return [compare('>=', field, range.from), compare('<=', field, range.to)]
}

function compare(operator: string, field: string, value: number | string): LogicTerm {
  return { [operator]: [{ var: field }, value] }
}
