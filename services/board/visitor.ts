// Who asks.

import type { Request, RequestHandler, Response } from 'express'
import type { BoardSettings } from './config.ts'
import type { Sessions } from './sessions.ts'

export interface Visitor {
  readonly name: string
  /** `local`: nobody is asked to log in, and only this machine can reach the board. */
  readonly how: 'password' | 'proxy' | 'local'
}

export interface VisitorDeps extends Pick<BoardSettings, 'proxyUserHeader' | 'trustedProxies'> {
  /** Absent without a login by password. */
  readonly sessions?: Sessions | undefined
}

/** Finds the visitor; who is nobody goes on as nobody. */
export function findVisitor(deps: VisitorDeps): RequestHandler {
  return async (req, res, next) => {
    res.locals.visitor = readProxyUser(req, deps) ?? (await readSession(req, deps)) ?? readLocal(deps)
    next()
  }
}

export function visitorOf(res: Response): Visitor | undefined {
  return res.locals.visitor as Visitor | undefined
}

/** The peer of the connection itself must be the proxy: headers about addresses can be made up. */
function readProxyUser(req: Request, { proxyUserHeader, trustedProxies }: VisitorDeps): Visitor | undefined {
  if (proxyUserHeader === undefined || !trustedProxies?.has(req.socket.remoteAddress)) return undefined
  const name = req.get(proxyUserHeader)?.trim()
  return name ? { name: name.slice(0, 200), how: 'proxy' } : undefined
}

async function readSession(req: Request, { sessions }: VisitorDeps): Promise<Visitor | undefined> {
  const name = await sessions?.findUser(req)
  return name === undefined ? undefined : { name, how: 'password' }
}

function readLocal({ sessions, proxyUserHeader }: VisitorDeps): Visitor | undefined {
  if (sessions || proxyUserHeader !== undefined) return undefined
  return { name: 'somebody at this machine', how: 'local' }
}
