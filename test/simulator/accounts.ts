// Users, what they log in with, and organizations; and the numbering of all rows.

import { createHash } from 'node:crypto'
import { ServerClock } from './server-clock.ts'
import type { AccessToken, Organization, Role, User } from './world-records.ts'

export class Accounts {
  readonly clock: ServerClock
  readonly users = new Map<number, User>()
  readonly accessTokens = new Map<number, AccessToken>()
  readonly organizations = new Map<number, Organization>()
  readonly #userByName = new Map<string, User>()
  readonly #userByLoginKey = new Map<string, User>()
  readonly #tokenByValue = new Map<string, AccessToken>()
  readonly #organizationBySlug = new Map<string, Organization>()
  readonly #lastId = new Map<string, number>()

  constructor(options: { clock?: ServerClock } = {}) {
    this.clock = options.clock ?? new ServerClock()
  }

  addUser(user: { username: string; password: string; isSuperuser?: boolean; email?: string }): User {
    const record: User = {
      id: this.nextId('user'),
      username: user.username,
      password: user.password,
      email: user.email ?? `${user.username}@example.com`,
      isSuperuser: user.isSuperuser ?? false,
      joinedDate: this.clock.tick(),
      lastLogin: null,
      loginKey: null,
    }
    this.users.set(record.id, record)
    this.#userByName.set(record.username, record)
    return record
  }

  findUser(username: string): User | undefined {
    return this.#userByName.get(username)
  }

  findUserByLoginKey(key: string): User | undefined {
    return this.#userByLoginKey.get(key)
  }

  /** The user's login token, made at the first login and the same at each later one. */
  login(user: User): string {
    user.lastLogin = this.clock.tick()
    if (user.loginKey === null) {
      user.loginKey = secretDigits(40, `login ${user.username} ${user.lastLogin}`)
      this.#userByLoginKey.set(user.loginKey, user)
    }
    return user.loginKey
  }

  /** As a logout or an administrator does it: the token is refused from now on, the next login gives another. */
  revokeLoginKey(username: string): void {
    const user = this.known(this.#userByName.get(username), 'user', username)
    if (user.loginKey !== null) this.#userByLoginKey.delete(user.loginKey)
    user.loginKey = null
  }

  /** A personal access token; read-only and without end when nothing else is said (CVAT's own default). */
  addAccessToken(
    username: string,
    token: { name?: string; value?: string; readOnly?: boolean; expiryDate?: string | null } = {},
  ): AccessToken {
    const user = this.known(this.#userByName.get(username), 'user', username)
    const date = this.clock.tick()
    const record: AccessToken = {
      id: this.nextId('access token'),
      name: token.name ?? 'backup',
      userId: user.id,
      value: token.value ?? `${secretDigits(8, `${date} prefix`)}.${secretDigits(32, `${date} secret`)}`,
      readOnly: token.readOnly ?? true,
      createdDate: date,
      updatedDate: this.clock.tick(),
      expiryDate: token.expiryDate ?? null,
      lastUsedDate: null,
    }
    this.accessTokens.set(record.id, record)
    this.#tokenByValue.set(record.value, record)
    return record
  }

  findAccessToken(value: string): AccessToken | undefined {
    return this.#tokenByValue.get(value)
  }

  revokeAccessToken(id: number): void {
    const token = this.known(this.accessTokens.get(id), 'access token', id)
    this.accessTokens.delete(id)
    this.#tokenByValue.delete(token.value)
  }

  addOrganization(organization: {
    slug: string
    name?: string
    owner?: string
    members?: Readonly<Record<string, Role>>
  }): Organization {
    const owner = this.userNamed(organization.owner)
    const record: Organization = {
      id: this.nextId('organization'),
      slug: organization.slug,
      name: organization.name ?? organization.slug,
      ownerId: owner.id,
      createdDate: this.clock.tick(),
      updatedDate: this.clock.tick(),
      members: new Map([[owner.id, 'owner']]),
    }
    for (const [username, role] of Object.entries(organization.members ?? {})) {
      record.members.set(this.userNamed(username).id, role)
    }
    this.organizations.set(record.id, record)
    this.#organizationBySlug.set(record.slug, record)
    return record
  }

  findOrganization(slug: string): Organization | undefined {
    return this.#organizationBySlug.get(slug)
  }

  protected userNamed(username: string | undefined): User {
    const user = username === undefined ? this.users.values().next().value : this.#userByName.get(username)
    return this.known(user, 'user', username ?? '(any)')
  }

  protected organizationIdOf(slug: string | null | undefined): number | null {
    if (slug === null || slug === undefined) return null
    return this.known(this.#organizationBySlug.get(slug), 'organization', slug).id
  }

  protected nextId(kind: string, wanted?: number): number {
    const last = this.#lastId.get(kind) ?? 0
    const id = wanted ?? last + 1
    if (id <= last) throw new Error(`The ${kind} id ${id} is not above the last one, ${last}`)
    this.#lastId.set(kind, id)
    return id
  }

  protected known<T>(record: T | undefined, kind: string, key: number | string): T {
    if (record === undefined) throw new Error(`The simulated server has no ${kind} ${key}`)
    return record
  }
}

/** Letters that look like a secret; the seed holds a date that is given out once, so no two are equal. */
export function secretDigits(length: number, seed: string): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, length)
}
