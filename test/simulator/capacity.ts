// How fast, how big and how old the simulated server is. All of it can be changed while it runs.

import type { ImportRequest } from './restore/import-request.ts'
import type { ExportRecord } from './stats.ts'

export interface Capacity {
  /** Exports that run at the same time; 0 lets everything wait in the queue. */
  exportWorkers: number
  /** How long one export takes, in milliseconds of real time. */
  exportMs: number | ((record: ExportRecord) => number)
  /** Imports that run at the same time: restores, and imports of annotations and datasets. */
  importWorkers: number
  /** How long one import takes besides reading its file, in milliseconds of real time. */
  importMs: number | ((request: ImportRequest) => number)
  /** CVAT_ALLOW_STATIC_CACHE of the import workers: `yes` refuses some archives that CVAT itself made. */
  allowStaticCache: boolean
  /** What nginx lets through as one request's body (`client_max_body_size 1G`). */
  maxRequestBytes: number
  /** `Tus-Max-Size`: the largest upload. */
  maxUploadBytes: number
  /** How long an upload that nobody finishes is kept, on the server's clock: CVAT's own delay for its clean-up. */
  uploadTtlMs: number
  /** Shared by all downloads; unlimited when undefined. */
  bandwidthBytesPerSecond: number | undefined
  /** Shared by all uploads; unlimited when undefined. */
  uploadBandwidthBytesPerSecond: number | undefined
  /** What hashing a password costs, per Basic call and login; two at a time, as on two cores. */
  basicCostMs: number
  /** Calls without login that one address may make in a minute. */
  anonymousPerMinute: number
  /** False stands for CVAT without nginx in front: no ranges, no ETag. */
  rangesSupported: boolean
  /** How long an exported file stays in the cache after its last export, on the server's clock. */
  fileTtlMs: number
  /** After a killed worker: when a call of the list, and when a poll by id, notices (on the server's clock). */
  abandonedAfterMs: { list: number; byId: number }
  /** `2.15` stands for CVAT before the requests API; not measured, only the routes that a client tells it by. */
  generation: 'current' | '2.15'
}

const dayMs = 24 * 60 * 60 * 1000

export function completeCapacity(given: Partial<Capacity> = {}): Capacity {
  return {
    exportWorkers: 2,
    exportMs: 5,
    importWorkers: 2,
    importMs: 5,
    allowStaticCache: false,
    maxRequestBytes: 2 ** 30,
    maxUploadBytes: 26_843_545_600,
    uploadTtlMs: dayMs / 2,
    bandwidthBytesPerSecond: undefined,
    uploadBandwidthBytesPerSecond: undefined,
    basicCostMs: 1,
    anonymousPerMinute: 100,
    rangesSupported: true,
    fileTtlMs: dayMs,
    abandonedAfterMs: { list: 90_000, byId: 667_000 },
    generation: 'current',
    ...given,
  }
}
