// One call as the handlers see it, and what they work with.

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Answer } from './answers.ts'
import type { Capacity } from './capacity.ts'
import type { ExportQueue } from './export-queue.ts'
import type { UploadFault } from './faults.ts'
import type { ImportQueue } from './restore/import-queue.ts'
import type { UploadStore } from './restore/upload-store.ts'
import type { Stats } from './stats.ts'
import type { HookSender } from './webhooks/hook-sender.ts'
import type { World } from './world.ts'
import type { Organization, User } from './world-records.ts'

/** Which organizations a list is about: all the user may see, none (personal only), or one. */
export type OrganizationScope = 'any' | 'personal' | Organization

export interface Call {
  readonly method: string
  readonly query: URLSearchParams
  /** The `{id}` parts of the route's path. */
  readonly params: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  /** The parsed JSON body; undefined when there is none. */
  readonly body: unknown
  /** The body's bytes as they come in, of an upload: everything that is not read as JSON. */
  readonly bytes: IncomingMessage
  /** How the connection breaks while they come in. */
  readonly uploadFault: UploadFault | undefined
  /** Scheme, host and base path as the client named them: CVAT builds every absolute address from it. */
  readonly base: string
  readonly user: User
  readonly scope: OrganizationScope
}

export interface Server {
  readonly world: World
  readonly capacity: Capacity
  readonly exports: ExportQueue
  readonly imports: ImportQueue
  readonly uploads: UploadStore
  readonly stats: Stats
  readonly hooks: HookSender
}

export type Handler = (call: Call, server: Server) => Answer | Promise<Answer>

export interface Route {
  /** `/api/projects/{id}`. */
  readonly path: string
  readonly methods: Readonly<Record<string, Handler>>
  /** The `Allow` header of every answer. */
  readonly allow: string
  /** What a HEAD does when it is not simply a GET without a body. */
  readonly head?: Handler
  /** Callable without login, and throttled then. */
  readonly isAnonymous?: boolean
  /** Open to a read-only access token although it is not a GET. */
  readonly isReading?: boolean
  /** Answers must not be cached: the requests API says so. */
  readonly isUncached?: boolean
}

/** A field of a JSON body, or undefined when there is no such field (or no object). */
export function field(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null) return undefined
  return (body as Record<string, unknown>)[name]
}

export function textField(body: unknown, name: string): string | undefined {
  const value = field(body, name)
  return typeof value === 'string' ? value : undefined
}
