// Small plots as SVG, drawn by the server. Pure.

import { type Html, html } from './html.ts'

export interface PlotPoint {
  readonly atMs: number
  readonly value: number
}

export interface PlotLine {
  readonly label: string
  readonly points: readonly PlotPoint[]
}

const WIDTH = 600
const HEIGHT = 120
const MARGIN = 6

/** Each line in a scale of its own, from 0 to its highest value. @param title what it shows, for screen readers */
export function plotLines(title: string, lines: readonly PlotLine[]): Html {
  const times = lines.flatMap(({ points }) => points.map(({ atMs }) => atMs))
  const first = Math.min(...times)
  const span = Math.max(1, Math.max(...times) - first)
  const x = (atMs: number) => round(MARGIN + ((WIDTH - 2 * MARGIN) * (atMs - first)) / span)
  return html`<svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
<line class="axis" x1="${MARGIN}" y1="${HEIGHT - MARGIN}" x2="${WIDTH - MARGIN}" y2="${HEIGHT - MARGIN}"></line>
${lines.map(({ points }, index) => {
  const most = Math.max(1, ...points.map(({ value }) => value))
  const y = (value: number) => round(HEIGHT - MARGIN - ((HEIGHT - 2 * MARGIN) * value) / most)
  const path = points.map(({ atMs, value }) => `${x(atMs)},${y(value)}`).join(' ')
  return html`<polyline class="line${index + 1}" points="${path}"></polyline>
${points.length > 60 ? '' : points.map(({ atMs, value }) => html`<circle class="line${index + 1}" cx="${x(atMs)}" cy="${y(value)}" r="3"></circle>`)}`
})}
</svg>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
