// Tasks: the list, single ones, their media's description and their annotations.

import { empty, json } from './answers.ts'
import { dataMetaBody, taskBody } from './bodies.ts'
import { type Call, field, type Route, type Server, textField } from './call.ts'
import { assigneeField, createShapes, isAnswer, labelNames, withEntity } from './entity-access.ts'
import { answerList } from './list-page.ts'
import { taskList } from './list-specs.ts'
import { taskAnnotationsBody } from './restore/annotation-bodies.ts'
import { annotationImportRoutes } from './restore/routes-annotation-import.ts'
import { canSeeTask, isInScope } from './visibility.ts'
import type { Task } from './world-records.ts'

export function taskRoutes(server: Server): Route[] {
  const { world } = server
  const spec = taskList(world)
  const body = (id: number, call: Call) => taskBody(world, world.task(id), call.base)
  return [
    {
      path: '/api/tasks',
      allow: 'GET, POST, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const project = world.projects.get(Number(call.query.get('project_id') ?? 0))
          const rows: Task[] = []
          for (const row of project ? world.tasksOf(project.id) : world.tasks.values()) {
            if (isInScope(call.scope, row.organizationId) && canSeeTask(world, call.user, row)) rows.push(row)
          }
          return answerList(call, spec, rows, (row) => taskBody(world, row, call.base))
        },
        POST: (call) => {
          const projectId = field(call.body, 'project_id')
          const task = world.addTask({
            name: textField(call.body, 'name') ?? '',
            projectId: typeof projectId === 'number' ? projectId : null,
            owner: call.user.username,
            organization: typeof call.scope === 'string' ? null : call.scope.slug,
            labels: labelNames(call.body) ?? [],
            hasData: false,
          })
          return json(201, body(task.id, call), { location: `${call.base}/api/tasks/${task.id}` })
        },
      },
    },
    {
      path: '/api/tasks/{id}',
      allow: 'GET, PATCH, DELETE, HEAD, OPTIONS',
      methods: {
        GET: (call) => withEntity(call, server, 'task', (id) => json(200, body(id, call))),
        PATCH: (call) =>
          withEntity(call, server, 'task', (id) => {
            const assignee = assigneeField(call, server)
            if (isAnswer(assignee)) return assignee
            const name = textField(call.body, 'name')
            if (name !== undefined) world.renameTask(id, name)
            const subset = textField(call.body, 'subset')
            if (subset !== undefined) world.setSubset(id, subset)
            const projectId = field(call.body, 'project_id')
            if (typeof projectId === 'number') world.moveTask(id, projectId)
            if (assignee !== undefined) world.assignTask(id, assignee)
            return json(200, body(id, call))
          }),
        DELETE: (call) =>
          withEntity(call, server, 'task', (id) => {
            world.deleteTask(id)
            return empty(204)
          }),
      },
    },
    {
      path: '/api/tasks/{id}/data/meta',
      allow: 'GET, PATCH, HEAD, OPTIONS',
      methods: {
        GET: (call) => withEntity(call, server, 'task', (id) => json(200, dataMetaBody(world.task(id)))),
        PATCH: (call) =>
          withEntity(call, server, 'task', (id) => {
            const frames = field(call.body, 'deleted_frames')
            if (Array.isArray(frames)) world.setDeletedFrames(id, frames.map(Number))
            return json(200, dataMetaBody(world.task(id)))
          }),
      },
    },
    ...annotationImportRoutes(server, 'task', 'GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS', {
      GET: (call) => withEntity(call, server, 'task', (id) => json(200, taskAnnotationsBody(world, world.task(id)))),
      PATCH: (call) => withEntity(call, server, 'task', (id) => createShapes(call, server, id)),
    }),
  ]
}
