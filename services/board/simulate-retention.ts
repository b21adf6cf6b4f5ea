// What retention rules would remove, by the code that removes: `sweep --dry-run` with other rules than those that are set.

import { sweeperSettings } from '#shared/config/retention.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { RetentionRules } from '#shared/retention/plan-retention.ts'
import { type SweepTotals, sweepAll } from '#shared/retention/sweep-all.ts'
import { formatTimeSpan } from '#shared/retention/time-span.ts'
import type { Store } from '#shared/store/open-store.ts'
import { texts as pageTexts } from './texts.ts'
import { toldError } from './told-error.ts'

/** As in the names of the settings: `daily` is CVAT_BACKUP_KEEP_DAILY. */
export const ruleNames = {
  ttl: 'ttlMs',
  min: 'minBackups',
  last: 'keepLast',
  hourly: 'keepHourly',
  daily: 'keepDaily',
  weekly: 'keepWeekly',
  monthly: 'keepMonthly',
  yearly: 'keepYearly',
  within: 'keepWithin',
  deleted: 'keepDeleted',
} as const

export type RuleName = keyof typeof ruleNames
export type RuleTexts = Readonly<Partial<Record<RuleName, string>>>

export interface Removal {
  readonly entity: string
  readonly file: string
  readonly createdAt: string
  readonly sizeBytes: number
  readonly reasons: readonly string[]
}

export interface Simulation {
  readonly totals: SweepTotals
  readonly keptBytes: number
  /** The first ones; {@link SweepTotals.removed} counts all. */
  readonly removals: readonly Removal[]
}

/** More are counted: a page of them helps nobody, and memory is to stay flat. */
const REMOVALS_NAMED = 500

/**
 * Rules as people write them, with the settings' own words for what is wrong. What is not given is as it is set; an empty
 * text means no such rule. @throws an error for the visitor
 */
export function readRules(texts: RuleTexts, set: RetentionRules): RetentionRules {
  const rules: Record<string, unknown> = { ...set }
  const faults: string[] = []
  for (const [name, text] of Object.entries(texts) as [RuleName, string][]) {
    const key = ruleNames[name]
    if (text.trim() === '') {
      if (key !== 'ttlMs' && key !== 'minBackups') rules[key] = undefined
      continue
    }
    const setting = sweeperSettings.settings[key]
    const read = setting.schema.safeParse(text.trim())
    if (read.success) rules[key] = read.data
    else faults.push(`${setting.name}: «${text.slice(0, 50)}» ${read.error.issues[0]?.message ?? 'is wrong'}`)
  }
  if (faults.length > 0) throw toldError(400, faults.join('; '))
  return rules as unknown as RetentionRules
}

/** The rules as {@link readRules} takes them. */
export function writeRules(rules: RetentionRules): Record<RuleName, string> {
  const number = (value: number | undefined) => (value === undefined ? '' : String(value))
  return {
    ttl: String(rules.ttlMs / 3_600_000),
    min: String(rules.minBackups),
    last: number(rules.keepLast),
    hourly: number(rules.keepHourly),
    daily: number(rules.keepDaily),
    weekly: number(rules.keepWeekly),
    monthly: number(rules.keepMonthly),
    yearly: number(rules.keepYearly),
    within: rules.keepWithin ? formatTimeSpan(rules.keepWithin) : '',
    deleted: rules.keepDeleted ? formatTimeSpan(rules.keepDeleted) : '',
  }
}

/** Reads every record of the backup directory, so one at a time. */
export function openSimulator(store: Store, isIncremental: boolean | undefined) {
  let isBusy = false
  return async (rules: RetentionRules, now: Date, signal: AbortSignal): Promise<Simulation> => {
    if (isBusy) throw toldError(409, pageTexts.refused.simulating)
    isBusy = true
    try {
      const removals: Removal[] = []
      let keptBytes = 0
      const options = { rules, now, dryRun: true, isIncremental, isActive: () => false, signal }
      const totals = await sweepAll(store, options, {
        onDecision({ archive: { entity, record }, action, reasons }) {
          const { fileName, sizeBytes } = record.archive
          if (action === 'keep') keptBytes += sizeBytes
          else if (removals.length < REMOVALS_NAMED) {
            const { createdAt } = record
            removals.push({ entity: formatEntity(entity), file: fileName, createdAt, sizeBytes, reasons })
          }
        },
      })
      return { totals, keptBytes, removals }
    } finally {
      isBusy = false
    }
  }
}
