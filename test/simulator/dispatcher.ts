// One call from its first byte to its last: faults, route, negotiation, login, throttling, permission, handler, answer.
// The order is that of CVAT's layers, so that a call with two mistakes is refused for the same one.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, denied, detail, json, nginxPage, notFoundPage, serverErrorPage } from './answers.ts'
import { type Authenticator, type Identity, notProvided } from './authentication.ts'
import type { Call, OrganizationScope, Route, Server } from './call.ts'
import type { BodyFault, CallFault, Faults, LostAnswer, UploadFault } from './faults.ts'
import { Pace } from './pace.ts'
import { findRoute } from './route-table.ts'
import { sendAnswer } from './send-answer.ts'
import { raise } from './stats.ts'
import { AnonymousThrottle } from './throttle.ts'
import type { Organization, User } from './world-records.ts'

export interface DispatcherParts extends Server {
  readonly authenticator: Authenticator
  readonly faults: Faults
  readonly basePath: string
  readonly routes: () => Route[]
}

const nobody: User = {
  id: 0,
  username: '',
  password: '',
  email: '',
  isSuperuser: false,
  joinedDate: '',
  lastLogin: null,
  loginKey: null,
}

export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #throttle = new AnonymousThrottle()
  readonly #pace = new Pace()
  #routes: { generation: string; table: Route[] } | undefined

  constructor(parts: DispatcherParts) {
    this.#parts = parts
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { stats, capacity, world, faults } = this.#parts
    const method = request.method ?? 'GET'
    const url = new URL(`http://host${request.url ?? '/'}`)
    const path = this.#stripBase(url.pathname)
    const found = path === undefined ? undefined : findRoute(this.#table(), path)
    const met = faults.meet({
      method,
      route: found?.route.path,
      path: path ?? url.pathname,
      query: url.searchParams,
      authorization: request.headers.authorization,
    })
    const loss = met.find(isLostAnswer)
    if (loss?.when === 'before') return await giveNoAnswer(response, loss.kind)
    const bodyFaults = met.filter(isBodyFault)
    const answer = rewrite(
      (await playFaults(met)) ?? (await this.#answer(request, method, url, found, met.find(isUploadFault))),
      met,
    )
    stats.countAnswer(`${method} ${found?.route.path ?? '(unknown)'}`, answer.status)
    if (loss) return await giveNoAnswer(response, loss.kind)
    const isDownload = !(answer.body instanceof Buffer)
    if (isDownload) raise(stats.downloads)
    try {
      await sendAnswer(response, answer, {
        method,
        acceptEncoding: String(request.headers['accept-encoding'] ?? ''),
        allow: found?.route.allow || undefined,
        isUncached: found?.route.isUncached === true && answer.status !== 401 && answer.status !== 403,
        nowMs: world.clock.nowMs(),
        faults: bodyFaults,
        onBytes: (count) => {
          stats.bytesSent += count
        },
        pace: (bytes) => this.#pace.wait(bytes, isDownload ? capacity.bandwidthBytesPerSecond : undefined),
      })
    } finally {
      if (isDownload) stats.downloads.current -= 1
    }
  }

  async #answer(
    request: IncomingMessage,
    method: string,
    url: URL,
    found: { route: Route; params: Record<string, string> } | undefined,
    uploadFault: UploadFault | undefined,
  ): Promise<Answer> {
    const { headers } = request
    if (Number(headers['content-length'] ?? 0) > this.#parts.capacity.maxRequestBytes) {
      return nginxPage(413, '413 Request Entity Too Large')
    }
    if (!found) return notFoundPage()
    const { route, params } = found
    if (method === 'HEAD' && route.head) return await route.head(this.#anonymousCall(request, url, params), this.#parts)
    if (!acceptsJson(headers.accept)) return detail(406, 'Could not satisfy the request Accept header.')
    const identity = await this.#parts.authenticator.identify(method, headers)
    if (identity && 'status' in identity) return identity
    const refusal = this.#refuse(request, method, route, identity)
    if (refusal) return refusal
    const handler = route.methods[method] ?? (method === 'HEAD' ? route.methods.GET : undefined)
    if (!handler) return detail(405, `Method "${method}" not allowed.`)
    const scope = this.#scopeOf(request, url, identity?.user)
    if (typeof scope === 'object' && 'status' in scope) return scope
    const call: Call = {
      ...this.#anonymousCall(request, url, params),
      user: identity?.user ?? nobody,
      scope,
      uploadFault,
      body: isUpload(request) ? undefined : await readJson(request),
    }
    try {
      return await handler(call, this.#parts)
    } catch (error) {
      this.#parts.stats.errors.push(error)
      return serverErrorPage()
    }
  }

  #refuse(request: IncomingMessage, method: string, route: Route, identity: Identity | null): Answer | undefined {
    if (!identity) {
      if (!route.isAnonymous) return notProvided()
      const address = request.socket.remoteAddress ?? ''
      const wait = this.#throttle.check(
        address,
        this.#parts.capacity.anonymousPerMinute,
        this.#parts.world.clock.nowMs(),
      )
      if (wait === null) return undefined
      const text = `Request was throttled. Expected available in ${wait} second${wait === 1 ? '' : 's'}.`
      return detail(429, text, { 'retry-after': String(wait) })
    }
    const isSafe = method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || route.isReading === true
    return identity.isReadOnly && !isSafe ? { ...denied(), headers: { vary: 'Accept, Origin' } } : undefined
  }

  /** What the organization header or parameter says: none is all, an empty one is personal, a slug is that one. */
  #scopeOf(request: IncomingMessage, url: URL, user: User | undefined): OrganizationScope | Answer {
    const { world } = this.#parts
    const header = request.headers['x-organization']
    const slug = url.searchParams.get('org')
    const id = url.searchParams.get('org_id')
    if (typeof header === 'string' && slug !== null && header !== slug) {
      return json(400, [
        'You cannot specify "org" query parameter and "X-Organization" HTTP header with different values.',
      ])
    }
    let organization: Organization | undefined
    const named = slug ?? (typeof header === 'string' ? header : null)
    if (id !== null && id !== '') organization = world.organizations.get(Number(id))
    else if (named === null && id === null) return 'any'
    else if (!named) return 'personal'
    else organization = world.findOrganization(named)
    if (!organization) return detail(404, `${named ?? id} organization does not exist.`)
    return user?.isSuperuser || organization.members.has(user?.id ?? 0) ? organization : denied()
  }

  #anonymousCall(request: IncomingMessage, url: URL, params: Record<string, string>): Call {
    const { headers } = request
    const scheme = first(headers['x-forwarded-proto']) ?? 'http'
    const host = first(headers['x-forwarded-host']) ?? headers.host ?? ''
    return {
      method: request.method ?? 'GET',
      query: url.searchParams,
      params,
      headers,
      body: undefined,
      bytes: request,
      uploadFault: undefined,
      base: `${scheme}://${host}${this.#parts.basePath}`,
      user: nobody,
      scope: 'any',
    }
  }

  #stripBase(path: string): string | undefined {
    const { basePath } = this.#parts
    if (basePath === '') return path
    return path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : undefined
  }

  #table(): Route[] {
    const { generation } = this.#parts.capacity
    if (this.#routes?.generation !== generation) this.#routes = { generation, table: this.#parts.routes() }
    return this.#routes.table
  }
}

async function giveNoAnswer(response: ServerResponse, kind: 'drop' | 'silence'): Promise<void> {
  if (kind === 'drop') response.socket?.resetAndDestroy()
  else if (!response.destroyed) await new Promise<void>((resolve) => response.once('close', resolve))
}

/** Waits and actions first; the answer that a fault puts in place of the server's own, if any. */
async function playFaults(met: readonly CallFault[]): Promise<Answer | undefined> {
  for (const fault of met) {
    if (fault.kind === 'delay') await sleep(fault.ms)
    if (fault.kind === 'run') fault.action()
    if (fault.kind === 'answer') return fault.answer
  }
  return undefined
}

function rewrite(answer: Answer, met: readonly CallFault[]): Answer {
  let changed = answer
  for (const fault of met) {
    if (fault.kind !== 'rewrite') continue
    if (fault.json && changed.json !== undefined) {
      const value = fault.json(structuredClone(changed.json))
      changed = { ...changed, json: value, body: Buffer.from(JSON.stringify(value)) }
    }
    changed = { ...changed, headers: { ...changed.headers, ...fault.headers } }
  }
  return changed
}

function isLostAnswer(fault: CallFault): fault is LostAnswer {
  return fault.kind === 'drop' || fault.kind === 'silence'
}

function isUploadFault(fault: CallFault): fault is UploadFault {
  return fault.kind === 'cut-upload'
}

function isBodyFault(fault: CallFault): fault is BodyFault {
  return fault.kind === 'reset' || fault.kind === 'stall' || fault.kind === 'cut' || fault.kind === 'drip'
}

/** CVAT writes one type only, and refuses `application/json`. */
function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept === '') return true
  return accept.split(',').some((part) => {
    const type = part.split(';')[0]?.trim()
    return type === '*/*' || type === 'application/*' || type === 'application/vnd.cvat+json'
  })
}

/** Uploads are read by their handlers, piece by piece. */
function isUpload(request: IncomingMessage): boolean {
  return /^(multipart\/|application\/offset\+octet-stream)/.test(request.headers['content-type'] ?? '')
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const text = Buffer.concat(pieces).toString('utf8')
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
