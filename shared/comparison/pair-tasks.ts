// Which task of one archive is which of another: by their ids where records tell them, else by name, else by place.

export interface TaskRow {
  /** `task_3/`; empty in a task's own archive. */
  readonly folder: string
  readonly position: number
  readonly taskId: number | undefined
  readonly name: string
}

export interface TaskPair {
  readonly before: TaskRow | undefined
  readonly after: TaskRow | undefined
}

/** In the order of their places, those before first. Two tasks with different ids are never taken for one. */
export function pairTasks(before: readonly TaskRow[], after: readonly TaskRow[]): TaskPair[] {
  const partner = new Map<TaskRow, TaskRow>()
  const left = new Set(after)
  const pairBy = (keyOf: (row: TaskRow) => string | undefined) => {
    const free = Map.groupBy(left, keyOf)
    for (const row of before) {
      const key = keyOf(row)
      if (partner.has(row) || key === undefined) continue
      const candidates = free.get(key) ?? []
      const at = candidates.findIndex((other) => mayBeOne(row, other))
      if (at === -1) continue
      const [other] = candidates.splice(at, 1)
      partner.set(row, other!)
      left.delete(other!)
    }
  }
  pairBy(({ taskId }) => (taskId === undefined ? undefined : `${taskId}`))
  pairBy(({ name }) => name)
  pairBy(({ position }) => `${position}`)
  const pairs: TaskPair[] = before.map((row) => ({ before: row, after: partner.get(row) }))
  return [...pairs, ...after.filter((row) => left.has(row)).map((row) => ({ before: undefined, after: row }))]
}

function mayBeOne(a: TaskRow, b: TaskRow): boolean {
  return a.taskId === undefined || b.taskId === undefined || a.taskId === b.taskId
}
