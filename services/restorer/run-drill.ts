// A whole drill: cleans up after interrupted ones, then takes one archive after another. The same for a job and a command.

import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { DrillReport, DrillRow } from '#shared/store/drill-report.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { findDrillable } from './choose-drills.ts'
import { cleanDrills, type Leftover, SILENT_MS } from './clean-drills.ts'
import { drillArchive } from './drill-archive.ts'
import type { RestoreContext, RestoreDeps } from './restore-work.ts'

export interface DrillRequest {
  readonly drillId: string
  /** Whose archives; normalised. */
  readonly source: string
  readonly targetVersion: string
  readonly entities: readonly EntityRef[]
}

export interface DrillEvents {
  onBegin?(archive: StoredArchive): void
  onRow?(row: DrillRow): void
  onLeftover?(leftover: Leftover): void
}

/**
 * May be killed anywhere; run again with the same id it goes on with what it has not drilled. One archive after another: a
 * drill is in no hurry, and people work on the server.
 *
 * @throws BackupError what would meet every archive; what was drilled before it is in the report
 */
export async function runDrill(
  { drillId, source, targetVersion, entities }: DrillRequest,
  context: RestoreContext,
  deps: RestoreDeps,
  events: DrillEvents = {},
): Promise<DrillReport> {
  const now = () => deps.now().toISOString()
  const earlier = await deps.store.readDrillReport(drillId)
  let report: DrillReport = {
    formatVersion: 1,
    type: 'drill',
    drillId,
    source,
    target: deps.target.url,
    targetVersion,
    startedAt: earlier?.startedAt ?? now(),
    holder: { host: hostname(), pid: process.pid },
    aliveAt: now(),
    // What could not be tried is tried again.
    archives: (earlier?.archives ?? []).filter(({ result }) => result !== 'failed'),
    leftovers: earlier?.leftovers ?? [],
  }
  let writing: Promise<unknown> = Promise.resolve()
  const save = (change: Partial<DrillReport> = {}) => {
    report = { ...report, ...change, aliveAt: now() }
    const value = report
    const written = writing.then(() => deps.store.writeDrillReport(value))
    writing = written.catch(() => undefined)
    return written
  }
  await save()
  const heart = setInterval(() => void save().catch(() => undefined), SILENT_MS / 3)
  try {
    const leftovers = await cleanDrills(drillId, context, deps)
    for (const leftover of leftovers) events.onLeftover?.(leftover)
    // What an earlier attempt could not remove is found again, or gone.
    await save({ leftovers: [...report.leftovers.filter(({ isLeft }) => !isLeft), ...leftovers] })
    for (const entity of entities) {
      context.signal.throwIfAborted()
      if (report.archives.some((row) => row.entity === formatEntity(entity))) continue
      const { archives } = await deps.store.listRecords(entity)
      const archive = findDrillable(archives, source)
      if (archive) events.onBegin?.(archive)
      const row = archive
        ? await drillArchive(archive, { drillId, targetVersion }, context, deps)
        : describeNothing(entity, archives[0], now())
      await save({ archives: [...report.archives, row] })
      events.onRow?.(row)
    }
    await deps.store.closeDrill(drillId)
    await save({ endedAt: now() })
    return report
  } finally {
    clearInterval(heart)
    await writing
  }
}

export function makeDrillId(now: Date): string {
  const time = now.toISOString().replaceAll(/[-:]/g, '').replace(/\.\d+/, '')
  return `${time}-drill-${randomBytes(4).toString('hex')}`
}

/** Everything that was to be drilled restores, and nothing of the drill, or of one before it, is left on the target. */
export function isDrillGood({ archives, leftovers }: Pick<DrillReport, 'archives' | 'leftovers'>): boolean {
  const isAllRestored = archives.every(({ result, left }) => result === 'restored' && left === undefined)
  return isAllRestored && leftovers.every(({ isLeft }) => !isLeft)
}

/** The alarm at the end of a scheduled drill. */
export function assertDrilled(report: DrillReport): void {
  if (isDrillGood(report)) return
  const bad = report.archives.filter(({ result, left }) => result !== 'restored' || left !== undefined)
  const named = bad.slice(0, 10).map(({ entity, name, reason, differences, left }) => {
    const why = reason ?? (differences[0] ? `${differences[0].where} ${differences[0].what}` : left)
    return `${entity} "${name}": ${why}`
  })
  for (const { what, isLeft } of report.leftovers) if (isLeft) named.push(what)
  const more = bad.length > 10 ? `; and ${bad.length - 10} more` : ''
  const isTried = bad.every(({ result }) => result !== 'failed')
  throw new BackupError(
    `${bad.length} of ${report.archives.length} archives were not restored as they should: ${named.join('; ')}${more}`,
    {
      code: 'drill-failed',
      retryable: !isTried,
      hint: `Those that differ or were refused do not count as good any more, and the next run backs up anew. The whole report is .cvat-backups/drills/${report.drillId}.json.`,
    },
  )
}

function describeNothing(entity: EntityRef, newest: StoredArchive | undefined, at: string): DrillRow {
  const name = formatEntity(entity)
  return {
    entity: name,
    name: newest?.record.observation.name ?? '',
    archive: null,
    sizeBytes: 0,
    result: 'failed',
    at,
    seconds: 0,
    differences: [],
    notes: [],
    code: 'no-archive',
    reason: newest ? 'none of its archives is good' : 'there is no archive of it',
    hint: `cvat-backups show ${name} lists its archives.`,
  }
}
