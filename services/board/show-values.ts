// Times and amounts as pages show them.

import { type EntityState, needingStates } from '#shared/overview/judge-entity.ts'
import { formatBytes } from '#shared/presentation/format.ts'
import { type Html, html } from './html.ts'
import { texts } from './texts.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `3 min`, `5 h`, `12 d`. */
export function showAge(ms: number): string {
  if (ms < HOUR_MS) return `${Math.max(0, Math.floor(ms / MINUTE_MS))} min`
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)} h`
  return `${texts.number(Math.floor(ms / DAY_MS))} d`
}

/** In UTC; a script writes it in the viewer's zone and leaves the exact UTC on hover. */
export function showTime(time: string | number | undefined): Html {
  if (time === undefined) return html`<span class="faint">${texts.overview.none}</span>`
  const iso = new Date(time).toISOString()
  const utc = `${iso.slice(0, 19).replace('T', ' ')} UTC`
  return html`<time datetime="${iso}" title="${utc}" data-local>${iso.slice(0, 16).replace('T', ' ')} UTC</time>`
}

/** How long ago, with the exact time on hover and for screen readers' machines. */
export function showAgo(atMs: number | undefined, nowMs: number): Html {
  if (atMs === undefined) return html`<span class="faint">${texts.overview.none}</span>`
  const iso = new Date(atMs).toISOString()
  return html`<time datetime="${iso}" title="${iso.slice(0, 19).replace('T', ' ')} UTC">${showAge(nowMs - atMs)}</time>`
}

export function showBytes(bytes: number | undefined | null): Html {
  if (bytes === undefined || bytes === null) return html`<span class="faint">${texts.overview.none}</span>`
  return html`${formatBytes(bytes)}`
}

/** By word and sign, not by colour alone. */
export function showState(state: EntityState): Html {
  const kind = state === 'protected' ? 'good' : needingStates.has(state) ? 'bad' : 'quiet'
  return html`<span class="state ${kind}">${texts.states[state]}</span>`
}
