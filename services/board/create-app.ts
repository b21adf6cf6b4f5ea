// The board's requests, in the order in which they are looked at.

import { join } from 'node:path'
import type { Queue } from 'bullmq'
import express, { type Express } from 'express'
import type { Logger } from 'pino'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { allowActions } from './allowed-actions.ts'
import type { BoardLimits } from './board-limits.ts'
import type { BoardSecret } from './board-secret.ts'
import type { BoardSettings } from './config.ts'
import { openCsrf } from './csrf.ts'
import { notFound, showErrors } from './error-pages.ts'
import { loginRoutes, readForm, requireVisitor } from './login.ts'
import { queuePages } from './queue-pages.ts'
import { addBasePath, checkHost, requireRedis } from './request-checks.ts'
import { securityHeaders } from './security-headers.ts'
import { openSessions } from './sessions.ts'
import { findVisitor } from './visitor.ts'

export interface AppDeps extends Omit<BoardSettings, 'host' | 'port'> {
  readonly connection: QueueConnection
  readonly secret: BoardSecret
  readonly queues: readonly Queue[]
  readonly logger: Logger
  readonly limits: BoardLimits
  readonly now: () => number
}

export function createApp(deps: AppDeps): Express {
  const { publicUrl, connection, secret, limits, logger, readOnly, username, password } = deps
  const basePath = publicUrl?.pathname.replace(/\/+$/, '') ?? ''
  const cookiePath = basePath === '' ? '/' : basePath
  const isSecure = publicUrl?.protocol === 'https:'
  const common = { ...deps, basePath, cookiePath, isSecure }
  const csrf = openCsrf(common)
  const credentials = username !== undefined && password !== undefined ? { username, password } : undefined
  const sessions = credentials && openSessions({ ...common, credentials })

  const app = express()
  app.disable('x-powered-by')
  app.set('trust proxy', (address: string) => deps.trustedProxies?.has(address) ?? false)
  // TLS ends at the proxy. Sessions are given over a secure connection only, and by BOARD_PUBLIC_URL this one is.
  if (isSecure) Object.defineProperty(app.request, 'secure', { value: true })

  const board = express.Router()
  board.use('/assets', express.static(join(import.meta.dirname, 'assets'), { maxAge: '1h', index: false }))
  if (!credentials) board.use(checkHost(publicUrl))
  board.use(requireRedis(connection, secret))
  if (sessions) board.use(sessions.middleware)
  board.use(findVisitor({ ...deps, sessions }))
  board.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })
  board.use(readForm, csrf.middleware)
  if (credentials && sessions)
    board.use(loginRoutes({ connection, credentials, sessions, csrf, limits, basePath, logger }))
  board.use(requireVisitor(basePath, credentials !== undefined))
  board.get('/', (_req, res) => res.redirect(302, `${basePath}/queues`))
  board.use('/queues', allowActions({ readOnly, logger }))
  board.use('/queues', queuePages({ ...common, csrf, hasLogout: credentials !== undefined }))

  app.use(securityHeaders({ isSecure }), addBasePath(basePath))
  app.use(cookiePath, board)
  app.use(notFound, showErrors(basePath, logger))
  return app
}
