// A scenario's values as bars, each as a share of its aim: left of the line it is met, right of it missed.

import { formatNumber, type NamedOutcome } from './format-table.ts'
import { judge, type Row, ratioOf, type Spread, spreadOf } from './scenario.ts'
import { escapeText, plotStyle } from './svg.ts'

const WIDTH = 900
const LEFT = 430
const RIGHT = 170
const ROW_HEIGHT = 30
const TOP = 56
/** Below a hundredth and above a hundred times the aim a bar tells nothing more. */
const DECADES = 2

/** SVG text. Rows without an aim in numbers are left to the table. */
export function drawAims({ scenario, size, rows }: NamedOutcome): string {
  const judged = rows.filter((row) => row.limit !== undefined)
  const height = TOP + judged.length * ROW_HEIGHT + 16
  const x = (share: number) => LEFT + ((logOf(share) + DECADES) / (2 * DECADES)) * (WIDTH - LEFT - RIGHT)
  const grid = [0.01, 0.1, 1, 10, 100].map(
    (share) =>
      `<line class="${share === 1 ? 'aim' : 'grid'}" x1="${x(share)}" x2="${x(share)}" y1="${TOP - 8}" y2="${height - 12}"/>` +
      `<text class="tick" x="${x(share)}" y="${TOP - 14}">${share === 1 ? 'aim' : `${share} ×`}</text>`,
  )
  const bars = judged.map((row, index) => drawBar(row, TOP + index * ROW_HEIGHT, x))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escapeText(`${scenario} (${size}): measured, as a share of the aim`)}</title>`,
    plotStyle,
    `<rect class="paper" width="${WIDTH}" height="${height}"/>`,
    `<text class="head" x="12" y="22">${escapeText(`${scenario}, ${size}: share of the aim`)}</text>`,
    ...grid,
    ...bars,
    '</svg>',
    '',
  ].join('\n')
}

function drawBar(row: Row, y: number, x: (share: number) => number): string {
  const { limit } = row
  if (!limit) return ''
  const spread = (limit.of === 'ratio' ? ratioOf(row) : undefined) ?? spreadOf(row.values)
  const verdict = judge(row) ?? 'met'
  // What is to be none at all is either that or too much.
  const shareOf = (value: number) => (limit.most === 0 ? (value === 0 ? 0.01 : 100) : value / limit.most)
  const { min, median, max }: Spread = spread
  const middle = y + ROW_HEIGHT / 2
  const unit = limit.of === 'ratio' ? '×' : row.unit
  const what = row.what.length > 68 ? `${row.what.slice(0, 67)}…` : row.what
  return [
    `<text class="label" x="${LEFT - 10}" y="${middle + 4}">${escapeText(what)}</text>`,
    `<rect class="${verdict}" x="${x(0.01)}" y="${y + 6}" width="${Math.max(1, x(shareOf(median)) - x(0.01))}" height="${ROW_HEIGHT - 12}"/>`,
    `<line class="spread" x1="${x(shareOf(min))}" x2="${x(shareOf(max))}" y1="${middle}" y2="${middle}"/>`,
    `<text class="value" x="${WIDTH - RIGHT + 8}" y="${middle + 4}">${escapeText(`${formatNumber(median)} ${unit}`.trim())}, ${verdict}</text>`,
  ].join('\n')
}

function logOf(share: number): number {
  return Math.min(DECADES, Math.max(-DECADES, Math.log10(Math.max(share, 1e-9))))
}
