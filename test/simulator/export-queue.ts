// CVAT's export requests: queued, picked up by a few workers, finished or failed, and kept for a day.

import type { ArchiveCache, ArchiveFile } from './archive-cache.ts'
import type { Capacity } from './capacity.ts'
import { formatMicros } from './server-clock.ts'
import type { ExportRecord, Stats } from './stats.ts'
import type { World } from './world.ts'
import type { EntityKey, User } from './world-records.ts'

export interface ExportOrder {
  readonly entity: EntityKey
  readonly kind: 'backup' | 'dataset' | 'annotations'
  readonly format: string | null
  /** What the client asked to call the file. */
  readonly fileName: string | null
  /** The address that the order came to: `result_url` is built from it. */
  readonly base: string
}

export interface ExportRequest {
  readonly id: string
  readonly order: ExportOrder
  readonly owner: User
  readonly projectId: number | null
  readonly createdDate: string
  status: 'queued' | 'started' | 'finished' | 'failed'
  message: string
  startedDate: string | null
  finishedDate: string | null
  expiryDate: string | null
  file: ArchiveFile | null
  /** When its worker was killed; null while nothing is wrong. */
  killedMs: number | null
  /** What an earlier failure of the same id left behind. */
  readonly leftover: string
  readonly record: ExportRecord
}

/** How an export should end, other than well: decided when a worker picks it up. */
export type ExportFate =
  | { readonly kind: 'fail'; readonly message: string }
  /** The process that does the work is killed: failed at once. */
  | { readonly kind: 'kill-horse' }
  /** The whole worker is killed: the request stays `started` until somebody notices. */
  | { readonly kind: 'kill-worker' }
  /** It runs until {@link ExportQueue.finish} is called. */
  | { readonly kind: 'hold' }

export const horseMessage = 'Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); '

export class ExportQueue {
  readonly cache: ArchiveCache
  /** Asked for every export that starts; set by the faults. */
  fateOf: (record: ExportRecord) => ExportFate | undefined = () => undefined
  readonly #world: World
  readonly #capacity: Capacity
  readonly #stats: Stats
  readonly #requests = new Map<string, ExportRequest>()
  readonly #waiting: ExportRequest[] = []
  readonly #timers = new Map<ExportRequest, NodeJS.Timeout | null>()
  #isPaused = false
  #idleListeners: (() => void)[] = []

  constructor(server: { world: World; capacity: Capacity; stats: Stats; cache: ArchiveCache }) {
    this.cache = server.cache
    this.#world = server.world
    this.#capacity = server.capacity
    this.#stats = server.stats
  }

  /** Takes the order, or tells of the one for the same object, user and kind that is still queued or started. */
  post(order: ExportOrder, owner: User): { isAccepted: boolean; id: string } {
    const id = requestId(order, owner)
    const known = this.#requests.get(id)
    if (known && (known.status === 'queued' || known.status === 'started')) return { isAccepted: false, id }
    const task = order.entity.type === 'task' ? this.#world.task(order.entity.id) : null
    const request: ExportRequest = {
      id,
      order,
      owner,
      projectId: task ? task.projectId : order.entity.id,
      createdDate: this.#world.clock.tick(),
      status: 'queued',
      message: '',
      startedDate: null,
      finishedDate: null,
      expiryDate: null,
      file: null,
      killedMs: null,
      leftover: known?.status === 'failed' ? known.message : '',
      record: {
        requestId: id,
        entity: order.entity,
        kind: order.kind,
        format: order.format,
        userId: owner.id,
        postedMs: this.#world.clock.nowMs(),
        startedMs: null,
        endedMs: null,
        outcome: 'waiting',
        isCached: false,
      },
    }
    this.#requests.delete(id)
    this.#requests.set(id, request)
    this.#waiting.push(request)
    this.#stats.exportPosted(request.record)
    this.#startWaiting()
    return { isAccepted: true, id }
  }

  /** One request as a poll by id sees it; undefined when it is unknown, cancelled, forgotten or expired. */
  find(id: string): ExportRequest | undefined {
    const request = this.#requests.get(id)
    if (!request) return undefined
    this.#noticeAbandoned(request, this.#capacity.abandonedAfterMs.byId)
    return this.#isKept(request) ? request : undefined
  }

  /** The user's requests, oldest first. Calling it is what makes CVAT notice killed workers early, whatever is filtered. */
  list(user: User): ExportRequest[] {
    const found: ExportRequest[] = []
    for (const request of this.#requests.values()) {
      this.#noticeAbandoned(request, this.#capacity.abandonedAfterMs.list)
      if (request.owner === user && this.#isKept(request)) found.push(request)
    }
    return found
  }

  /** False when it is too late: only what has not started can be cancelled. */
  cancel(request: ExportRequest): boolean {
    if (request.status !== 'queued') return false
    this.#waiting.splice(this.#waiting.indexOf(request), 1)
    this.#requests.delete(request.id)
    this.#end(request, 'cancelled')
    return true
  }

  /** No worker picks anything up until {@link resume}. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#startWaiting()
  }

  /** Ends a started export right now: what a `hold` waits for. */
  finish(id: string): void {
    const request = this.#requests.get(id)
    if (request?.status === 'started') this.#complete(request)
  }

  /** Kills the process at work: the request fails at once. */
  killHorse(id: string): void {
    const request = this.#requests.get(id)
    if (request?.status === 'started') this.#fail(request, horseMessage)
  }

  /** Kills the worker itself: another takes its place, the request stays `started`. */
  killWorker(id: string): void {
    const request = this.#requests.get(id)
    if (request?.status !== 'started') return
    request.killedMs = this.#world.clock.nowMs()
    this.#leaveWorker(request)
  }

  /** CVAT's own Redis comes back empty: every request is unknown. The files stay. */
  forgetAll(): void {
    for (const request of this.#requests.values()) {
      if (request.status === 'queued' || request.status === 'started') this.#end(request, 'forgotten')
    }
    this.#waiting.length = 0
    this.#requests.clear()
    for (const timer of this.#timers.values()) clearTimeout(timer ?? undefined)
    this.#timers.clear()
    this.#tellIdle()
  }

  /** Resolves once nothing is queued or at work. */
  async whenIdle(): Promise<void> {
    while (this.#waiting.length + this.#timers.size > 0) {
      await new Promise<void>((resolve) => this.#idleListeners.push(resolve))
    }
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer ?? undefined)
    this.#timers.clear()
    this.#waiting.length = 0
    this.#tellIdle()
  }

  #startWaiting(): void {
    while (!this.#isPaused && this.#timers.size < this.#capacity.exportWorkers) {
      const request = this.#waiting.shift()
      if (!request) return
      this.#start(request)
    }
  }

  /** What the archive will hold is settled here, when the worker begins, not when the order came. */
  #start(request: ExportRequest): void {
    request.status = 'started'
    request.startedDate = this.#world.clock.tick()
    this.#stats.exportStarted(request.record, this.#world.clock.nowMs())
    const { exportMs } = this.#capacity
    const duration = typeof exportMs === 'number' ? exportMs : exportMs(request.record)
    const fate = this.fateOf(request.record) ?? this.#open(request)
    if (fate?.kind === 'hold') {
      if (!request.file) this.#open(request)
      this.#timers.set(request, null)
      return
    }
    this.#timers.set(
      request,
      setTimeout(() => {
        if (!fate) this.#complete(request)
        else if (fate.kind === 'fail') this.#fail(request, fate.message)
        else if (fate.kind === 'kill-horse') this.killHorse(request.id)
        else this.killWorker(request.id)
      }, duration),
    )
  }

  /** Makes or finds the file; a fate when CVAT's own worker would fail. */
  #open(request: ExportRequest): ExportFate | undefined {
    const { entity, kind, format } = request.order
    const isGone = entity.type === 'project' ? !this.#world.projects.has(entity.id) : !this.#world.tasks.has(entity.id)
    if (isGone) {
      const words = `[ErrorDetail(string='Such a ${entity.type} does not exist', code='invalid')]`
      return { kind: 'fail', message: `rest_framework.exceptions.ValidationError: ${words}\n` }
    }
    if (entity.type === 'task' && !this.#world.task(entity.id).data) {
      return {
        kind: 'fail',
        message: "AttributeError: 'NoneType' object has no attribute 'validation_mode'\n",
      }
    }
    const { file, isCached } = this.cache.open(entity, kind, format, this.#capacity.fileTtlMs)
    request.file = file
    request.record.isCached = isCached
    return undefined
  }

  #complete(request: ExportRequest): void {
    if (!request.file) {
      this.#fail(request, request.leftover)
      return
    }
    this.cache.touch(request.file, this.#capacity.fileTtlMs)
    request.status = 'finished'
    this.#setEnd(request)
    this.#end(request, 'finished')
    this.#leaveWorker(request)
  }

  #fail(request: ExportRequest, message: string): void {
    request.status = 'failed'
    request.message = message
    request.file = null
    this.#setEnd(request)
    this.#end(request, 'failed')
    this.#leaveWorker(request)
  }

  #noticeAbandoned(request: ExportRequest, afterMs: number): void {
    if (request.status !== 'started' || request.killedMs === null) return
    if (this.#world.clock.nowMs() < request.killedMs + afterMs) return
    request.status = 'failed'
    const when = this.#world.clock.tick().slice(0, -1).replace('T', ' ')
    request.message = request.leftover || `Moved to FailedJobRegistry, due to AbandonedJobError, at ${when}`
    this.#end(request, 'abandoned')
  }

  #setEnd(request: ExportRequest): void {
    request.finishedDate = this.#world.clock.tick()
    request.expiryDate = formatMicros((Date.parse(request.finishedDate) + this.#capacity.fileTtlMs) * 1000)
  }

  #isKept(request: ExportRequest): boolean {
    if (request.expiryDate === null || Date.parse(request.expiryDate) > this.#world.clock.nowMs()) return true
    this.#requests.delete(request.id)
    return false
  }

  #end(request: ExportRequest, outcome: ExportRecord['outcome']): void {
    this.#stats.exportEnded(request.record, outcome, this.#world.clock.nowMs())
  }

  #leaveWorker(request: ExportRequest): void {
    clearTimeout(this.#timers.get(request) ?? undefined)
    this.#timers.delete(request)
    this.#startWaiting()
    if (this.#waiting.length + this.#timers.size === 0) this.#tellIdle()
  }

  #tellIdle(): void {
    const listeners = this.#idleListeners
    this.#idleListeners = []
    for (const listener of listeners) listener()
  }
}

/** Not unique per export: made of the object, the user and what is asked for. */
export function requestId(order: Pick<ExportOrder, 'entity' | 'kind' | 'format'>, owner: User): string {
  const { entity, kind, format } = order
  const parts = ['action=export', `target=${entity.type}`, `target_id=${entity.id}`, `user_id=${owner.id}`]
  if (format !== null) parts.push(`format=${format.replaceAll(' ', '_').replaceAll('.', '~')}`)
  return [...parts, `subresource=${kind}`].join('&')
}
