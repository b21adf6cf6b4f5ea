// Which archives a drill takes: of those that a restore would take, the longest undrilled first.

import type { EntityRef } from '#shared/model/entity.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { withoutDrillProblem } from '#shared/store/judge-drill.ts'
import type { Store } from '#shared/store/open-store.ts'
import { isGood } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'

/** One project or task, by what decides about its turn; its record is read again when that has come. */
export interface DrillCandidate {
  readonly entity: EntityRef
  /** When any of its archives was last drilled, in milliseconds since 1970; 0: never. */
  readonly drilledAtMs: number
  /** Of the archive that is to be drilled, ISO 8601. */
  readonly createdAt: string
}

type ReadStore = Pick<Store, 'listEntities' | 'listRecords' | 'readDrillReports'>

/** So many reports are asked when something was last drilled, for archives that have gone since. */
const REPORTS = 500

/**
 * Turns go round among projects and tasks, not archives: a project that is backed up every night has a new, undrilled archive
 * every night, and would come first for ever. Whatever was never drilled comes before all; the rest by how long ago it
 * was; among equals the older archive first. Pure.
 */
export function orderDrills(candidates: readonly DrillCandidate[]): DrillCandidate[] {
  return candidates.toSorted(
    (a, b) =>
      a.drilledAtMs - b.drilledAtMs ||
      Date.parse(a.createdAt) - Date.parse(b.createdAt) ||
      a.entity.type.localeCompare(b.entity.type) ||
      a.entity.id - b.entity.id,
  )
}

/** The next so many of one server. One entity's records are in memory at a time, and the best candidates. */
export async function chooseDrills(
  store: ReadStore,
  serverUrl: string,
  count: number,
  signal: AbortSignal,
): Promise<EntityRef[]> {
  const reported = await readLastDrills(store, serverUrl)
  let best: DrillCandidate[] = []
  for await (const entity of store.listEntities()) {
    signal.throwIfAborted()
    const { archives } = await store.listRecords(entity)
    const archive = findDrillable(archives, serverUrl)
    if (!archive) continue
    const own = archives.map(({ record }) => Date.parse(record.verification.drill?.at ?? '') || 0)
    const drilledAtMs = Math.max(0, reported.get(formatEntity(entity)) ?? 0, ...own)
    best.push({ entity, drilledAtMs, createdAt: archive.record.createdAt })
    if (best.length >= 2 * count + 1000) best = orderDrills(best).slice(0, count)
  }
  return orderDrills(best)
    .slice(0, count)
    .map(({ entity }) => entity)
}

/** The newest good backup: what a restore takes. What only an earlier drill holds against it keeps it from no further one. */
export function findDrillable(archives: readonly StoredArchive[], serverUrl: string): StoredArchive | undefined {
  return archives.find((archive) => {
    const { record } = withoutDrillProblem(archive)
    return record.server.url === serverUrl && record.series.content.kind === 'backup' && isGood(record)
  })
}

async function readLastDrills(store: ReadStore, serverUrl: string): Promise<Map<string, number>> {
  const last = new Map<string, number>()
  for await (const { source, archives } of store.readDrillReports(REPORTS)) {
    if (source !== serverUrl) continue
    for (const { entity, at, result } of archives) {
      if (result !== 'failed') last.set(entity, Math.max(Date.parse(at), last.get(entity) ?? 0))
    }
  }
  return last
}
