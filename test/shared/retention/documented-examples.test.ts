// The numbers in docs/operations.md: a year of backups under the settings of each row, swept every night.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadSettings } from '#shared/config/load-settings.ts'
import { sweeperSettings } from '#shared/config/retention.ts'
import { planRetention, type RetentionRules, type RetentionSubject } from '#shared/retention/plan-retention.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000
const document = readFileSync(join(import.meta.dirname, '../../../docs/operations.md'), 'utf8')
const [, rest = ''] = document.split(/^## Retention by example$/m)
const [section = ''] = rest.split(/^## /m)
const firstDay = Date.parse('2025-11-23')
const lastDay = Date.parse('2026-11-22')

/** Midnight in Berlin of each day of the year that ends on 2026-11-22. */
const midnights = Array.from({ length: 365 }, (_, index) => midnightOf(firstDay + index * dayMs))

function midnightOf(day: number): number {
  const isSummer = day > Date.parse('2026-03-29') && day <= Date.parse('2026-10-25')
  return day - (isSummer ? 2 : 1) * hourMs
}

const showDay = (ms: number) => new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Berlin' }).format(ms)

function archiveOf(createdAtMs: number): RetentionSubject {
  const createdAt = new Date(createdAtMs).toISOString()
  return {
    record: {
      series: { entity: { type: 'project', id: 6 }, content: { kind: 'backup' } },
      server: { url: 'https://cvat.example.org', version: null },
      createdAt,
      archive: { fileName: createdAt },
      verification: { level: 'complete', checkedAt: createdAt, problems: [], warnings: [] },
    },
  }
}

/** Which moments' archives are left after the year; each night what came since the last one is added, then swept. */
function liveThroughTheYear(moments: readonly number[], rules: RetentionRules): number[] {
  let stored: RetentionSubject[] = []
  let next = 0
  for (const midnight of midnights) {
    const swept = midnight + hourMs
    while (next < moments.length && moments[next]! < swept) stored.push(archiveOf(moments[next++]!))
    const plan = planRetention(stored, { ...rules, now: new Date(swept) })
    stored = plan.flatMap(({ archive, action }) => (action === 'keep' ? [archive] : []))
  }
  return stored.map(({ record }) => Date.parse(record.createdAt)).toSorted((a, b) => a - b)
}

function readRules(text: string): RetentionRules {
  const env = Object.fromEntries([...text.matchAll(/(CVAT_\w+)=(\w+)/g)].map(([, name, value]) => [name, value]))
  return { ...loadSettings({ sweeper: sweeperSettings }, { env }).values.sweeper, timeZone: 'Europe/Berlin' }
}

const rows = section
  .split('\n')
  .filter((line) => /^\| +(none|`CVAT_)/.test(line))
  .map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  )

describe('docs/operations.md', () => {
  test('has examples', () => expect(rows.length).toBeGreaterThanOrEqual(6))

  test.each(rows)('tells what stays with %s', (settings, nightly, rarely, hourly) => {
    const rules = readRules(settings!)
    const firsts = midnights.filter((midnight) => showDay(midnight).endsWith('-01'))
    const hours = Array.from(
      { length: (lastDay - firstDay) / hourMs + 1 },
      (_, index) => midnights[0]! + index * hourMs,
    )
    const show = (left: readonly number[]) => `${left.length}, from ${showDay(left[0]!)}`
    expect({
      nightly: show(liveThroughTheYear(midnights, rules)),
      rarely: show(liveThroughTheYear(firsts, rules)),
      hourly: show(liveThroughTheYear(hours, rules)),
    }).toEqual({ nightly, rarely, hourly })
  })

  test('lists in full what one example leaves', () => {
    const [, settings = '', listed = ''] =
      /With `(CVAT_[^`]+)`\s+these nights[^\n]*\n\n```\n([^`]+)```/.exec(section) ?? []
    const left = liveThroughTheYear(midnights, readRules(settings)).map(showDay)
    expect(listed.trim().split(/\s+/)).toEqual(left)
  })
})
