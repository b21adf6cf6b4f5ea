// What the simulated server was asked to do: the numbers that tests of politeness and of exactly-once work look at.

import type { EntityKey } from './world-records.ts'

export interface ExportRecord {
  readonly requestId: string
  readonly entity: EntityKey
  readonly kind: 'backup' | 'dataset' | 'annotations'
  readonly format: string | null
  readonly userId: number
  readonly postedMs: number
  startedMs: number | null
  endedMs: number | null
  outcome: 'waiting' | 'running' | 'finished' | 'failed' | 'cancelled' | 'abandoned' | 'forgotten'
  /** Whether the file was CVAT's cached one, made by an earlier export. */
  isCached: boolean
}

export class Stats {
  /** Answers by route (`GET /api/projects/{id}`) and status. */
  readonly requests = new Map<string, Map<number, number>>()
  /** Every accepted export (202), in order. */
  readonly exports: ExportRecord[] = []
  /** Passwords hashed: every Basic call and every login. */
  passwordHashes = 0
  bytesSent = 0
  /** What handlers threw: answered with 500, and a fault of the simulator unless a test provoked it. */
  readonly errors: unknown[] = []
  /** Downloads that are sending right now, and the most there ever were at once. */
  readonly downloads = { current: 0, max: 0 }
  /** Exports queued or started at the same time. */
  readonly outstanding = { current: 0, max: 0 }
  readonly outstandingByUser = new Map<number, { current: number; max: number }>()
  readonly running = { current: 0, max: 0 }

  countAnswer(route: string, status: number): void {
    const byStatus = this.requests.get(route) ?? new Map<number, number>()
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1)
    this.requests.set(route, byStatus)
  }

  /** Answers of a route (all routes when left out), of one status or of any. */
  requestCount(route?: string, status?: number): number {
    let count = 0
    for (const [name, byStatus] of this.requests) {
      if (route !== undefined && name !== route) continue
      for (const [code, times] of byStatus) if (status === undefined || code === status) count += times
    }
    return count
  }

  /** Accepted exports of one project or task, of one kind or of any. */
  exportCount(entity: EntityKey, kind?: ExportRecord['kind']): number {
    return this.exports.filter(
      (record) =>
        record.entity.type === entity.type &&
        record.entity.id === entity.id &&
        (kind === undefined || record.kind === kind),
    ).length
  }

  exportPosted(record: ExportRecord): void {
    this.exports.push(record)
    raise(this.outstanding)
    const ofUser = this.outstandingByUser.get(record.userId) ?? { current: 0, max: 0 }
    raise(ofUser)
    this.outstandingByUser.set(record.userId, ofUser)
  }

  exportStarted(record: ExportRecord, nowMs: number): void {
    record.outcome = 'running'
    record.startedMs = nowMs
    raise(this.running)
  }

  /** Counts an export out once, however it ended. */
  exportEnded(record: ExportRecord, outcome: ExportRecord['outcome'], nowMs: number): void {
    if (record.endedMs !== null) return
    if (record.startedMs !== null) this.running.current -= 1
    record.outcome = outcome
    record.endedMs = nowMs
    this.outstanding.current -= 1
    const ofUser = this.outstandingByUser.get(record.userId)
    if (ofUser) ofUser.current -= 1
  }
}

export function raise(gauge: { current: number; max: number }): void {
  gauge.current += 1
  gauge.max = Math.max(gauge.max, gauge.current)
}
