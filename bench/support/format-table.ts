// The results as a table in Markdown: what a person reads, and what docs/performance.md quotes.

import { judge, type Outcome, type Row, ratioOf, type Size, type Spread, spreadOf } from './scenario.ts'

export interface NamedOutcome extends Outcome {
  readonly scenario: string
  readonly size: Size
}

export function formatTable(outcomes: readonly NamedOutcome[]): string {
  const lines = outcomes.flatMap(({ scenario, size, rows }) =>
    rows.map((row) => formatRow(`${scenario}, ${size}`, row)),
  )
  return [
    '| scenario | what | aim | measured | compared with | ratio | |',
    '|---|---|---|---|---|---|---|',
    ...lines,
  ].join('\n')
}

function formatRow(scenario: string, row: Row): string {
  const ratio = ratioOf(row)
  const compared = row.baseline
    ? `${row.baseline.what}: ${formatSpread(spreadOf(row.baseline.values))} ${row.unit}`
    : ''
  const cells = [
    scenario,
    row.what,
    row.aim,
    withUnit(row.values, row),
    compared,
    ratio ? formatSpread(ratio) : '',
    tellVerdict(row),
  ]
  return `| ${cells.join(' | ')} |`
}

function tellVerdict(row: Row): string {
  const verdict = judge(row) ?? ''
  return verdict === 'missed' && row.whenMissed !== undefined ? `missed: ${row.whenMissed}` : verdict
}

function withUnit(values: readonly number[], { unit }: Row): string {
  return `${formatSpread(spreadOf(values))} ${unit}`.trimEnd()
}

/** The median, and between which values it lies; one number where all are equal. */
function formatSpread({ min, median, max }: Spread): string {
  return min === max ? formatNumber(median) : `${formatNumber(median)} (${formatNumber(min)}-${formatNumber(max)})`
}

export function formatNumber(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
