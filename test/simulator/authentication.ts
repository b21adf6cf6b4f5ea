// Logging in, the four ways CVAT knows, with its exact refusals.

import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, detail } from './answers.ts'
import type { Capacity } from './capacity.ts'
import type { Stats } from './stats.ts'
import type { World } from './world.ts'
import type { User } from './world-records.ts'

export interface Identity {
  readonly user: User
  /** A read-only access token may read, export and download, and change nothing. */
  readonly isReadOnly: boolean
  readonly scheme: 'basic' | 'token' | 'bearer' | 'session'
}

const challenge = { 'www-authenticate': 'Token' }
/** Refused tokens never looked at the cookies, and the header says so. */
const tokenChallenge = { ...challenge, vary: 'Accept, Origin' }

export const notProvided = (): Answer => detail(401, 'Authentication credentials were not provided.', challenge)

export class Authenticator {
  readonly #world: World
  readonly #capacity: Capacity
  readonly #stats: Stats
  readonly #sessions = new Map<string, { user: User; csrf: string }>()
  /** Hashing keeps a core busy: two lanes, as the measured server had two. */
  readonly #lanes: Promise<void>[] = [Promise.resolve(), Promise.resolve()]
  #nextLane = 0

  constructor(server: { world: World; capacity: Capacity; stats: Stats }) {
    this.#world = server.world
    this.#capacity = server.capacity
    this.#stats = server.stats
  }

  /** Who calls: an identity, nobody (null), or the refusal to answer with. */
  async identify(method: string, headers: IncomingHttpHeaders): Promise<Identity | Answer | null> {
    const [scheme, ...rest] = (headers.authorization ?? '').split(' ')
    const value = rest.join(' ')
    switch (scheme?.toLowerCase()) {
      case 'basic':
        return await this.#byPassword(value)
      case 'token':
        return this.#byLoginKey(value)
      case 'bearer':
        return this.#byAccessToken(value)
      default:
        return this.#bySession(method, headers)
    }
  }

  /** The user of a name and password, at the price of hashing it. */
  async checkPassword(username: string, password: string): Promise<User | undefined> {
    this.#stats.passwordHashes += 1
    await this.#hash()
    const user = this.#world.findUser(username)
    return user?.password === password ? user : undefined
  }

  openSession(user: User): { sessionId: string; csrf: string } {
    const sessionId = crypto.randomUUID().replaceAll('-', '')
    const csrf = crypto.randomUUID().replaceAll('-', '')
    this.#sessions.set(sessionId, { user, csrf })
    return { sessionId, csrf }
  }

  /** Logging out ends the session of the call; others of the same user stay. */
  closeSession(headers: IncomingHttpHeaders): void {
    this.#sessions.delete(sessionIdOf(headers) ?? '')
  }

  async #byPassword(value: string): Promise<Identity | Answer> {
    const decoded = Buffer.from(value, 'base64').toString('utf8')
    const colon = decoded.indexOf(':')
    if (colon < 0) {
      return detail(401, 'Invalid basic header. Credentials not correctly base64 encoded.', challenge)
    }
    const user = await this.checkPassword(decoded.slice(0, colon), decoded.slice(colon + 1))
    if (!user) return detail(401, 'Invalid username/password.', challenge)
    return { user, isReadOnly: false, scheme: 'basic' }
  }

  #byLoginKey(key: string): Identity | Answer {
    const user = this.#world.findUserByLoginKey(key)
    return user ? { user, isReadOnly: false, scheme: 'token' } : detail(401, 'Invalid token.', tokenChallenge)
  }

  #byAccessToken(value: string): Identity | Answer {
    const token = this.#world.findAccessToken(value)
    const isExpired =
      token?.expiryDate !== null &&
      token?.expiryDate !== undefined &&
      Date.parse(token.expiryDate) <= this.#world.clock.nowMs()
    if (!token || isExpired) return detail(401, 'Invalid token.', tokenChallenge)
    token.lastUsedDate = this.#world.clock.tick()
    return { user: this.#world.user(token.userId), isReadOnly: token.readOnly, scheme: 'bearer' }
  }

  #bySession(method: string, headers: IncomingHttpHeaders): Identity | Answer | null {
    const session = this.#sessions.get(sessionIdOf(headers) ?? '')
    if (!session) return null
    const isSafe = method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
    if (!isSafe && headers['x-csrftoken'] !== session.csrf) return detail(403, 'CSRF Failed: CSRF token missing.')
    return { user: session.user, isReadOnly: false, scheme: 'session' }
  }

  async #hash(): Promise<void> {
    const cost = this.#capacity.basicCostMs
    if (cost <= 0) return
    const lane = this.#nextLane
    this.#nextLane = (lane + 1) % this.#lanes.length
    const done = (this.#lanes[lane] ?? Promise.resolve()).then(() => sleep(cost))
    this.#lanes[lane] = done
    await done
  }
}

function sessionIdOf(headers: IncomingHttpHeaders): string | undefined {
  return /(?:^|;\s*)sessionid=([^;]+)/.exec(headers.cookie ?? '')?.[1]
}
