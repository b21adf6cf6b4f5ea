// Which projects and tasks are protected and since when, one row a series, as runs find it out. Kept in Redis: it may be
// lost at any time, and the next run of each mode makes it again from the listing and the backup directory.

import { z } from 'zod'
import { type EntityRef, parseEntity } from '#shared/model/entity.ts'
import { type ArchiveContent, contentSchema, formatSeries, type Series } from '#shared/model/series.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'
import { forgetScript, noteScript } from './protection-scripts.ts'

export interface ProtectedArchive {
  /** When its export was asked for, milliseconds since 1970: the state that it is of is not older. */
  readonly createdAtMs: number
  readonly sizeBytes?: number | undefined
  /** How far its verification got. */
  readonly level?: string | undefined
}

export interface ProtectionRow {
  /** As {@link formatSeries} writes it. */
  readonly key: string
  readonly entity: EntityRef
  readonly content: ArchiveContent
  readonly name: string
  readonly organization: string | null
  /** Address of the entity in CVAT's own pages. */
  readonly link: string
  /** For each mode whose listings show it: when the newest of them began. */
  readonly listedAtMs: Readonly<Partial<Record<Mode, number>>>
  /** A task without data: there is nothing to protect. */
  readonly isEmpty: boolean
  /** When it was last known to be as its archive shows it, or empty; to within the time that a page of a listing takes. */
  readonly protectedAtMs?: number | undefined
  /** The newest archive that protects it. */
  readonly archive?: ProtectedArchive | undefined
  /** The last attempt, if it failed: a success takes it away. */
  readonly failure?: { readonly code: string; readonly reason: string; readonly atMs: number } | undefined
}

/** What a listing has found of one entity. */
export interface Sighting {
  readonly series: Series
  readonly name: string
  readonly organization: string | null
  readonly link: string
  /** `protected`: as its newest archive shows it. `due`: it needs a backup, and one is on its way. */
  readonly found: 'protected' | 'due' | 'empty'
  readonly archive?: ProtectedArchive | undefined
}

export type Attempt =
  | { readonly result: 'done'; readonly archive: ProtectedArchive }
  | { readonly result: 'empty' }
  | { readonly result: 'failed'; readonly code: string; readonly reason: string }

export interface ProtectionSchedule {
  readonly mode: Mode
  /** Five fields, or `@daily` and its kin. */
  readonly cron: string
}

export interface ProtectionAccount {
  /** When the newest whole listing of each mode began. Without one nothing is known of what that mode protects. */
  readonly wholeListings: Readonly<Partial<Record<Mode, number>>>
  /** What the scheduler goes by; empty when it runs only what it is asked for. */
  readonly schedules: readonly ProtectionSchedule[]
  /** IANA name; cron's fields are read in it. */
  readonly timeZone: string
}

/** Every step is atomic and may run twice; several schedulers may write at once. */
export interface ProtectionTable {
  /** Enters what one listing of a mode has found, before the backups that it needs can end. */
  noteListed(mode: Mode, listedAtMs: number, sightings: readonly Sighting[]): Promise<void>
  /** Notes how a backup ended, if its series has a row. */
  noteAttempt(series: string, attempt: Attempt): Promise<void>
  /** The listing was whole: what it did not show any more leaves the table. */
  endListing(mode: Mode, listedAtMs: number, signal: AbortSignal): Promise<void>
  noteSchedules(schedules: readonly ProtectionSchedule[], timeZone: string): Promise<void>
  readAccount(): Promise<ProtectionAccount>
  /** All rows, some hundred at a time, in no order. A row that changes meanwhile may come twice. */
  rows(): AsyncGenerator<ProtectionRow>
}

const modes: readonly Mode[] = ['p', 'a', 't']

const storedSchema = z.object({
  content: contentSchema,
  name: z.string(),
  organization: z.string().optional(),
  link: z.string(),
  p: z.number().optional(),
  a: z.number().optional(),
  t: z.number().optional(),
  isEmpty: z.boolean().optional(),
  protectedAtMs: z.number().optional(),
  archivedAtMs: z.number().optional(),
  sizeBytes: z.number().optional(),
  level: z.string().optional(),
  failedAtMs: z.number().optional(),
  failureCode: z.string().optional(),
  failureReason: z.string().optional(),
})

const schedulesSchema = z.array(z.object({ mode: z.enum(['p', 'a', 't']), cron: z.string() }))

type Stored = z.infer<typeof storedSchema>
type Field = keyof Stored

interface Patch {
  readonly set: Stored | Partial<Stored>
  readonly later: Partial<Record<Field, number>>
  readonly drop: readonly Field[]
}

const failureFields: readonly Field[] = ['failedAtMs', 'failureCode', 'failureReason']

export function openProtectionTable({ redis, prefix }: QueueConnection): ProtectionTable {
  const tableKey = `${prefix}:protection`
  const accountKey = `${prefix}:protection:account`

  async function note(patches: readonly (readonly [string, Patch])[], makesRows: boolean): Promise<void> {
    if (patches.length === 0) return
    const flat = patches.flatMap(([series, patch]) => [series, JSON.stringify(patch)])
    await redis.eval(noteScript, 1, tableKey, makesRows ? '1' : '0', ...flat)
  }

  async function* scan(): AsyncGenerator<[string, string][]> {
    let cursor = '0'
    do {
      const [next, flat] = await redis.hscan(tableKey, cursor, 'COUNT', 500)
      cursor = next
      yield Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!])
    } while (cursor !== '0')
  }

  return {
    async noteListed(mode, listedAtMs, sightings) {
      const now = Date.now()
      await note(
        sightings.map((sighting) => [formatSeries(sighting.series), describeSighting(sighting, mode, listedAtMs, now)]),
        true,
      )
    },
    async noteAttempt(series, attempt) {
      await note([[series, describeAttempt(attempt, Date.now())]], false)
    },
    async endListing(mode, listedAtMs, signal) {
      for await (const batch of scan()) {
        signal.throwIfAborted()
        const unseen = batch.filter(([, text]) => {
          const seenAtMs = parseStored(text)?.[mode]
          return seenAtMs !== undefined && seenAtMs < listedAtMs
        })
        if (unseen.length === 0) continue
        await redis.eval(forgetScript, 1, tableKey, mode, listedAtMs, ...unseen.map(([series]) => series))
      }
      await redis.hset(accountKey, `listed ${mode}`, listedAtMs)
    },
    async noteSchedules(schedules, timeZone) {
      await redis.hset(accountKey, { schedules: JSON.stringify(schedules), timeZone })
    },
    async readAccount() {
      const fields = await redis.hgetall(accountKey)
      const listings = modes.flatMap((mode) => {
        const listedAtMs = Number(fields[`listed ${mode}`])
        return listedAtMs > 0 ? [[mode, listedAtMs] as const] : []
      })
      return {
        wholeListings: Object.fromEntries(listings),
        schedules: schedulesSchema.safeParse(parseJson(fields.schedules ?? '')).data ?? [],
        timeZone: fields.timeZone ?? 'UTC',
      }
    },
    async *rows() {
      for await (const batch of scan()) {
        for (const [key, text] of batch) {
          const row = parseRow(key, text)
          if (row) yield row
        }
      }
    },
  }
}

function describeSighting(sighting: Sighting, mode: Mode, listedAtMs: number, now: number): Patch {
  const { series, name, organization, link, found, archive } = sighting
  const isProtected = found !== 'due'
  return {
    set: {
      content: series.content,
      // Redis' JSON reader takes no half characters.
      name: name.toWellFormed(),
      link,
      isEmpty: found === 'empty',
      ...(organization === null ? {} : { organization: organization.toWellFormed() }),
      ...describeArchive(archive),
    },
    later: {
      [mode]: listedAtMs,
      ...(archive ? { archivedAtMs: archive.createdAtMs } : {}),
      ...(isProtected ? { protectedAtMs: now } : archive ? { protectedAtMs: archive.createdAtMs } : {}),
    },
    drop: [...(organization === null ? (['organization'] as const) : []), ...(isProtected ? failureFields : [])],
  }
}

function describeAttempt(attempt: Attempt, now: number): Patch {
  if (attempt.result === 'failed') {
    const { code, reason } = attempt
    const set = { failedAtMs: now, failureCode: code, failureReason: reason.slice(0, 500).toWellFormed() }
    return { set, later: {}, drop: [] }
  }
  if (attempt.result === 'empty') return { set: { isEmpty: true }, later: { protectedAtMs: now }, drop: failureFields }
  const { createdAtMs } = attempt.archive
  return {
    set: { isEmpty: false, ...describeArchive(attempt.archive) },
    later: { protectedAtMs: createdAtMs, archivedAtMs: createdAtMs },
    drop: failureFields,
  }
}

function describeArchive(archive: ProtectedArchive | undefined): Partial<Stored> {
  if (!archive) return {}
  const { sizeBytes, level } = archive
  return { ...(sizeBytes === undefined ? {} : { sizeBytes }), ...(level === undefined ? {} : { level }) }
}

/** Undefined for anything that this module has not written: Redis is not trusted. */
function parseRow(key: string, text: string): ProtectionRow | undefined {
  const entity = parseEntity(key.split('.')[0] ?? '')
  const stored = parseStored(text)
  if (!entity || !stored) return undefined
  const { content, name, organization = null, link, isEmpty = false, protectedAtMs, sizeBytes, level } = stored
  const listed = modes.flatMap((mode) => (stored[mode] === undefined ? [] : [[mode, stored[mode]] as const]))
  const { archivedAtMs, failedAtMs, failureCode = 'unknown', failureReason = '' } = stored
  return {
    key,
    entity,
    content,
    name,
    organization,
    link,
    listedAtMs: Object.fromEntries(listed),
    isEmpty,
    protectedAtMs,
    archive: archivedAtMs === undefined ? undefined : { createdAtMs: archivedAtMs, sizeBytes, level },
    failure: failedAtMs === undefined ? undefined : { code: failureCode, reason: failureReason, atMs: failedAtMs },
  }
}

function parseStored(text: string): Stored | undefined {
  return storedSchema.safeParse(parseJson(text)).data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
