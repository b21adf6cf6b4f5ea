// The board's requests, in the order in which they are looked at.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Queue } from 'bullmq'
import express, { type Express } from 'express'
import type { Logger } from 'pino'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { allowActions } from './allowed-actions.ts'
import type { ApiDeps } from './api-routes.ts'
import { apiRoutes } from './api-routes.ts'
import { readTokens } from './api-tokens.ts'
import type { BoardLimits } from './board-limits.ts'
import type { BoardSecret } from './board-secret.ts'
import type { Login } from './check-credentials.ts'
import type { BoardSettings } from './config.ts'
import { openCsrf } from './csrf.ts'
import { notFound, showErrors } from './error-pages.ts'
import { loginRoutes, readForm, requireVisitor } from './login.ts'
import { limitLogins } from './login-limit.ts'
import { pageRoutes } from './page-routes.ts'
import { queuePages } from './queue-pages.ts'
import { addBasePath, checkHost, requireRedis } from './request-checks.ts'
import { queuesPolicy, securityHeaders } from './security-headers.ts'
import { openSessions } from './sessions.ts'
import { findVisitor, visitorOf } from './visitor.ts'

export interface AppDeps extends Omit<BoardSettings, 'host' | 'port'> {
  readonly connection: QueueConnection
  readonly secret: BoardSecret
  readonly queues: readonly Queue[]
  readonly logger: Logger
  readonly limits: BoardLimits
  readonly now: () => number
  /** What pages and API show and start. */
  readonly overview: ApiDeps
}

export function createApp(deps: AppDeps): Express {
  const { publicUrl, connection, secret, limits, logger, readOnly } = deps
  const basePath = publicUrl?.pathname.replace(/\/+$/, '') ?? ''
  const cookiePath = basePath === '' ? '/' : basePath
  const isSecure = publicUrl?.protocol === 'https:'
  const common = { ...deps, basePath, cookiePath, isSecure }
  const csrf = openCsrf(common)
  const logins = listLogins(deps)
  const hasLogin = logins.length > 0
  const sessions = hasLogin ? openSessions({ ...common, logins }) : undefined
  const tooManyTokens: express.RequestHandler = (_req, _res, next) => {
    next(Object.assign(new Error('too many wrong tokens'), { status: 429, code: 'TOO_MANY_TOKENS' }))
  }

  const app = express()
  app.disable('x-powered-by')
  app.set('trust proxy', (address: string) => deps.trustedProxies?.has(address) ?? false)
  // TLS ends at the proxy. Sessions are given over a secure connection only, and by BOARD_PUBLIC_URL this one is.
  if (isSecure) Object.defineProperty(app.request, 'secure', { value: true })

  const board = express.Router()
  board.get('/assets/htmx.min.js', (_req, res, next) => {
    res.sendFile(
      fileURLToPath(import.meta.resolve('htmx.org/dist/htmx.min.js')),
      { maxAge: '1h' },
      (error) => error && next(error),
    )
  })
  board.use('/assets', express.static(join(import.meta.dirname, 'assets'), { maxAge: '1h', index: false }))
  if (!hasLogin) board.use(checkHost(publicUrl))
  board.use(requireRedis(connection, secret))
  board.use('/api/v1', readTokens(deps.tokens ?? [], limitLogins(connection, limits, tooManyTokens)))
  if (sessions) board.use(sessions.middleware)
  board.use(findVisitor({ ...deps, sessions }))
  board.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })
  board.use('/api/v1', express.json({ limit: '8kb' }))
  board.use(readForm, csrf.middleware)
  if (sessions) board.use(loginRoutes({ connection, logins, sessions, csrf, limits, basePath, logger }))
  board.use(requireVisitor(basePath, hasLogin))
  board.use('/api/v1', apiRoutes(deps.overview))
  board.use(pageRoutes({ ...deps.overview, csrf, basePath, hasLogout: hasLogin }))
  board.use('/queues', queuesPolicy, allowActions({ readOnly, logger }))
  const forOperators = queuePages({ ...common, csrf, hasLogout: hasLogin })
  const forViewers = queuePages({ ...common, readOnly: true, csrf, hasLogout: hasLogin })
  board.use('/queues', (req, res, next) => {
    const pages = visitorOf(res)?.role === 'operator' ? forOperators : forViewers
    pages(req, res, next)
  })

  app.use(securityHeaders({ isSecure }), addBasePath(basePath))
  app.use(cookiePath, board)
  app.use(notFound, showErrors(basePath, logger))
  return app
}

function listLogins({ username, password, viewerUsername, viewerPassword }: AppDeps): Login[] {
  const logins: Login[] = []
  if (username !== undefined && password !== undefined) logins.push({ username, password, role: 'operator' })
  if (viewerUsername !== undefined && viewerPassword !== undefined) {
    logins.push({ username: viewerUsername, password: viewerPassword, role: 'viewer' })
  }
  return logins
}
