// The whole protection table in a few numbers and its worst rows, in bounded memory.

import type { ArchiveContent } from '#shared/model/series.ts'
import { judgeProtection, type ProtectionState, protectionStates } from './judge-protection.ts'
import type { ProtectionRow } from './protection-table.ts'

export type Kind = ArchiveContent['kind']

export interface JudgedRow {
  readonly row: ProtectionRow
  readonly state: ProtectionState
}

export interface KindSummary {
  readonly counts: Readonly<Record<ProtectionState, number>>
  /** Among those that were ever found protected: when the one that waits longest was. */
  readonly oldestProtectedAtMs: number | undefined
  /** By state, worst first, then by the time of protection, oldest first. */
  readonly worst: readonly JudgedRow[]
}

export type ProtectionSummary = Readonly<Record<Kind, KindSummary>>

export interface SummaryOptions {
  readonly dueAtMsOf: (row: ProtectionRow) => number | undefined
  /** How many rows of each kind are named. */
  readonly worst: number
}

export async function summariseProtection(
  rows: AsyncIterable<ProtectionRow> | Iterable<ProtectionRow>,
  { dueAtMsOf, worst }: SummaryOptions,
): Promise<ProtectionSummary> {
  const tallies = { backup: new Tally(worst), annotations: new Tally(worst) }
  for await (const row of rows) {
    tallies[row.content.kind].add({ row, state: judgeProtection(row, dueAtMsOf(row)).state })
  }
  return { backup: tallies.backup.summarise(), annotations: tallies.annotations.summarise() }
}

class Tally {
  readonly #limit: number
  readonly #counts = { never: 0, failed: 0, late: 0, protected: 0 }
  #oldestProtectedAtMs: number | undefined
  #worst: JudgedRow[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  add(judged: JudgedRow): void {
    this.#counts[judged.state]++
    const { protectedAtMs } = judged.row
    if (protectedAtMs !== undefined) {
      this.#oldestProtectedAtMs = Math.min(this.#oldestProtectedAtMs ?? protectedAtMs, protectedAtMs)
    }
    this.#worst.push(judged)
    if (this.#worst.length > 2 * this.#limit + 100) this.#cut()
  }

  summarise(): KindSummary {
    this.#cut()
    return { counts: this.#counts, oldestProtectedAtMs: this.#oldestProtectedAtMs, worst: this.#worst }
  }

  #cut(): void {
    this.#worst = this.#worst.sort(compareWorst).slice(0, this.#limit)
  }
}

function compareWorst(a: JudgedRow, b: JudgedRow): number {
  return (
    protectionStates.indexOf(a.state) - protectionStates.indexOf(b.state) ||
    (a.row.protectedAtMs ?? 0) - (b.row.protectedAtMs ?? 0) ||
    a.row.key.localeCompare(b.row.key, 'en', { numeric: true })
  )
}
