// What the protection table says is wrong, in bounded memory: a number for each kind of trouble, and its first entities.

import { formatEntity } from '#shared/model/entity.ts'
import { type DueTimes, dueTimeOf } from '#shared/protection/find-due-time.ts'
import { judgeProtection, type ProtectionState } from '#shared/protection/judge-protection.ts'
import { describeReason, type ProtectionReason } from '#shared/protection/protection-reason.ts'
import type { ProtectionAccount, ProtectionRow } from '#shared/protection/protection-table.ts'
import type { AlarmKind, Finding, NamedEntity, Trouble } from './alarm.ts'

export interface ProtectionAssessment {
  readonly findings: readonly Finding[]
  /** By kind and state; a kind of which nothing is known is missing. */
  readonly counts: Readonly<Record<string, Readonly<Record<ProtectionState, number>>>>
  /** Of when the newest archive is. */
  readonly newestArchiveAtMs: number | undefined
}

export interface AssessOptions {
  readonly account: ProtectionAccount
  readonly dueTimes: DueTimes
  /** CVAT_BACKUP_LATE_AFTER_HOURS. */
  readonly lateAfterMs: number | undefined
  /** A run of everything is under way: what it has not done yet is not wrong yet. */
  readonly isUnderWay: boolean
  /** The last run of everything in each mode, where it failed: what failed in it is told with it. */
  readonly failedRuns: readonly { readonly startedAtMs: number; readonly endedAtMs: number }[]
  readonly now: Date
}

/** Named of each kind. */
const NAMED = 10
const CLOCK_MS = 60_000

type Kind = Extract<AlarmKind, 'never' | 'failed' | 'incomplete' | 'stale' | 'late'>

const kinds: Readonly<Record<Kind, { severity: Trouble['severity']; title: (count: number) => string; text: string }>> =
  {
    never: {
      severity: 'critical',
      title: (count) => `${entities(count)} without any good archive`,
      text: 'Nothing of them could be restored now.',
    },
    failed: { severity: 'warning', title: (count) => `the last backup of ${entities(count)} failed`, text: '' },
    incomplete: {
      severity: 'critical',
      title: (count) => `CVAT exports ${entities(count)} incompletely`,
      text: 'Media are missing on the server: docs/operations.md, Stale and incomplete archives.',
    },
    stale: {
      severity: 'warning',
      title: (count) => `CVAT serves old files of ${entities(count)}`,
      text: 'Change anything in them, then back up again: docs/operations.md, Stale and incomplete archives.',
    },
    late: {
      severity: 'warning',
      title: (count) => `${entities(count)} late: not found protected for longer than the schedule allows`,
      text: '',
    },
  }

export async function assessProtection(
  rows: AsyncIterable<ProtectionRow>,
  options: AssessOptions,
): Promise<ProtectionAssessment> {
  const { account, isUnderWay, now } = options
  const tallies = new Map<Kind, { count: number; named: NamedEntity[] }>()
  const counts: Record<string, Record<ProtectionState, number>> = {}
  let newestArchiveAtMs: number | undefined
  const known = {
    backup: account.wholeListings.p !== undefined || account.wholeListings.t !== undefined,
    annotations: account.wholeListings.a !== undefined,
  }
  for (const kind of ['backup', 'annotations'] as const) {
    if (known[kind]) counts[kind] = { never: 0, failed: 0, late: 0, protected: 0 }
  }
  for await (const row of rows) {
    const dueAtMs =
      options.lateAfterMs === undefined ? dueTimeOf(row, options.dueTimes) : now.getTime() - options.lateAfterMs
    const { state, reasons } = judgeProtection(row, dueAtMs)
    newestArchiveAtMs = later(newestArchiveAtMs, row.archive?.createdAtMs)
    const ofKind = counts[row.content.kind]
    // Before a whole listing the table holds a part: what is not in it may be better or worse.
    if (!ofKind) continue
    ofKind[state]++
    const kind = kindOf(row, state, options)
    if (!kind) continue
    const tally = tallies.get(kind) ?? { count: 0, named: [] }
    tallies.set(kind, tally)
    tally.count++
    if (tally.named.length < NAMED) tally.named.push(nameOf(row, reasons))
  }
  const isKnown = known.backup || known.annotations
  const findings = (Object.keys(kinds) as Kind[]).map((key): Finding => {
    const tally = tallies.get(key)
    // Time alone makes late, so a run that is under way excuses nothing there.
    if (key !== 'late' && isUnderWay) return { is: 'unknown', key }
    if (!tally) return { is: isKnown ? 'good' : 'unknown', key }
    const { severity, title, text } = kinds[key]
    const trouble = { key, kind: key, severity, text, title: title(tally.count), count: tally.count, failures: {} }
    return { is: 'bad', trouble: { ...trouble, entities: tally.named } }
  })
  return { findings, counts, newestArchiveAtMs }
}

/** Each row counts once. A cause that people can do something about goes before what it has led to. */
function kindOf(row: ProtectionRow, state: ProtectionState, { failedRuns }: AssessOptions): Kind | undefined {
  const { failure } = row
  if (state === 'protected') return undefined
  if (failure?.code === 'incomplete' || failure?.code === 'stale') return failure.code
  if (state !== 'failed' || !failure) return state === 'failed' ? undefined : state
  const isTold = failedRuns.some(
    ({ startedAtMs, endedAtMs }) => failure.atMs >= startedAtMs && failure.atMs <= endedAtMs + CLOCK_MS,
  )
  return isTold ? undefined : 'failed'
}

function nameOf(
  { entity, name, content, link, failure }: ProtectionRow,
  reasons: readonly ProtectionReason[],
): NamedEntity {
  const reason = failure ? `${failure.code}: ${failure.reason}` : reasons.map(describeReason).join('; ')
  return { entity: formatEntity(entity), name: cut(name, 200), content: content.kind, link, reason: cut(reason, 300) }
}

function entities(count: number): string {
  return count === 1 ? '1 project or task' : `${count} projects or tasks`
}

function later(known: number | undefined, other: number | undefined): number | undefined {
  if (other === undefined) return known
  return Math.max(known ?? other, other)
}

function cut(text: string, length: number): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > length ? `${line.slice(0, length - 1).toWellFormed()}…` : line
}
