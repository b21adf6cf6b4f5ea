// What CVAT holds and this product protects: a project or a task, known by its id on one server.

import { z } from 'zod'

export const entityRefSchema = z.object({
  type: z.enum(['project', 'task']),
  id: z.int().positive(),
})

/** A project or a task on the CVAT server. Names change and collide there; ids do neither. */
export type EntityRef = z.infer<typeof entityRefSchema>

export type EntityType = EntityRef['type']

/** `project-6`: the folder's name in the backup directory and the start of every key about the entity. */
export function formatEntity(entity: EntityRef): string {
  return `${entity.type}-${entity.id}`
}

/** The reverse of {@link formatEntity}; undefined for anything it never writes (`task-007`, `project-6 (copy)`). */
export function parseEntity(text: string): EntityRef | undefined {
  const match = /^(project|task)-([1-9]\d{0,14})$/.exec(text)
  if (!match) return undefined
  return { type: match[1] as EntityType, id: Number(match[2]) }
}
