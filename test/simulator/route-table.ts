// All routes that the simulated server knows, and how a path finds its route.

import type { Authenticator } from './authentication.ts'
import type { Route, Server } from './call.ts'
import { restoreRoutes } from './restore/routes-restore.ts'
import { exportRoutes, oldBackupRoute } from './routes-exports.ts'
import { issueRoutes } from './routes-issues.ts'
import { jobRoutes } from './routes-jobs.ts'
import { guideRoutes, labelRoutes } from './routes-labels.ts'
import { projectRoutes } from './routes-projects.ts'
import { requestRoutes } from './routes-requests.ts'
import { serverRoutes } from './routes-server.ts'
import { taskRoutes } from './routes-tasks.ts'
import { userRoutes } from './routes-users.ts'
import { webhookRoutes } from './webhooks/routes-webhooks.ts'

export function allRoutes(server: Server, authenticator: Authenticator): Route[] {
  const isOld = server.capacity.generation === '2.15'
  return [
    ...serverRoutes(server, authenticator),
    ...userRoutes(server),
    ...projectRoutes(server),
    ...taskRoutes(server),
    ...jobRoutes(server),
    ...issueRoutes(server),
    ...labelRoutes(server),
    ...guideRoutes(server),
    ...webhookRoutes(server),
    ...(isOld
      ? [oldBackupRoute(server, 'project'), oldBackupRoute(server, 'task')]
      : [
          ...exportRoutes(server, 'project'),
          ...exportRoutes(server, 'task'),
          ...restoreRoutes(server),
          ...requestRoutes(server),
        ]),
  ]
}

/** The user's id and a UUID: what CVAT calls an upload. */
const uploadId = /^\d+_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The route of a path and what stands for its `{…}` parts; ids of rows are digits, anything else is no such path. */
export function findRoute(
  routes: readonly Route[],
  path: string,
): { route: Route; params: Record<string, string> } | undefined {
  const segments = path.split('/')
  for (const route of routes) {
    const params = matchSegments(route.path.split('/'), segments, route.path.startsWith('/api/requests/'))
    if (params) return { route, params }
  }
  return undefined
}

function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
  isFreeId: boolean,
): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? ''
    const name = /^\{(.+)\}$/.exec(expected)?.[1]
    if (name === undefined) {
      if (segment !== expected) return undefined
      continue
    }
    const value = decode(segment)
    if (value === '' || (name === 'id' && !isFreeId && !/^\d+$/.test(value))) return undefined
    if (name === 'upload' && !uploadId.test(value)) return undefined
    params[name] = value
  }
  return params
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
