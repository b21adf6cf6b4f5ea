// All exports of a backup over time, a line each: queued at the server, running, finished but not yet fetched.

import type { NamedOutcome } from './format-table.ts'
import { escapeText, plotStyle } from './svg.ts'

interface Span {
  readonly postedMs: number
  readonly startedMs: number
  readonly endedMs: number
  readonly downloadedMs: number
}

interface TimedRun {
  readonly wallMs: number
  readonly spans: readonly Span[]
}

const WIDTH = 900
const LEFT = 40
const TOP = 48
const PLOT_HEIGHT = 320

/** Of the last setting that was measured, its first round; undefined for scenarios that keep no spans. */
export function drawTimeline({ scenario, size, details }: NamedOutcome): string | undefined {
  const runs = Object.entries((details ?? {}) as Record<string, unknown>).filter(
    (entry): entry is [string, TimedRun[]] =>
      Array.isArray(entry[1]) && (entry[1][0] as TimedRun | undefined)?.spans !== undefined,
  )
  const [setting, [run] = []] = runs.at(-1) ?? []
  if (!run) return undefined
  const spans = [...run.spans].sort((a, b) => a.startedMs - b.startedMs)
  const endMs = Math.max(...spans.map(({ downloadedMs, endedMs }) => Math.max(downloadedMs, endedMs)))
  const x = (ms: number) => (LEFT + (ms / endMs) * (WIDTH - LEFT - 20)).toFixed(1)
  const step = PLOT_HEIGHT / spans.length
  const bar = (kind: string, fromMs: number, toMs: number, y: number) =>
    `<rect class="${kind}" x="${x(fromMs)}" y="${y.toFixed(1)}" width="${(Number(x(toMs)) - Number(x(fromMs))).toFixed(1)}" height="${Math.max(0.6, step * 0.85).toFixed(1)}"/>`
  const bars = spans.flatMap(({ postedMs, startedMs, endedMs, downloadedMs }, index) => {
    const y = TOP + index * step
    return [
      bar('queued', postedMs, startedMs, y),
      bar('running', startedMs, endedMs, y),
      bar('waiting', endedMs, Math.max(endedMs, downloadedMs), y),
    ]
  })
  const height = TOP + PLOT_HEIGHT + 34
  const ticks = Array.from({ length: 6 }, (_, index) => (endMs / 5) * index).map(
    (ms) => `<text class="tick" x="${x(ms)}" y="${height - 12}">${(ms / 1000).toFixed(0)} s</text>`,
  )
  const head = `${scenario}, ${size}, at most ${setting} exports: queued (grey), running (blue), finished and not yet fetched (orange)`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escapeText(head)}</title>`,
    plotStyle,
    `<rect class="paper" width="${WIDTH}" height="${height}"/>`,
    `<text class="head" x="12" y="22">${escapeText(head)}</text>`,
    ...bars,
    ...ticks,
    '</svg>',
    '',
  ].join('\n')
}
