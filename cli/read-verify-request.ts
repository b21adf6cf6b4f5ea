// The words behind `verify`: what is checked, how thoroughly.

import { type EntityRef, parseEntity } from '#shared/model/entity.ts'
import type { CheckLevel } from '#shared/store/verify-archive.ts'
import { readArguments } from './read-arguments.ts'
import { wrongUsage } from './usage.ts'

export interface VerifyRequest {
  readonly level: CheckLevel
  /** Archives last checked before this are due. */
  readonly checkedBefore: Date
  readonly entities: readonly EntityRef[] | undefined
  /** Nothing is left out for having been checked lately. */
  readonly all: boolean
  readonly json: boolean
}

const LEVELS: readonly string[] = ['whole', 'sound', 'complete'] satisfies CheckLevel[]
const DEFAULT_AGE = '30d'
const UNITS_MS = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 }

/** Entities that are named are checked whatever the date of their last check, unless `--since` says otherwise. */
export function readVerifyRequest(args: string[], now: Date): VerifyRequest {
  const { values, positionals } = readArguments(
    args,
    {
      level: { type: 'string', default: 'complete' },
      since: { type: 'string' },
      all: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
    true,
  )
  if (!LEVELS.includes(values.level)) throw wrongUsage(`--level takes ${LEVELS.join(', ')}: «${values.level}» is none`)
  if (values.all && values.since !== undefined) throw wrongUsage('--all and --since exclude each other')
  const entities = positionals.map(readEntity)
  const all = values.all || (entities.length > 0 && values.since === undefined)
  return {
    level: values.level as CheckLevel,
    checkedBefore: all ? now : readSince(values.since ?? DEFAULT_AGE, now),
    entities: entities.length > 0 ? entities : undefined,
    all,
    json: values.json,
  }
}

function readEntity(text: string): EntityRef {
  const entity = parseEntity(text)
  if (!entity) throw wrongUsage(`«${text}» is no folder of a project or task, such as project-6 or task-7`)
  return entity
}

/** `12h`, `7d`, `2w`, a date (midnight UTC) or a time with its zone. */
function readSince(text: string, now: Date): Date {
  const since = readSpan(text, now) ?? readDate(text)
  if (since === undefined) {
    throw wrongUsage(`--since takes a span like 12h, 7d or 2w, or a date like 2026-11-30: «${text}» is none`)
  }
  if (since > now) throw wrongUsage(`--since ${text} lies in the future`)
  return since
}

function readSpan(text: string, now: Date): Date | undefined {
  const [, number, unit] = /^(\d{1,6})([hdw])$/.exec(text) ?? []
  if (number === undefined || unit === undefined) return undefined
  return new Date(now.getTime() - Number(number) * UNITS_MS[unit as keyof typeof UNITS_MS])
}

/** A date (midnight UTC) or a time with its zone; undefined for anything else. */
export function readDate(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined
  const date = new Date(text)
  // 2026-02-30 is taken for the second of March.
  const isReal =
    !Number.isNaN(date.getTime()) && new Date(`${text.slice(0, 10)}T00:00Z`).getUTCDate() === Number(text.slice(8, 10))
  return isReal ? date : undefined
}
