// Every project and task with its state, from the protection table, the filters' table and the backup directory together.

import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { ExcludedTable } from '#shared/protection/excluded-table.ts'
import { dueTimeOf, findDueTimes } from '#shared/protection/find-due-time.ts'
import { findNextTimes, nextTimeOf } from '#shared/protection/find-next-time.ts'
import type { ProtectionReason } from '#shared/protection/protection-reason.ts'
import type { ProtectionAccount, ProtectionRow, ProtectionTable } from '#shared/protection/protection-table.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'
import { normaliseServerUrl } from '#shared/store/server-url.ts'
import { type EntityState, judgeEntity, needingStates } from './judge-entity.ts'
import { compareNames } from './select-rows.ts'
import type { Reading, StoredEntities, StoredEntity } from './stored-entities.ts'

export interface OverviewRow {
  /** `project-6`. */
  readonly key: string
  readonly entity: EntityRef
  readonly serverUrl: string
  readonly name: string
  /** Slug; null: personal. */
  readonly organization: string | null
  /** Of the entity in CVAT's own pages; undefined where only the directory knows it. */
  readonly link: string | undefined
  readonly state: EntityState
  readonly reasons: readonly ProtectionReason[]
  /** When it was last known to be as its archive shows it, milliseconds since 1970. */
  readonly protectedAtMs: number | undefined
  /** Of when its newest verified archive is. */
  readonly archivedAtMs: number | undefined
  readonly level: string | undefined
  /** Of the newest verified archive. */
  readonly sizeBytes: number | undefined
  readonly archives: number
  readonly storedBytes: number
  readonly nextRunAtMs: number | undefined
  /** Of what runs look after: `project-6.backup`. */
  readonly seriesKeys: readonly string[]
  /** In which a backup on demand is made. */
  readonly mode: Mode
}

export interface Headline {
  readonly counts: Readonly<Record<EntityState, number>>
  /** Protected ones and those that need somebody: what runs look after. */
  readonly watched: number
  readonly needing: number
  /** Among those that runs look after and that were ever protected: since when the one that waits longest was last. */
  readonly oldestProtectedAtMs: number | undefined
  readonly archives: number
  readonly storedBytes: number
  /** When the newest whole listing began; undefined: nothing is known of the server. */
  readonly listedAtMs: number | undefined
}

export interface Snapshot {
  /** By name. */
  readonly rows: readonly OverviewRow[]
  readonly headline: Headline
  readonly organizations: readonly string[]
  readonly account: ProtectionAccount
  readonly reading: Reading
  /** Milliseconds since 1970. */
  readonly takenAtMs: number
}

export interface OverviewDeps {
  readonly protection: Pick<ProtectionTable, 'rows' | 'readAccount'>
  readonly excluded: Pick<ExcludedTable, 'rows'>
  readonly stored: StoredEntities
  /** CVAT_BACKUP_LATE_AFTER_HOURS. */
  readonly lateAfterMs: number | undefined
  readonly now: () => number
  /** How old a picture may be before another is taken, and before somebody waits for it. */
  readonly freshMs?: number
  readonly staleMs?: number
}

export interface Overview {
  /** A picture at most some seconds old; the same one for all who ask meanwhile. */
  look(): Promise<Snapshot>
  /** The next look takes a new picture. */
  forget(): void
}

const FRESH_MS = 3_000
const STALE_MS = 30_000
/** Of thousands a picture takes a second or more of CPU: at most a fifth of the time is spent on them. */
const REST_FACTOR = 4

export function openOverview(deps: OverviewDeps): Overview {
  const { now, stored, freshMs = FRESH_MS, staleMs = STALE_MS } = deps
  let last: Snapshot | undefined
  let underWay: Promise<Snapshot> | undefined
  let restMs = 0
  const take = (): Promise<Snapshot> => {
    const beganAtMs = now()
    underWay ??= takeSnapshot(deps).then(
      (snapshot) => {
        underWay = undefined
        last = snapshot
        restMs = Math.min(staleMs / 2, REST_FACTOR * (now() - beganAtMs))
        return snapshot
      },
      (error) => {
        underWay = undefined
        throw error
      },
    )
    return underWay
  }
  return {
    async look() {
      // Once the directory was read whole, nobody wants to see the picture of before.
      const isOutdated = last?.reading.completedAtMs !== stored.reading().completedAtMs
      const ageMs = last && !isOutdated ? now() - last.takenAtMs : Number.POSITIVE_INFINITY
      if (last && ageMs < Math.max(freshMs, restMs)) return last
      const taken = take()
      if (!last || ageMs >= staleMs) return taken
      // Whoever types into a search field is not kept waiting for it; a fault is told to who has to wait.
      taken.catch(() => undefined)
      return last
    },
    forget() {
      last = undefined
    },
  }
}

async function takeSnapshot({ protection, excluded, stored, lateAfterMs, now }: OverviewDeps): Promise<Snapshot> {
  const takenAtMs = now()
  const account = await protection.readAccount()
  const due = findDueTimes(account, new Date(takenAtMs))
  const next = findNextTimes(account, new Date(takenAtMs))
  const listedAtMs = Object.values(account.wholeListings).reduce<number | undefined>(
    (newest, atMs) => Math.max(newest ?? 0, atMs),
    undefined,
  )
  const dueAtMsOf = (row: ProtectionRow) =>
    lateAfterMs === undefined ? dueTimeOf(row, due) : Math.max(0, takenAtMs - lateAfterMs)
  const known = new Map<string, Gathered>()
  const serverOf = openServerOf()
  const gather = (entity: EntityRef, serverUrl: string): Gathered => {
    const id = `${formatEntity(entity)} ${serverUrl}`
    const found = known.get(id) ?? { entity, serverUrl, rows: [], stored: undefined, excluded: undefined }
    known.set(id, found)
    return found
  }
  for await (const row of protection.rows()) {
    const { rows } = gather(row.entity, serverOf(row.link))
    // One that changed meanwhile comes twice.
    if (!rows.some(({ key }) => key === row.key)) rows.push(row)
  }
  for await (const row of excluded.rows()) {
    gather(row.entity, serverOf(row.link)).excluded = { name: row.name, organization: row.organization, link: row.link }
  }
  for (const one of stored.all()) gather(one.entity, one.serverUrl).stored = one
  await readOutdated(known.values(), stored)
  const rows: OverviewRow[] = []
  const tally = openTally()
  for (const gathered of known.values()) {
    const judgement = judgeEntity({
      ...gathered,
      isExcluded: gathered.excluded !== undefined,
      isListingKnown: listedAtMs !== undefined,
      dueAtMsOf,
    })
    const row = describeRow(gathered, judgement, next)
    tally.add(row)
    rows.push(row)
  }
  rows.sort(compareNames)
  const { headline, organizations } = tally.sum(listedAtMs)
  return { rows, headline, organizations, account, reading: stored.reading(), takenAtMs }
}

interface Gathered {
  readonly entity: EntityRef
  readonly serverUrl: string
  readonly rows: ProtectionRow[]
  stored: StoredEntity | undefined
  excluded: { readonly name: string; readonly organization: string | null; readonly link: string } | undefined
}

/** More folders than this wait for the next picture. */
const READ_AT_ONCE = 100

/** Where a run has stored a newer archive than the directory was read for, that folder is read again. */
async function readOutdated(known: Iterable<Gathered>, stored: StoredEntities): Promise<void> {
  if (stored.reading().completedAtMs === undefined) return
  let read = 0
  for (const gathered of known) {
    const newestMs = Math.max(0, ...gathered.rows.map(({ archive }) => archive?.createdAtMs ?? 0))
    if (newestMs <= (gathered.stored?.newest.createdAtMs ?? 0)) continue
    if (++read > READ_AT_ONCE) return
    // A folder that cannot be read is named by the next whole pass.
    await stored.readOne(gathered.entity).catch(() => undefined)
    gathered.stored = stored.of(gathered.entity).find(({ serverUrl }) => serverUrl === gathered.serverUrl)
  }
}

function describeRow(
  { entity, serverUrl, rows, stored, excluded }: Gathered,
  judgement: Pick<OverviewRow, 'state' | 'reasons'>,
  next: ReturnType<typeof findNextTimes>,
): OverviewRow {
  const main = rows.find(({ content }) => content.kind === 'backup') ?? rows[0]
  const named = main ?? excluded ?? stored!
  const archivedAtMs = latest(main?.archive?.createdAtMs, stored?.newestGood?.createdAtMs)
  const isStoredNewer = stored?.newestGood !== undefined && stored.newestGood.createdAtMs === archivedAtMs
  return {
    key: formatEntity(entity),
    entity,
    serverUrl,
    // The same text once in memory, where it is the same.
    name: named.name === stored?.name ? stored.name : named.name,
    organization: named.organization === stored?.organization ? stored.organization : named.organization,
    link: main?.link ?? excluded?.link,
    ...judgement,
    protectedAtMs: oldest(rows.map(({ protectedAtMs }) => protectedAtMs)),
    archivedAtMs,
    level: isStoredNewer ? stored?.newestGood?.level : main?.archive?.level,
    sizeBytes: isStoredNewer ? stored?.newestGood?.sizeBytes : main?.archive?.sizeBytes,
    archives: stored?.archives ?? 0,
    storedBytes: stored?.storedBytes ?? 0,
    nextRunAtMs: oldest(rows.map((row) => nextTimeOf(row, next))),
    seriesKeys: rows.map(({ key: series }) => series),
    mode: chooseMode(main),
  }
}

function chooseMode(row: ProtectionRow | undefined): Mode {
  const modes: readonly Mode[] = ['p', 't', 'a']
  return modes.find((mode) => row?.listedAtMs[mode] !== undefined) ?? 'p'
}

function openTally() {
  const counts: Record<EntityState, number> = {
    never: 0,
    failed: 0,
    incomplete: 0,
    stale: 0,
    late: 0,
    unknown: 0,
    deleted: 0,
    excluded: 0,
    protected: 0,
  }
  const organizations = new Set<string>()
  let needing = 0
  let archives = 0
  let storedBytes = 0
  let oldestProtectedAtMs: number | undefined
  return {
    add(row: OverviewRow): void {
      counts[row.state]++
      archives += row.archives
      storedBytes += row.storedBytes
      if (row.organization !== null) organizations.add(row.organization)
      const isNeeding = needingStates.has(row.state)
      if (isNeeding) needing++
      if (isNeeding || row.state === 'protected') oldestProtectedAtMs = oldest([oldestProtectedAtMs, row.protectedAtMs])
    },
    sum(listedAtMs: number | undefined): { headline: Headline; organizations: string[] } {
      const watched = needing + counts.protected
      return {
        headline: { counts, watched, needing, oldestProtectedAtMs, archives, storedBytes, listedAtMs },
        organizations: [...organizations].sort(),
      }
    },
  }
}

/** CVAT's address, from that of one of its pages. Thousands have the same, which is parsed once and kept once. */
function openServerOf(): (link: string) => string {
  const known = new Map<string, string>()
  return (link) => {
    const base = link.replace(/\/(?:projects|tasks)\/\d+$/, '')
    const found = known.get(base) ?? (URL.canParse(base) ? normaliseServerUrl(base) : base)
    known.set(base, found)
    return found
  }
}

function latest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((atMs) => atMs !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

function oldest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((atMs) => atMs !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
