// Labels, guides and the guides' pictures.

import { type Answer, empty, json, missing } from './answers.ts'
import { labelBody } from './bodies.ts'
import { type Call, field, type Route, type Server, textField } from './call.ts'
import { assetDisposition } from './content-disposition.ts'
import { refuseEntity } from './entity-access.ts'
import { answerList } from './list-page.ts'
import { labelList } from './list-specs.ts'
import { canSeeProject, canSeeTask } from './visibility.ts'
import type { EntityKey, Label } from './world-records.ts'

export function labelRoutes(server: Server): Route[] {
  const { world } = server
  return [
    {
      path: '/api/labels',
      allow: 'GET, HEAD, OPTIONS',
      methods: {
        GET: (call) => answerList(call, labelList, labelsFor(call, server), (row) => labelBody(row)),
      },
    },
    {
      path: '/api/labels/{id}',
      allow: 'GET, PATCH, DELETE, HEAD, OPTIONS',
      methods: {
        GET: (call) => withLabel(call, server, (label) => json(200, labelBody(label))),
        PATCH: (call) =>
          withLabel(call, server, (label) => {
            const name = textField(call.body, 'name')
            const color = textField(call.body, 'color')
            const change = { ...(name !== undefined && { name }), ...(color !== undefined && { color }) }
            return json(200, labelBody(world.changeLabel(label.id, change)))
          }),
        DELETE: (call) =>
          withLabel(call, server, (label) => {
            world.deleteLabel(label.id)
            return empty(204)
          }),
      },
    },
  ]
}

export function guideRoutes(server: Server): Route[] {
  const { world } = server
  const body = (id: number) => {
    const guide = world.guides.get(id)
    return { id, task_id: guide?.taskId, project_id: guide?.projectId, markdown: guide?.markdown }
  }
  const dates = (id: number) => {
    const guide = world.guides.get(id)
    return { created_date: guide?.createdDate, updated_date: guide?.updatedDate }
  }
  const ownerOf = (id: number): EntityKey | undefined => {
    const guide = world.guides.get(id)
    if (!guide) return undefined
    return guide.projectId === null ? { type: 'task', id: guide.taskId ?? 0 } : { type: 'project', id: guide.projectId }
  }
  return [
    {
      path: '/api/guides',
      allow: 'POST, OPTIONS',
      methods: {
        POST: (call) => {
          const projectId = field(call.body, 'project_id')
          const owner: EntityKey =
            typeof projectId === 'number'
              ? { type: 'project', id: projectId }
              : { type: 'task', id: Number(field(call.body, 'task_id')) }
          const refusal = refuseEntity(call, server, owner)
          if (refusal) return refusal
          return json(201, body(world.setGuide(owner, textField(call.body, 'markdown') ?? '').id))
        },
      },
    },
    {
      path: '/api/guides/{id}',
      allow: 'GET, PATCH, DELETE, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const id = Number(call.params.id)
          const owner = ownerOf(id)
          if (!owner) return missing('AnnotationGuide')
          const { markdown, ...rest } = body(id)
          return refuseEntity(call, server, owner) ?? json(200, { ...rest, ...dates(id), markdown })
        },
        PATCH: (call) => {
          const owner = ownerOf(Number(call.params.id))
          if (!owner) return missing('AnnotationGuide')
          const refusal = refuseEntity(call, server, owner)
          if (refusal) return refusal
          return json(200, body(world.setGuide(owner, textField(call.body, 'markdown') ?? '').id))
        },
        DELETE: (call) => {
          const id = Number(call.params.id)
          const owner = ownerOf(id)
          if (!owner) return missing('AnnotationGuide')
          const refusal = refuseEntity(call, server, owner)
          if (refusal) return refusal
          world.deleteGuide(id)
          return empty(204)
        },
      },
    },
    {
      path: '/api/assets/{uuid}',
      allow: 'GET, DELETE, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const asset = world.assets.get(call.params.uuid ?? '')
          if (!asset) return missing('Asset')
          const seconds = Math.floor(Date.parse(asset.createdDate) / 1000)
          return {
            status: 200,
            contentType: 'image/png',
            body: asset.content,
            headers: {
              'last-modified': new Date(seconds * 1000).toUTCString(),
              'content-disposition': assetDisposition(asset.fileName),
              etag: `"${seconds.toString(16)}-${asset.content.length.toString(16)}"`,
              'accept-ranges': 'bytes',
            },
            origin: 'nginx',
          }
        },
      },
    },
  ]
}

function withLabel(call: Call, server: Server, answer: (label: Label) => Answer): Answer {
  const label = server.world.labels.get(Number(call.params.id))
  if (!label) return missing('Label')
  const owner: EntityKey =
    label.projectId === null ? { type: 'task', id: label.taskId ?? 0 } : { type: 'project', id: label.projectId }
  return refuseEntity(call, server, owner) ?? answer(label)
}

/** `?project_id=`, `?task_id=` and `?job_id=` name whose labels are meant; without them, all that the user may see. */
function labelsFor(call: Call, server: Server): Label[] {
  const { world } = server
  const number = (name: string) => Number(call.query.get(name) ?? 0)
  const project = world.projects.get(number('project_id'))
  const job = world.jobs.get(number('job_id'))
  const task = world.tasks.get(job?.taskId ?? number('task_id'))
  const owner = project ?? task
  if (owner) return world.labelsOf(owner).toSorted((a, b) => a.id - b.id)
  if (['project_id', 'task_id', 'job_id'].some((name) => call.query.has(name))) return []
  return [...world.labels.values()].filter((label) => {
    const project = label.projectId === null ? undefined : world.projects.get(label.projectId)
    if (project) return canSeeProject(world, call.user, project)
    return canSeeTask(world, call.user, world.task(label.taskId ?? 0))
  })
}
