// Projects: the list, single ones, and the changes that people make to them.

import { empty, json } from './answers.ts'
import { projectBody } from './bodies.ts'
import { type Call, type Route, type Server, textField } from './call.ts'
import { assigneeField, isAnswer, labelNames, withEntity } from './entity-access.ts'
import { answerList } from './list-page.ts'
import { projectList } from './list-specs.ts'
import { annotationImportRoutes } from './restore/routes-annotation-import.ts'
import { canSeeProject, isInScope } from './visibility.ts'
import type { Project } from './world-records.ts'

export function projectRoutes(server: Server): Route[] {
  const { world } = server
  const spec = projectList(world)
  const body = (id: number, call: Call) => projectBody(world, world.project(id), call.base)
  return [
    {
      path: '/api/projects',
      allow: 'GET, POST, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const rows: Project[] = []
          for (const row of world.projects.values()) {
            if (isInScope(call.scope, row.organizationId) && canSeeProject(world, call.user, row)) rows.push(row)
          }
          return answerList(call, spec, rows, (row) => projectBody(world, row, call.base))
        },
        POST: (call) => {
          const project = world.addProject({
            name: textField(call.body, 'name') ?? '',
            owner: call.user.username,
            organization: typeof call.scope === 'string' ? null : call.scope.slug,
            labels: labelNames(call.body) ?? [],
          })
          return json(201, body(project.id, call), { location: `${call.base}/api/projects/${project.id}` })
        },
      },
    },
    {
      path: '/api/projects/{id}',
      allow: 'GET, PATCH, DELETE, HEAD, OPTIONS',
      methods: {
        GET: (call) => withEntity(call, server, 'project', (id) => json(200, body(id, call))),
        PATCH: (call) =>
          withEntity(call, server, 'project', (id) => {
            const assignee = assigneeField(call, server)
            if (isAnswer(assignee)) return assignee
            const name = textField(call.body, 'name')
            if (name !== undefined) world.renameProject(id, name)
            for (const label of labelNames(call.body) ?? []) world.addLabel({ type: 'project', id }, label)
            if (assignee !== undefined) world.assignProject(id, assignee)
            return json(200, body(id, call))
          }),
        DELETE: (call) =>
          withEntity(call, server, 'project', (id) => {
            world.deleteProject(id)
            return empty(204)
          }),
      },
    },
    ...annotationImportRoutes(server, 'project', 'GET, POST, HEAD, OPTIONS'),
  ]
}
