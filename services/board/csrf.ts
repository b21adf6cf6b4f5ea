// No other page may act in a visitor's name: what changes something must bring a token that only our own pages can read.
// Bull Board's pages send the cookie XSRF-TOKEN back in a header by themselves, our forms in a field.

import { doubleCsrf } from 'csrf-csrf'
import type { Request, RequestHandler, Response } from 'express'
import type { BoardSecret } from './board-secret.ts'
import { visitorOf } from './visitor.ts'

export interface CsrfDeps {
  readonly secret: BoardSecret
  readonly isSecure: boolean
  readonly cookiePath: string
}

export interface Csrf {
  /** Refuses what changes something and has no token, with status 403. */
  readonly middleware: RequestHandler
  /** The visitor's token; also sets its cookie. For pages. */
  issue(req: Request, res: Response): string
}

const COOKIE = 'XSRF-TOKEN'

export function openCsrf({ secret, isSecure, cookiePath }: CsrfDeps): Csrf {
  const { doubleCsrfProtection, generateCsrfToken } = doubleCsrf({
    getSecret: () => secret.current,
    getSessionIdentifier: (req) => identify(req),
    cookieName: COOKIE,
    // A page's script must read it.
    cookieOptions: { sameSite: 'strict', secure: isSecure, path: cookiePath, httpOnly: false },
    getCsrfTokenFromRequest: (req) => req.get('x-xsrf-token') ?? readField(req.body),
  })
  return {
    middleware(req, res, next) {
      // No browser sends a token by itself, so nobody can make one do it.
      if (visitorOf(res)?.how === 'token') return next()
      req.cookies = { [COOKIE]: readCookie(req.headers.cookie, COOKIE) }
      // Browsers say so by themselves, and no page can make it up.
      const site = req.get('sec-fetch-site')
      const isForeign = site !== undefined && site !== 'same-origin' && site !== 'none'
      if (isForeign && !['GET', 'HEAD', 'OPTIONS'].includes(req.method)) return next(refused())
      doubleCsrfProtection(req, res, next)
    },
    issue: (req, res) => generateCsrfToken(req, res),
  }
}

/** Whom a token is for: one of before the login is of no use after it. */
function identify(req: Request): string {
  const visitor = req.res && visitorOf(req.res)
  if (visitor === undefined) return 'nobody'
  return visitor.how === 'password' ? `session ${req.sessionID}` : `${visitor.how} ${visitor.name}`
}

function readField(body: unknown): string | undefined {
  const token = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)._csrf : undefined
  return typeof token === 'string' ? token : undefined
}

function readCookie(header: string | undefined, name: string): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

function refused(): Error {
  return Object.assign(new Error('invalid csrf token'), { status: 403, code: 'EBADCSRFTOKEN' })
}
