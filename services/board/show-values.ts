// Times and amounts as pages show them.

import { type EntityState, needingStates } from '#shared/overview/judge-entity.ts'
import { formatBytes } from '#shared/presentation/format.ts'
import { explainReason, type ProtectionReason } from '#shared/protection/protection-reason.ts'
import { type Html, type HtmlValue, html } from './html.ts'
import { texts } from './texts.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `3 min`, `5 h`, `12 d`. */
export function showAge(ms: number): string {
  if (ms < HOUR_MS) return texts.age.minutes(Math.max(0, Math.floor(ms / MINUTE_MS)))
  if (ms < 2 * DAY_MS) return texts.age.hours(Math.floor(ms / HOUR_MS))
  return texts.age.days(Math.floor(ms / DAY_MS))
}

/** In UTC; a script writes it in the viewer's zone and leaves the exact UTC on hover. */
export function showTime(time: string | number | undefined): Html {
  const iso = toIso(time)
  if (iso === undefined) return html`<span class="faint">${texts.overview.none}</span>`
  return html`<time datetime="${iso}" title="${exactUtc(iso)}" data-local>${iso.slice(0, 16).replace('T', ' ')} UTC</time>`
}

/** An option of a choice, which holds nothing but text. The script treats it as {@link showTime}. */
export function timeOption(value: string, time: string, isChosen: boolean): Html {
  const iso = toIso(time) ?? time
  return html`<option value="${value}" data-time="${iso}" title="${exactUtc(iso)}"${isChosen ? html` selected` : ''}>${exactUtc(iso)}</option>`
}

function toIso(time: string | number | undefined): string | undefined {
  const date = new Date(time ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

function exactUtc(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`
}

/** A text in which `{name}` stands for a value, as `texts.ts` and its translations have them. */
export function fill(text: string, values: Readonly<Record<string, HtmlValue>>): Html {
  return html`${text.split(/\{(\w+)\}/).map((part, index) => (index % 2 === 0 ? part : values[part]))}`
}

export function showReason(reason: ProtectionReason): Html {
  const { text, values } = explainReason(reason)
  const shown = { at: showTime(values.at), due: showTime(values.due), code: values.code }
  return fill(texts.reasons[text], shown)
}

export function showReasons(reasons: readonly ProtectionReason[]): Html {
  return html`${reasons.map((reason, index) => html`${index > 0 ? ', ' : ''}${showReason(reason)}`)}`
}

/** ISO 8601 UTC to the second or finer. */
const ISO_TIME = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z)/

/** What logs, records, retention and CVAT itself say: the times in it as all others are shown. */
export function showSaid(said: string): Html {
  return html`${texts
    .said(said)
    .split(ISO_TIME)
    .map((part, index) => (index % 2 === 0 ? part : showTime(part)))}`
}

/** How long ago, with the exact time on hover and for screen readers' machines. */
export function showAgo(atMs: number | undefined, nowMs: number): Html {
  const iso = toIso(atMs)
  if (atMs === undefined || iso === undefined) return html`<span class="faint">${texts.overview.none}</span>`
  return html`<time datetime="${iso}" title="${exactUtc(iso)}">${showAge(nowMs - atMs)}</time>`
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
