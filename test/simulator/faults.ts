// Things that go wrong on purpose: rules for calls (what to answer, where to break the connection) and for exports.

import type { Answer } from './answers.ts'
import { badGatewayPage, detail, nginxPage, serverErrorPage } from './answers.ts'
import type { ExportFate } from './export-queue.ts'
import type { ImportFate } from './restore/import-queue.ts'
import type { ImportRequest } from './restore/import-request.ts'
import type { ExportRecord } from './stats.ts'
import type { EntityKey } from './world-records.ts'

/** What a rule sees of a call. */
export interface SeenCall {
  readonly method: string
  /** `/api/projects/{id}/backup/download`; undefined for paths that the server does not know. */
  readonly route: string | undefined
  /** The path without base path and query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly authorization: string | undefined
}

export interface CallFilter {
  readonly method?: string
  /** The route as in the server's table, with `{id}`. */
  readonly route?: string
  readonly path?: RegExp
  readonly entity?: EntityKey
  readonly where?: (call: SeenCall) => boolean
}

export interface Timing {
  /** Only the matching call of this number, counted from 1, or these numbers. */
  readonly nth?: number | readonly number[]
  /** Only the first so many matching calls. */
  readonly times?: number
  /** Only from so long after the rule was added, in milliseconds of real time… */
  readonly afterMs?: number
  /** …and for so long. */
  readonly forMs?: number
}

/** What happens to the connection while the body is sent. `afterBytes` counts the body's bytes in this answer. */
export type BodyFault =
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** Nothing more is sent and the connection stays open. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** The connection ends in good order too early; `chunked` also hides that the length was not reached. */
  | { readonly kind: 'cut'; readonly afterBytes: number; readonly framing: 'content-length' | 'chunked' }
  | { readonly kind: 'drip'; readonly bytesPerSecond: number }

/**
 * The connection is reset once so many bytes of the request's body have come. Those bytes count, as they do where CVAT
 * reads the body itself; with `none`, as where a proxy takes in the whole request first, the offset stays as it was.
 */
export interface UploadFault {
  readonly kind: 'cut-upload'
  readonly afterBytes: number
  readonly counted?: 'received' | 'none'
}

export interface LostAnswer {
  readonly kind: 'drop' | 'silence'
  readonly when: 'before' | 'after'
}

export type CallFault =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'delay'; readonly ms: number }
  /** Something happens to the server just before the call is handled: a project is deleted, a file expires. */
  | { readonly kind: 'run'; readonly action: () => void }
  /** No answer at all: the connection is reset, or stays silent; `after` the call was carried out, or instead. */
  | LostAnswer
  /** The right answer, changed: hostile headers, a `next` that points elsewhere. */
  | {
      readonly kind: 'rewrite'
      readonly json?: (body: unknown) => unknown
      readonly headers?: Readonly<Record<string, string>>
    }
  | BodyFault
  | UploadFault

export interface CallRule extends CallFilter, Timing {
  readonly fault: CallFault
}

export interface ExportRule {
  readonly entity?: EntityKey
  readonly kind?: ExportRecord['kind']
  readonly nth?: number | readonly number[]
  readonly times?: number
  readonly fate: ExportFate
}

export interface ImportRule {
  readonly target?: 'project' | 'task' | 'job'
  readonly subresource?: ImportRequest['order']['subresource']
  readonly nth?: number | readonly number[]
  readonly times?: number
  readonly fate: ImportFate
}

export interface RuleHandle {
  /** How often the rule has acted. */
  readonly hits: number
  remove(): void
}

interface ActiveRule<Rule> {
  readonly rule: Rule
  readonly addedMs: number
  matches: number
  hits: number
}

export class Faults {
  readonly #calls = new Set<ActiveRule<CallRule>>()
  readonly #exports = new Set<ActiveRule<ExportRule>>()
  readonly #imports = new Set<ActiveRule<ImportRule>>()

  /** Rules act in the order they were added; several can act on one call. */
  add(rule: CallRule): RuleHandle {
    return register(this.#calls, rule)
  }

  addExport(rule: ExportRule): RuleHandle {
    return register(this.#exports, rule)
  }

  addImport(rule: ImportRule): RuleHandle {
    return register(this.#imports, rule)
  }

  clear(): void {
    this.#calls.clear()
    this.#exports.clear()
    this.#imports.clear()
  }

  /** The faults that this call meets. Counts the call for every rule that it matches. */
  meet(call: SeenCall): CallFault[] {
    const met: CallFault[] = []
    for (const active of this.#calls) {
      if (matchesCall(active.rule, call) && acts(active)) met.push(active.rule.fault)
    }
    return met
  }

  fateOf(record: ExportRecord): ExportFate | undefined {
    for (const active of this.#exports) {
      const { entity, kind } = active.rule
      if (entity && (entity.type !== record.entity.type || entity.id !== record.entity.id)) continue
      if (kind !== undefined && kind !== record.kind) continue
      if (acts(active)) return active.rule.fate
    }
    return undefined
  }

  fateOfImport({ order }: ImportRequest): ImportFate | undefined {
    for (const active of this.#imports) {
      const { target, subresource } = active.rule
      if (target !== undefined && target !== order.target) continue
      if (subresource !== undefined && subresource !== order.subresource) continue
      if (acts(active)) return active.rule.fate
    }
    return undefined
  }
}

/** The answers that a server in trouble gives. */
export const troubledAnswers = {
  serverError: serverErrorPage,
  badGateway: badGatewayPage,
  unavailable: (): Answer => nginxPage(503, '503 Service Temporarily Unavailable'),
  gatewayTimeout: (): Answer => nginxPage(504, '504 Gateway Time-out'),
  tooLarge: (): Answer => nginxPage(413, '413 Request Entity Too Large'),
  tooManyRequests: (retryAfterSeconds: number): Answer =>
    detail(429, `Request was throttled. Expected available in ${retryAfterSeconds} seconds.`, {
      'retry-after': String(retryAfterSeconds),
    }),
  invalidToken: (): Answer => detail(401, 'Invalid token.', { 'www-authenticate': 'Token' }),
  denied: (): Answer => detail(403, 'You do not have permission to perform this action.'),
  /** What a single sign-on in front of CVAT answers once its own session has ended: 200 and HTML. */
  loginPage: (): Answer => ({
    status: 200,
    contentType: 'text/html; charset=utf-8',
    body: Buffer.from('<!doctype html>\n<html><head><title>Sign in</title></head><body><form></form></body></html>\n'),
    headers: {},
    origin: 'nginx',
  }),
} as const

function register<Rule>(rules: Set<ActiveRule<Rule>>, rule: Rule): RuleHandle {
  const active: ActiveRule<Rule> = { rule, addedMs: performance.now(), matches: 0, hits: 0 }
  rules.add(active)
  return {
    get hits() {
      return active.hits
    },
    remove: () => {
      rules.delete(active)
    },
  }
}

function acts(active: ActiveRule<Timing>): boolean {
  const { nth, times, afterMs, forMs } = active.rule
  active.matches += 1
  const age = performance.now() - active.addedMs
  if (age < (afterMs ?? 0) || age > (afterMs ?? 0) + (forMs ?? Number.POSITIVE_INFINITY)) return false
  if (nth !== undefined && ![nth].flat().includes(active.matches)) return false
  if (times !== undefined && active.hits >= times) return false
  active.hits += 1
  return true
}

function matchesCall(rule: CallFilter, call: SeenCall): boolean {
  if (rule.method !== undefined && rule.method !== call.method) return false
  if (rule.route !== undefined && rule.route !== call.route) return false
  if (rule.path && !rule.path.test(call.path)) return false
  if (rule.entity && !concerns(rule.entity, call)) return false
  return rule.where?.(call) ?? true
}

/** Whether the path or the request id in it names the project or task. */
function concerns(entity: EntityKey, call: SeenCall): boolean {
  const path = `${decodeURIComponent(call.path)}/`
  return (
    path.includes(`/api/${entity.type}s/${entity.id}/`) ||
    path.includes(`target=${entity.type}&target_id=${entity.id}&`)
  )
}
