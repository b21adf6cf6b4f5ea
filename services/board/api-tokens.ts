// Scripts speak to the board with a token instead of a session.

import { createHash, timingSafeEqual } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { ApiToken } from './config.ts'
import type { Visitor } from './visitor.ts'

/**
 * Whoever sends `Authorization: Bearer …` is who the token says, or nobody: a session counts for nothing beside it. Wrong ones
 * count against the address like wrong logins.
 */
export function readTokens(tokens: readonly ApiToken[], limit: RequestHandler): RequestHandler {
  const known = tokens.map(({ role, token }, index) => ({ role, digest: digest(token), name: `token ${index + 1}` }))
  return (req, res, next) => {
    const [, given] = /^Bearer +(\S+)$/i.exec(req.get('authorization') ?? '') ?? []
    if (given === undefined) return next()
    return limit(req, res, (error?: unknown) => {
      if (error) return next(error)
      const hash = digest(given)
      // Every one is compared, so that the time tells nothing about which.
      const [found] = known.filter((one) => timingSafeEqual(one.digest, hash))
      if (!found) return next(Object.assign(new Error('a wrong token'), { status: 401, code: 'WRONG_TOKEN' }))
      res.locals.visitor = { name: found.name, role: found.role, how: 'token' } satisfies Visitor
      next()
    })
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
