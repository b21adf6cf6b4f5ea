// Who has logged in with the password, for how long.

import { scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import type { Request, RequestHandler } from 'express'
import session from 'express-session'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { BoardLimits } from './board-limits.ts'
import type { BoardSecret } from './board-secret.ts'
import type { Credentials, Login, Role } from './check-credentials.ts'
import { SessionStore } from './session-store.ts'

declare module 'express-session' {
  interface SessionData {
    user: string
    /** When it began, milliseconds since 1970. */
    since: number
    /** Of the credentials that it began with. */
    fingerprint: string
  }
}

export interface SessionDeps {
  readonly connection: QueueConnection
  readonly secret: BoardSecret
  readonly logins: readonly Login[]
  readonly limits: Pick<BoardLimits, 'sessionIdleMs' | 'sessionMs'>
  /** Only over TLS, by BOARD_PUBLIC_URL. */
  readonly isSecure: boolean
  readonly cookiePath: string
  readonly now: () => number
}

export interface Sessions {
  /** Reads the cookie; must come before everything else here. */
  readonly middleware: RequestHandler
  /** Whoever is logged in; what is over is ended for good. */
  findUser(req: Request): Promise<{ readonly name: string; readonly role: Role } | undefined>
  /** Under a new id, so that nobody can have known it before. */
  begin(req: Request, login: Login): Promise<void>
  end(req: Request): Promise<void>
}

export function openSessions(deps: SessionDeps): Sessions {
  const { logins, limits, now } = deps
  const fingerprints = new Map(logins.map((login) => [login.username, rememberFingerprint(login)]))
  const fingerprintOf = async (username: string) => fingerprints.get(username)?.(deps.secret.current[0]!)
  const end = (req: Request) => settle((done) => req.session.destroy(done))
  return {
    middleware: session({
      name: 'cvat-backups-board',
      secret: deps.secret.current,
      store: new SessionStore(deps.connection, limits.sessionIdleMs),
      resave: false,
      saveUninitialized: false,
      cookie: { httpOnly: true, sameSite: 'strict', secure: deps.isSecure, path: deps.cookiePath },
    }),
    async findUser(req) {
      const { user, since, fingerprint } = req.session
      if (user === undefined || since === undefined) return undefined
      const login = logins.find(({ username }) => username === user)
      const isCurrent = login !== undefined && fingerprint === (await fingerprintOf(user))
      if (isCurrent && now() - since < limits.sessionMs) return { name: user, role: login.role }
      await end(req)
      return undefined
    },
    async begin(req, { username }) {
      // Not the session's own method: one that was over is no longer there.
      await settle((done) => req.sessionStore.regenerate(req, done))
      Object.assign(req.session, {
        user: username,
        since: now(),
        fingerprint: await fingerprintOf(username),
      })
      await settle((done) => req.session.save(done))
    },
    end,
  }
}

function settle(act: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    act((error) => (error ? reject(error) : resolve()))
  })
}

/** Slow on purpose: it lies in Redis, and must not help to find the password. Once for each secret, that is, once. */
function rememberFingerprint({ username, password }: Credentials) {
  let known: { secret: string; fingerprint: Promise<string> } | undefined
  return (secret: string): Promise<string> => {
    if (known?.secret !== secret) {
      const text = JSON.stringify([username, password])
      const derived = promisify<string, string, number, Buffer>(scrypt)(text, secret, 32)
      known = { secret, fingerprint: derived.then((key) => key.toString('base64url')) }
    }
    return known.fingerprint
  }
}
