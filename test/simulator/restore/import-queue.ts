// CVAT's import requests: as exports, but each restore has an id of its own, and what they leave is in the world.

import type { Capacity } from '../capacity.ts'
import type { ExportFate } from '../export-queue.ts'
import { horseMessage } from '../export-queue.ts'
import { formatMicros } from '../server-clock.ts'
import type { World } from '../world.ts'
import type { User } from '../world-records.ts'
import { ImportError } from './import-error.ts'
import { type ImportOrder, type ImportRequest, importId, keptMs } from './import-request.ts'

/** How an import should end, other than well. */
export type ImportFate = ExportFate

export class ImportQueue {
  /** Asked for every import that starts; set by the faults. */
  fateOf: (request: ImportRequest) => ImportFate | undefined = () => undefined
  readonly #world: World
  readonly #capacity: Capacity
  readonly #requests = new Map<string, ImportRequest>()
  readonly #waiting: ImportRequest[] = []
  readonly #running = new Set<ImportRequest>()
  readonly #reading = new WeakSet<ImportRequest>()
  readonly #timers = new Map<ImportRequest, NodeJS.Timeout>()
  #idleListeners: (() => void)[] = []
  #isPaused = false
  #isClosed = false

  constructor(server: { world: World; capacity: Capacity }) {
    this.#world = server.world
    this.#capacity = server.capacity
  }

  /** Takes the order, or tells of the one into the same task, job or project that is still queued or started. */
  post(order: ImportOrder, owner: User): { isAccepted: boolean; id: string } {
    const id = importId(order)
    const known = this.#requests.get(id)
    if (known && (known.status === 'queued' || known.status === 'started')) return { isAccepted: false, id }
    const request: ImportRequest = {
      id,
      order,
      owner,
      createdDate: this.#world.clock.tick(),
      status: 'queued',
      message: '',
      startedDate: null,
      finishedDate: null,
      expiryDate: null,
      resultId: null,
      killedMs: null,
    }
    this.#requests.delete(id)
    this.#requests.set(id, request)
    this.#waiting.push(request)
    this.#startWaiting()
    return { isAccepted: true, id }
  }

  find(id: string): ImportRequest | undefined {
    const request = this.#requests.get(id)
    if (!request) return undefined
    this.#noticeAbandoned(request, this.#capacity.abandonedAfterMs.byId)
    return this.#isKept(request) ? request : undefined
  }

  /** The user's requests, oldest first. */
  list(user: User): ImportRequest[] {
    const found: ImportRequest[] = []
    for (const request of this.#requests.values()) {
      this.#noticeAbandoned(request, this.#capacity.abandonedAfterMs.list)
      if (request.owner === user && this.#isKept(request)) found.push(request)
    }
    return found
  }

  /** Every request ever accepted and still known, of all users: what tests of exactly-once look at. */
  get requests(): ImportRequest[] {
    return [...this.#requests.values()]
  }

  cancel(request: ImportRequest): boolean {
    if (request.status !== 'queued') return false
    this.#waiting.splice(this.#waiting.indexOf(request), 1)
    this.#requests.delete(request.id)
    request.order.cleanUp(false)
    this.#tellIdle()
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

  /** Ends a started import right now: what a `hold` waits for. */
  finish(id: string): void {
    const request = this.#requests.get(id)
    if (request?.status === 'started') void this.#work(request)
  }

  killHorse(id: string): void {
    const request = this.#requests.get(id)
    if (request?.status === 'started') this.#end(request, 'failed', horseMessage)
  }

  /** The request stays `started` until somebody notices. Imports are one transaction: nothing of it is in the world. */
  killWorker(id: string): void {
    const request = this.#requests.get(id)
    if (request?.status !== 'started') return
    request.killedMs = this.#world.clock.nowMs()
    this.#leaveWorker(request)
  }

  /** CVAT's own Redis comes back empty. */
  forgetAll(): void {
    this.#waiting.length = 0
    this.#requests.clear()
    for (const request of [...this.#running]) this.#leaveWorker(request)
    this.#tellIdle()
  }

  /** Resolves once nothing is queued or at work. */
  async whenIdle(): Promise<void> {
    while (this.#waiting.length + this.#running.size > 0) {
      await new Promise<void>((resolve) => this.#idleListeners.push(resolve))
    }
  }

  close(): void {
    this.#isClosed = true
    this.#waiting.length = 0
    for (const request of [...this.#running]) this.#leaveWorker(request)
    this.#tellIdle()
  }

  #startWaiting(): void {
    while (!this.#isPaused && !this.#isClosed && this.#running.size < this.#capacity.importWorkers) {
      const request = this.#waiting.shift()
      if (!request) return
      this.#start(request)
    }
  }

  #start(request: ImportRequest): void {
    request.status = 'started'
    request.startedDate = this.#world.clock.tick()
    this.#running.add(request)
    const fate = this.fateOf(request)
    if (fate?.kind === 'hold') return
    const { importMs } = this.#capacity
    this.#timers.set(
      request,
      setTimeout(
        () => {
          if (!fate) void this.#work(request)
          else if (fate.kind === 'fail') this.#end(request, 'failed', fate.message)
          else if (fate.kind === 'kill-horse') this.killHorse(request.id)
          else this.killWorker(request.id)
        },
        typeof importMs === 'number' ? importMs : importMs(request),
      ),
    )
  }

  async #work(request: ImportRequest): Promise<void> {
    if (this.#reading.has(request)) return
    this.#reading.add(request)
    try {
      const commit = await request.order.prepare()
      // Killed, forgotten or closed while it read: nothing is made.
      if (!this.#running.has(request)) return
      request.resultId = commit()
      this.#end(request, 'finished', '')
    } catch (error) {
      if (!this.#running.has(request)) return
      const message = error instanceof ImportError ? error.message : `Exception: ${String(error)}\n`
      this.#end(request, 'failed', message)
    }
  }

  #end(request: ImportRequest, status: 'finished' | 'failed', message: string): void {
    request.status = status
    request.message = message
    request.finishedDate = this.#world.clock.tick()
    request.expiryDate = formatMicros((Date.parse(request.finishedDate) + keptMs[status]) * 1000)
    request.order.cleanUp(status === 'finished')
    this.#leaveWorker(request)
  }

  #noticeAbandoned(request: ImportRequest, afterMs: number): void {
    if (request.status !== 'started' || request.killedMs === null) return
    if (this.#world.clock.nowMs() < request.killedMs + afterMs) return
    request.status = 'failed'
    const when = this.#world.clock.tick().slice(0, -1).replace('T', ' ')
    request.message = `Moved to FailedJobRegistry, due to AbandonedJobError, at ${when}`
  }

  #isKept(request: ImportRequest): boolean {
    if (request.expiryDate === null || Date.parse(request.expiryDate) > this.#world.clock.nowMs()) return true
    this.#requests.delete(request.id)
    return false
  }

  #leaveWorker(request: ImportRequest): void {
    clearTimeout(this.#timers.get(request))
    this.#timers.delete(request)
    this.#running.delete(request)
    this.#startWaiting()
    this.#tellIdle()
  }

  #tellIdle(): void {
    if (this.#waiting.length + this.#running.size > 0) return
    const listeners = this.#idleListeners
    this.#idleListeners = []
    for (const listener of listeners) listener()
  }
}
