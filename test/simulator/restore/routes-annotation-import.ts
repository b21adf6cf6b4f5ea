// Importing annotations into a task or a job, and a dataset into a project (recordings r_*).

import { readFile } from 'node:fs/promises'
import { type Answer, denied, json, missing } from '../answers.ts'
import type { Call, Route, Server } from '../call.ts'
import { refuseEntity } from '../entity-access.ts'
import { isImportFormat } from '../formats.ts'
import { canSeeJob } from '../visibility.ts'
import { prepareDataset } from './import-dataset.ts'
import { ImportError } from './import-error.ts'
import type { ImportOrder } from './import-request.ts'
import { matchAnnotations } from './match-annotations.ts'
import { readAnnotationFile } from './read-cvat-xml.ts'
import { listAnnotations } from './stored-annotations.ts'
import { uploadRoutes } from './tus-routes.ts'

type Target = 'task' | 'job' | 'project'

/** @param methods what the same address does besides, as GET and PATCH of annotations */
export function annotationImportRoutes(
  server: Server,
  target: Target,
  allow: string,
  methods: Route['methods'] = {},
): Route[] {
  const resource = target === 'project' ? 'dataset' : 'annotations'
  const root = `/api/${target}s/{id}/${resource}`
  return uploadRoutes(server, {
    paths: [root, `${root}/`],
    allow,
    methods,
    formField: target === 'project' ? 'dataset_file' : 'annotation_file',
    refuse: (call) => refuseTarget(call, server, target) ?? refuseFormat(call),
    finish: (call, path, release) => {
      const { isAccepted, id } = server.imports.post(
        { ...orderOf(call, server, target, path), cleanUp: release },
        call.user,
      )
      if (isAccepted) return json(202, { rq_id: id })
      return json(409, { rq_id: id }, { vary: 'Accept, Origin' })
    },
  })
}

function refuseTarget(call: Call, server: Server, target: Target): Answer | null {
  const id = Number(call.params.id)
  if (target !== 'job') return refuseEntity(call, server, { type: target, id })
  const job = server.world.jobs.get(id)
  if (!job) return missing('Job')
  return canSeeJob(server.world, call.user, job) ? null : denied()
}

/** The calls that only carry bytes name no format. */
function refuseFormat(call: Call): Answer | null {
  const format = call.query.get('format') ?? ''
  if (call.headers['upload-length'] !== undefined || isImportFormat(format)) return null
  return json(400, [`Unknown input format '${format}'`], { vary: 'Accept, Origin' })
}

function orderOf(call: Call, server: Server, target: Target, path: string): Omit<ImportOrder, 'cleanUp'> {
  const { world } = server
  const id = Number(call.params.id)
  const format = call.query.get('format') ?? ''
  if (target === 'project') {
    return {
      target,
      subresource: 'dataset',
      into: { projectId: id, taskId: null, jobId: null },
      prepare: () => prepareDataset(world, { projectId: id, owner: call.user, path, format }),
    }
  }
  const job = target === 'job' ? world.job(id) : null
  const taskId = job?.taskId ?? id
  return {
    target,
    subresource: 'annotations',
    into: { projectId: world.task(taskId).projectId, taskId, jobId: job?.id ?? null },
    prepare: async () => {
      if (format !== 'CVAT 1.1') throw new ImportError(`NotImplementedError: the simulator does not read '${format}'`)
      const document = await readAnnotationFile(path, () => readFile(path))
      const task = world.task(taskId)
      const present = listAnnotations({ task, jobs: world.jobsOf(task), labels: world.labelsOf(task) })
      const jobs = matchAnnotations(world, task, document, present, job?.id ?? null)
      return () => {
        world.replaceAnnotations(taskId, jobs)
        return null
      }
    },
  }
}
