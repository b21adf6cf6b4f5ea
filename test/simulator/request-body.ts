// A request of either kind as the requests API writes it: every key that the recordings have, in their order.

import type { ExportRequest } from './export-queue.ts'
import type { ImportRequest } from './restore/import-request.ts'

export type ServerRequest = ExportRequest | ImportRequest

export function isImport(request: ServerRequest): request is ImportRequest {
  return 'resultId' in request
}

export function requestBody(request: ServerRequest): object {
  return isImport(request) ? importBody(request) : exportBody(request)
}

function exportBody(request: ExportRequest): object {
  const { entity, kind, format, base } = request.order
  const resource = kind === 'backup' ? 'backup' : 'dataset'
  const download = `${base}/api/${entity.type}s/${entity.id}/${resource}/download`
  return {
    status: request.status,
    message: request.message,
    id: request.id,
    operation: {
      type: `export:${kind}`,
      target: entity.type,
      project_id: request.projectId,
      task_id: entity.type === 'task' ? entity.id : null,
      job_id: null,
      format,
      lightweight: null,
    },
    progress: 0,
    created_date: request.createdDate,
    started_date: request.startedDate,
    finished_date: request.finishedDate,
    expiry_date: request.expiryDate,
    owner: { id: request.owner.id, username: request.owner.username },
    result_url: request.status === 'finished' ? `${download}?rq_id=${encodeURIComponent(request.id)}` : null,
    result_id: null,
  }
}

function importBody(request: ImportRequest): object {
  const { target, subresource, into } = request.order
  return {
    status: request.status,
    message: request.message,
    id: request.id,
    operation: {
      type: `import:${subresource}`,
      target,
      project_id: into?.projectId ?? null,
      task_id: into?.taskId ?? null,
      job_id: into?.jobId ?? null,
      format: null,
      lightweight: null,
    },
    progress: 0,
    created_date: request.createdDate,
    started_date: request.startedDate,
    finished_date: request.finishedDate,
    expiry_date: request.expiryDate,
    owner: { id: request.owner.id, username: request.owner.username },
    result_url: null,
    result_id: request.resultId,
  }
}
