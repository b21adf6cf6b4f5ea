// What every request goes through before anybody looks at who sent it.

import { isIP } from 'node:net'
import type { RequestHandler } from 'express'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { BoardSecret } from './board-secret.ts'

/**
 * A reverse proxy may hand the path on with or without the path of BOARD_PUBLIC_URL. From here on it is there.
 */
export function addBasePath(basePath: string): RequestHandler {
  return (req, _res, next) => {
    const isBelow = req.url === basePath || req.url.startsWith(`${basePath}/`) || req.url.startsWith(`${basePath}?`)
    if (!isBelow) req.url = `${basePath}${req.url}`
    req.originalUrl = req.url
    next()
  }
}

/**
 * Where no cookie tells who asks, a page of another site must not get at the board by making its own name point here (DNS
 * rebinding): then the name is none of ours. Addresses, names of this machine and single words cannot be taken so.
 */
export function checkHost(publicUrl: URL | undefined): RequestHandler {
  return (req, _res, next) => {
    const url = URL.parse(`http://${req.headers.host ?? ''}`)
    const name = url?.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '') ?? ''
    const isOwn = isIP(name) !== 0 || /^([^.]*\.)?localhost$/.test(name) || (name !== '' && !name.includes('.'))
    if (isOwn || name === publicUrl?.hostname) return next()
    next(Object.assign(new Error('strange host'), { status: 403, code: 'STRANGE_HOST' }))
  }
}

/** While Redis is away every command waits for it: whoever asks is told at once instead. */
export function requireRedis({ redis }: QueueConnection, secret: BoardSecret): RequestHandler {
  return async (_req, res, next) => {
    if (redis.status !== 'ready') {
      res.set('Retry-After', '5')
      return next(Object.assign(new Error('no Redis'), { status: 503, code: 'NO_REDIS' }))
    }
    await secret.refresh()
    next()
  }
}
