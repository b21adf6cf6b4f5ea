// What several routes do alike: finding the project or task of a call, refusing it, reading what a change names.

import { type Answer, denied, json, missing } from './answers.ts'
import { type Call, field, type Server, textField } from './call.ts'
import { plainShape } from './restore/stored-annotations.ts'
import { canSeeProject, canSeeTask } from './visibility.ts'
import type { EntityKey } from './world-records.ts'

/** Refuses with what CVAT says of an entity that is missing or not the user's; null when it is theirs. */
export function refuseEntity(call: Call, server: Server, entity: EntityKey): Answer | null {
  const { world } = server
  if (entity.type === 'project') {
    const project = world.projects.get(entity.id)
    if (!project) return missing('Project')
    return canSeeProject(world, call.user, project) ? null : denied()
  }
  const task = world.tasks.get(entity.id)
  if (!task) return missing('Task')
  return canSeeTask(world, call.user, task) ? null : denied()
}

export function withEntity(
  call: Call,
  server: Server,
  type: EntityKey['type'],
  answer: (id: number) => Answer,
): Answer {
  const entity: EntityKey = { type, id: Number(call.params.id) }
  return refuseEntity(call, server, entity) ?? answer(entity.id)
}

/**
 * Answers with the shapes as they were sent, each with an id. The world keeps them in a task whose annotations are
 * stored, and only how many there are in one whose annotations are made up.
 */
export function createShapes(call: Call, server: Server, taskId: number, jobId?: number): Answer {
  const shapes = field(call.body, 'shapes')
  const sent: unknown[] = Array.isArray(shapes) ? shapes : []
  const { world } = server
  if (world.task(taskId).annotations.stored) {
    const labels = world.labelsOf(world.task(taskId))
    for (const shape of sent) {
      const frame = Number(field(shape, 'frame'))
      const label = labels.find(({ id }) => id === field(shape, 'label_id'))?.name ?? ''
      const job = world.jobsOf(world.task(taskId)).find((row) => row.startFrame <= frame && frame <= row.stopFrame)
      const points = field(shape, 'points')
      const named = { ...plainShape(frame, label), type: field(shape, 'type') ?? 'rectangle', points }
      world.annotate(taskId, [named], jobId ?? job?.id)
    }
  } else world.annotate(taskId, sent.length, jobId)
  const { extraShapes } = server.world.task(taskId).annotations
  return json(200, {
    version: 0,
    tags: [],
    shapes: sent.map((shape, index) => ({
      type: field(shape, 'type'),
      occluded: false,
      outside: false,
      z_order: 0,
      rotation: 0,
      points: field(shape, 'points'),
      id: taskId * 1000 + extraShapes + index,
      frame: field(shape, 'frame'),
      label_id: field(shape, 'label_id'),
      group: 0,
      source: 'manual',
      score: 1,
      attributes: [],
      elements: [],
    })),
    tracks: [],
  })
}

export function labelNames(body: unknown): string[] | undefined {
  const labels = field(body, 'labels')
  return Array.isArray(labels) ? labels.map((label) => textField(label, 'name') ?? '') : undefined
}

/** The named user, null for nobody, undefined when the body does not say; or the refusal of a user who is not there. */
export function assigneeField(call: Call, server: Server, name = 'assignee_id'): string | null | undefined | Answer {
  const id = field(call.body, name)
  if (id === null) return null
  if (typeof id !== 'number') return undefined
  const user = server.world.users.get(id)
  return user?.username ?? json(400, { [name]: [`Invalid pk "${id}" - object does not exist.`] })
}

export function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && 'status' in value
}
