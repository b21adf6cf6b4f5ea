// Who the client is to the server. A token costs the server a tenth of what Basic does, which hashes the password each time;
// so a password is exchanged for CVAT's login token once, by one caller for all.

import { BackupError } from '#shared/errors/backup-error.ts'
import type { CvatLogger } from './client-options.ts'
import { orAborted } from './deadline.ts'

export interface Ticket {
  /** Value of the Authorization header. */
  readonly header: string
  /** Tells a ticket refused late from its successor, which may hold the very same header. */
  readonly generation: number
}

export interface Login {
  /** The ticket for the next call; logs in when there is none. Callers at the same time share one login. */
  ticket(signal: AbortSignal): Promise<Ticket>
  /** To be told of a ticket that got 401; true when there is a newer one to try. Many at a time make one login. */
  renew(refused: Ticket, signal: AbortSignal): Promise<boolean>
  /** The error for a 401 that no renewal cures. */
  refuse(message: string): BackupError
  /** What must never be in a message. */
  secrets(): string[]
}

/** A personal access token: nothing to get and nothing to renew. */
export function createTokenLogin(accessToken: string): Login {
  const ticket: Ticket = { header: `Bearer ${accessToken}`, generation: 1 }
  return {
    ticket: async () => ticket,
    renew: async () => false,
    refuse: (message) =>
      loginFailed(message, 'CVAT_ACCESS_TOKEN is wrong, expired or revoked: make a new one in CVAT.'),
    secrets: () => [accessToken],
  }
}

export interface PasswordLoginDeps {
  readonly username: string
  readonly password: string
  /**
   * Asks the server for a login token; undefined when it has no such call. Not repeated: callers repeat theirs.
   *
   * @throws BackupError `login-failed` for a wrong password
   */
  readonly signIn: (signal: AbortSignal) => Promise<string | undefined>
  /** Aborts when the client closes. A shared login outlives the caller that began it. */
  readonly closing: AbortSignal
  readonly logger?: CvatLogger | undefined
}

/** A login token, renewed when refused; Basic only where the server has no login call. */
export function createPasswordLogin(deps: PasswordLoginDeps): Login {
  const basic = Buffer.from(`${deps.username}:${deps.password}`).toString('base64')
  const tokens = new Set<string>()
  let generation = 0
  let current: Ticket | undefined
  let entering: Promise<Ticket> | undefined

  async function enter(): Promise<Ticket> {
    const token = await deps.signIn(deps.closing)
    if (token === undefined) {
      deps.logger?.warn({}, 'CVAT offers no login token: every call sends the password, which costs the server time')
    } else {
      tokens.add(token)
    }
    generation += 1
    current = { header: token === undefined ? `Basic ${basic}` : `Token ${token}`, generation }
    return current
  }

  async function ticket(signal: AbortSignal): Promise<Ticket> {
    if (current) return current
    entering ??= enter().finally(() => {
      entering = undefined
    })
    return orAborted(entering, signal)
  }

  async function renew(refused: Ticket, signal: AbortSignal): Promise<boolean> {
    if (refused.generation === current?.generation) {
      if (refused.header.startsWith('Basic ')) return false
      current = undefined
    }
    await ticket(signal)
    return true
  }

  return {
    ticket,
    renew,
    refuse: loginFailedForPassword,
    secrets: () => [deps.password, basic, ...tokens],
  }
}

export function loginFailedForPassword(message: string): BackupError {
  return loginFailed(message, 'Check CVAT_USERNAME and CVAT_PASSWORD: CVAT refuses them.')
}

function loginFailed(message: string, hint: string): BackupError {
  return new BackupError(message, { code: 'login-failed', retryable: false, hint })
}
