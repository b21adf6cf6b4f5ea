// What can be done on the board. Bull Board can do more: add jobs, write other data into them, take a queue apart.

import type { RequestHandler } from 'express'
import type { Logger } from 'pino'
import { requireOperator, visitorOf } from './visitor.ts'

/** Paths below `/queues`. All that is not here and is no mere question is refused. */
const ACTIONS: readonly RegExp[] = [
  /^\/api\/queues\/(?:pause|resume)$/,
  /^\/api\/queues\/[^/]+\/(?:pause|resume|promote)$/,
  /^\/api\/queues\/[^/]+\/retry\/(?:failed|completed)$/,
  /^\/api\/queues\/[^/]+\/clean\/(?:failed|completed)$/,
  /^\/api\/queues\/[^/]+\/[^/]+\/(?:retry|promote|clean)$/,
  /^\/api\/queues\/[^/]+\/job-schedulers\/[^/]+\/run$/,
]

/** Each action is logged with who did it. */
export function allowActions({ readOnly, logger }: { readOnly: boolean; logger: Logger }): RequestHandler {
  return (req, res, next) => {
    if (req.method === 'GET' || req.method === 'HEAD') return next()
    if (readOnly) return next(Object.assign(new Error('read-only'), { status: 403, code: 'READ_ONLY' }))
    if (visitorOf(res)?.role !== 'operator') return void requireOperator(req, res, next)
    const path = withoutEncoding(req.path)
    if (req.method !== 'PUT' || !ACTIONS.some((action) => action.test(req.path))) {
      return next(Object.assign(new Error(`refused: ${path}`), { status: 403, code: 'NOT_AN_ACTION' }))
    }
    const action = path.replace('/api/queues/', '')
    const visitor = visitorOf(res)
    res.once('finish', () => {
      logger.info({ user: visitor?.name, how: visitor?.how, action, status: res.statusCode }, 'an action on the board')
    })
    next()
  }
}

function withoutEncoding(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
