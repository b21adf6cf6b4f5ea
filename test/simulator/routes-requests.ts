// The requests that tell how far an export or an import is.

import { type Answer, denied, empty, json, plainText } from './answers.ts'
import type { Call, Route, Server } from './call.ts'
import { answerList } from './list-page.ts'
import { requestList } from './list-specs.ts'
import { isImport, requestBody, type ServerRequest } from './request-body.ts'
import type { User } from './world-records.ts'

export function requestRoutes(server: Server): Route[] {
  return [
    {
      path: '/api/requests',
      allow: 'GET, HEAD, OPTIONS',
      isUncached: true,
      methods: { GET: (call) => answerList(call, requestList, listRequests(server, call.user), requestBody) },
    },
    {
      path: '/api/requests/{id}',
      allow: 'GET, HEAD, OPTIONS',
      isUncached: true,
      methods: { GET: (call) => withRequest(call, server, (request) => json(200, requestBody(request))) },
    },
    {
      path: '/api/requests/{id}/cancel',
      allow: 'POST, OPTIONS',
      isUncached: true,
      methods: {
        POST: (call) =>
          withRequest(call, server, (request) =>
            cancel(server, request)
              ? empty(200)
              : plainText(400, 'Only requests that have not yet been started can be cancelled'),
          ),
      },
    },
  ]
}

function withRequest(call: Call, server: Server, answer: (request: ServerRequest) => Answer): Answer {
  const id = call.params.id ?? ''
  const request = server.exports.find(id) ?? server.imports.find(id)
  if (!request) return plainText(404, 'There is no request with specified id')
  return call.user.isSuperuser || request.owner === call.user ? answer(request) : denied()
}

/** Both kinds together, oldest first. Both lists are asked: that is what makes CVAT notice killed workers. */
function listRequests(server: Server, user: User): ServerRequest[] {
  const all: ServerRequest[] = [...server.exports.list(user), ...server.imports.list(user)]
  return all.sort((a, b) => (a.createdDate < b.createdDate ? -1 : 1))
}

function cancel(server: Server, request: ServerRequest): boolean {
  return isImport(request) ? server.imports.cancel(request) : server.exports.cancel(request)
}
