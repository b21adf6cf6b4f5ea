// Exporting and downloading, of projects and tasks alike.

import { type Answer, denied, detail, json, plainText, serverErrorPage } from './answers.ts'
import type { Call, Route, Server } from './call.ts'
import { serveFile } from './download-file.ts'
import { refuseEntity } from './entity-access.ts'
import { type ExportOrder, requestId } from './export-queue.ts'
import { isExportFormat } from './formats.ts'
import type { EntityKey } from './world-records.ts'

const oldApiText =
  'This endpoint is no longer supported.\n' +
  'To initiate the export process, use POST /api/projects/id/backup/export.\n' +
  'To check the process status, use GET /api/requests/rq_id,\n' +
  'where rq_id is obtained from the response of the previous request.\n' +
  'To download the prepared file, use the result_url obtained from the response of the previous request.\n'

export function exportRoutes(server: Server, type: EntityKey['type']): Route[] {
  const post = (resource: 'backup' | 'dataset') => (call: Call) => orderExport(call, server, type, resource)
  const get = (resource: 'backup' | 'dataset') => (call: Call) => download(call, server, type, resource)
  const root = `/api/${type}s/{id}`
  return [
    ...(['backup', 'dataset'] as const).flatMap((resource): Route[] => [
      {
        path: `${root}/${resource}/export`,
        allow: 'POST, OPTIONS',
        isReading: true,
        methods: { POST: post(resource) },
      },
      {
        path: `${root}/${resource}/download`,
        allow: 'GET, HEAD, OPTIONS',
        head: serverErrorPage,
        methods: { GET: get(resource) },
      },
    ]),
    {
      path: `${root}/backup`,
      allow: 'GET, HEAD, OPTIONS',
      methods: {
        GET: () => plainText(410, type === 'project' ? oldApiText : oldApiText.replaceAll('projects', 'tasks')),
      },
    },
  ]
}

function orderExport(call: Call, server: Server, type: EntityKey['type'], resource: 'backup' | 'dataset'): Answer {
  const entity: EntityKey = { type, id: Number(call.params.id) }
  const refusal = refuseEntity(call, server, entity)
  if (refusal) return refusal
  const format = resource === 'dataset' ? (call.query.get('format') ?? '') : null
  if (format !== null && !isExportFormat(format)) return json(400, ['Unknown format specified for the request'])
  const location = call.query.get('location')
  // Cloud storage was never attached to the measured server: naming it broke the call as any rubbish does.
  if (location !== null && location !== 'local') return serverErrorPage()
  if (resource === 'backup' && type === 'task' && !server.world.task(entity.id).data) {
    return json(400, ['Backup of a task without data is not allowed'])
  }
  const withImages = call.query.get('save_images')?.toLowerCase() === 'true'
  const order: ExportOrder = {
    entity,
    kind: resource === 'backup' ? 'backup' : withImages ? 'dataset' : 'annotations',
    format,
    fileName: call.query.get('filename'),
    base: call.base,
  }
  const { isAccepted, id } = server.exports.post(order, call.user)
  return json(isAccepted ? 202 : 409, { rq_id: id })
}

function download(call: Call, server: Server, type: EntityKey['type'], resource: 'backup' | 'dataset'): Answer {
  const entity: EntityKey = { type, id: Number(call.params.id) }
  const refusal = refuseEntity(call, server, entity)
  if (refusal) return refusal
  const id = call.query.get('rq_id')
  if (!id) return json(400, ['Missing request id in the query parameters'])
  if (!isIdOf(id, entity, resource)) return json(400, ['Invalid export request id'])
  const request = server.exports.find(id)
  if (!request) return plainText(400, 'Unknown export request id')
  if (!call.user.isSuperuser && request.owner !== call.user) return denied()
  if (request.status !== 'finished' || !request.file) return plainText(400, 'The export process is not finished')
  const { cache } = server.exports
  if (!cache.isAvailable(request.file)) return json(404, 'The exported file has expired, please retry exporting')
  const { file } = request
  return serveFile(
    {
      layout: cache.layoutOf(file),
      modifiedMs: file.modifiedMs,
      fileName: request.order.fileName ?? file.fileName,
    },
    call.headers,
    server.capacity.rangesSupported,
  )
}

/** Whether the id's parts name this very object and resource; whose request it is comes later. */
function isIdOf(id: string, entity: EntityKey, resource: 'backup' | 'dataset'): boolean {
  const parts = new URLSearchParams(id.replaceAll('+', '%2B'))
  const kinds = resource === 'backup' ? ['backup'] : ['dataset', 'annotations']
  return (
    parts.get('action') === 'export' &&
    parts.get('target') === entity.type &&
    parts.get('target_id') === String(entity.id) &&
    kinds.includes(parts.get('subresource') ?? '')
  )
}

/**
 * CVAT 2.15 in outline: one address orders (202), tells that it is ready (201) and gives the file (`?action=download`).
 * Not measured; it is here so that clients meet a server without the requests API.
 */
export function oldBackupRoute(server: Server, type: EntityKey['type']): Route {
  return {
    path: `/api/${type}s/{id}/backup`,
    allow: 'GET, HEAD, OPTIONS',
    methods: {
      GET: (call) => {
        const entity: EntityKey = { type, id: Number(call.params.id) }
        const refusal = refuseEntity(call, server, entity)
        if (refusal) return refusal
        const order: ExportOrder = { entity, kind: 'backup', format: null, fileName: null, base: call.base }
        const request = server.exports.find(requestId(order, call.user))
        if (!request || request.status === 'failed') {
          server.exports.post(order, call.user)
          return json(202, {})
        }
        if (request.status !== 'finished' || !request.file) return json(202, {})
        if (call.query.get('action') !== 'download') return json(201, {})
        const { file } = request
        const { cache } = server.exports
        if (!cache.isAvailable(file)) return detail(404, 'Not found.')
        return serveFile({ ...file, layout: cache.layoutOf(file) }, call.headers, server.capacity.rangesSupported)
      },
    },
  }
}
