// Who asks.

import type { Request, RequestHandler, Response } from 'express'
import type { Role } from './check-credentials.ts'
import type { BoardSettings } from './config.ts'
import type { Sessions } from './sessions.ts'

export interface Visitor {
  readonly name: string
  readonly role: Role
  /** `local`: nobody is asked to log in, and only this machine can reach the board. `token`: a script. */
  readonly how: 'password' | 'proxy' | 'local' | 'token'
}

export interface VisitorDeps
  extends Pick<BoardSettings, 'proxyUserHeader' | 'trustedProxies' | 'operators' | 'readOnly'> {
  /** Absent without a login by password. */
  readonly sessions?: Sessions | undefined
}

/** Finds the visitor; who is nobody goes on as nobody. */
export function findVisitor(deps: VisitorDeps): RequestHandler {
  return async (req, res, next) => {
    const visitor = visitorOf(res) ?? readProxyUser(req, deps) ?? (await readSession(req, deps)) ?? readLocal(deps)
    res.locals.visitor = visitor && deps.readOnly ? { ...visitor, role: 'viewer' } : visitor
    next()
  }
}

/** Refuses whoever may only look, before anything is read of what is asked for. */
export const requireOperator: RequestHandler = (_req, res, next) => {
  if (visitorOf(res)?.role === 'operator') return next()
  next(Object.assign(new Error('viewers only look'), { status: 403, code: 'VIEWER' }))
}

export function visitorOf(res: Response): Visitor | undefined {
  return res.locals.visitor as Visitor | undefined
}

/** The peer of the connection itself must be the proxy: headers about addresses can be made up. */
function readProxyUser(req: Request, { proxyUserHeader, trustedProxies, operators }: VisitorDeps): Visitor | undefined {
  if (proxyUserHeader === undefined || !trustedProxies?.has(req.socket.remoteAddress)) return undefined
  const name = req.get(proxyUserHeader)?.trim()
  if (!name) return undefined
  const role = operators === undefined || operators.has(name) ? 'operator' : 'viewer'
  return { name: name.slice(0, 200), role, how: 'proxy' }
}

async function readSession(req: Request, { sessions }: VisitorDeps): Promise<Visitor | undefined> {
  const user = await sessions?.findUser(req)
  return user && { ...user, how: 'password' }
}

function readLocal({ sessions, proxyUserHeader }: VisitorDeps): Visitor | undefined {
  if (sessions || proxyUserHeader !== undefined) return undefined
  return { name: 'somebody at this machine', role: 'operator', how: 'local' }
}
