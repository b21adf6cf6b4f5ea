// Runs: their history, and one of them with its progress as it comes.

import type { RunSummary } from '#shared/coordination/summarise-run.ts'
import { formatBytes, formatDuration } from '#shared/presentation/format.ts'
import type { ListedRun } from './board-data.ts'
import { progressToJson, summaryToJson } from './describe-json.ts'
import { actionForm, type Content, type View } from './frame.ts'
import { type Html, html } from './html.ts'
import { showSaid, showTime } from './show-values.ts'
import { texts } from './texts.ts'

export function runsPage(view: View, runs: readonly ListedRun[]): Content {
  const t = texts.runs
  const { columns: c } = t
  const rows = runs.map(({ summary, progress }) => {
    const run = summaryToJson(summary, progress)
    return html`<tr>
<th scope="row" data-label="${c.started}"><a href="${view.basePath}/runs/${encodeURIComponent(run.run)}">${showTime(run.startedAt)}</a></th>
<td data-label="${c.what}">${describeRun(summary)}</td>
<td data-label="${c.result}">${showResult(run)}</td>
<td data-label="${c.done}" class="number">${texts.number(run.done)}</td>
<td data-label="${c.same}" class="number">${texts.number(run.skipped + run.noted)}</td>
<td data-label="${c.failed}" class="number">${texts.number(run.failed)}</td>
<td data-label="${c.size}" class="number">${formatBytes(run.sizeBytes)}</td>
<td data-label="${c.took}" class="number">${formatDuration(summary.durationSeconds * 1000)}</td>
</tr>`
  })
  const numbers = new Set([c.done, c.same, c.failed, c.size, c.took] as string[])
  return {
    title: t.title,
    nav: 'runs',
    body: html`<h1 id="runs">${t.title}</h1>
${
  runs.length === 0
    ? html`<p>${t.none}</p>`
    : html`<div class="scroll" role="region" aria-label="${texts.table}" tabindex="0"><table>
<thead><tr>${Object.values(c).map((label) => html`<th scope="col"${numbers.has(label) ? html` class="number"` : ''}>${label}</th>`)}</tr></thead>
<tbody>${rows}</tbody>
</table></div>`
}`,
  }
}

export function runPage(view: View, { summary, progress }: ListedRun, notice: string | undefined): Content {
  const t = texts.run
  const run = progressToJson(summary, progress)
  const path = `${view.basePath}/runs/${encodeURIComponent(run.run)}`
  const isOver = run.endedAt !== null
  const dealt = run.done + run.noted + run.skipped + run.empty + run.failed
  const follow = isOver
    ? html``
    : html` data-follow="${view.basePath}/api/v1/runs/${encodeURIComponent(run.run)}/events" hx-get="${path}" hx-trigger="progress, every 30s" hx-select="#run" hx-swap="outerHTML" hx-sync="this:drop"`
  return {
    title: t.title,
    nav: 'runs',
    body: html`<h1>${t.title}</h1>
<p class="faint">${describeRun(summary)}, ${showTime(run.startedAt)}</p>
${notice === undefined ? '' : html`<p role="status" class="notice">${notice}</p>`}
<section id="run"${follow}>
<p>${showResult(run)}</p>
<p><label for="progress">${t.progress}</label> <progress id="progress" max="${Math.max(1, run.total)}" value="${dealt}"></progress> <span role="status">${t.of(dealt, run.total)}</span></p>
${run.state === 'listing' ? html`<p class="faint">${t.listing}</p>` : ''}
<dl class="facts">
${(['done', 'noted', 'skipped', 'empty', 'failed', 'waiting'] as const).map((name) => html`<div><dt>${t.numbers[name]}</dt><dd>${texts.number(run[name])}</dd></div>`)}
<div><dt>${texts.runs.columns.size}</dt><dd>${formatBytes(run.sizeBytes)}</dd></div>
<div><dt>${texts.runs.columns.took}</dt><dd>${formatDuration(summary.durationSeconds * 1000)}</dd></div>
</dl>
${run.active.length === 0 ? '' : html`<h2>${t.now}</h2><ul>${run.active.map(({ name, phase, receivedBytes, totalBytes }) => html`<li><bdi>${name}</bdi>: ${texts.phase(phase)}${receivedBytes === null || totalBytes === null ? '' : ` ${formatBytes(receivedBytes)} / ${formatBytes(totalBytes)}`}</li>`)}</ul>`}
${run.listingError === null ? '' : html`<p role="alert">${t.listingError} ${showSaid(run.listingError)}</p>`}
${showFailures(view, run.run, summary)}
${(summary.notes ?? []).length === 0 ? '' : html`<h2>${t.notes}</h2><ul>${(summary.notes ?? []).slice(0, 100).map(({ series, name, text }) => html`<li>${seriesLink(view, series, name)}: ${showSaid(text)}</li>`)}</ul>`}
</section>`,
  }
}

function showFailures(view: View, runId: string, { failures = [] }: RunSummary): Html {
  const t = texts.run
  if (failures.length === 0) return html`<p class="faint">${t.noFailures}</p>`
  const retryPath = `/runs/${encodeURIComponent(runId)}/retry`
  return html`<h2>${t.failures}</h2>
${failures.length > 1 ? actionForm(view, retryPath, t.retryAll) : ''}
<ul class="failures">
${failures.slice(0, 200).map(
  ({ series, name, code, reason, hint }) => html`<li>
<p>${seriesLink(view, series, name)} <span class="faint">${code}</span> <a href="${view.basePath}/jobs/${encodeURIComponent(`${runId}.${series}`)}">${t.job}</a></p>
<p>${showSaid(reason)}</p>
${hint === undefined ? '' : html`<p class="faint">${t.hint} ${showSaid(hint)}</p>`}
${actionForm(view, retryPath, t.retry, { series })}
</li>`,
)}
</ul>`
}

function seriesLink(view: View, series: string, name: string): Html {
  const [key = ''] = series.split('.')
  return html`<a href="${view.basePath}/entities/${key}"><bdi>${name || key}</bdi></a>`
}

function describeRun({ mode, full, trigger }: RunSummary): string {
  const t = texts.runs
  return [t.modes[mode], ...(full ? [t.full] : []), t.triggers[trigger]].join(', ')
}

function showResult({ state, ok }: Pick<ReturnType<typeof summaryToJson>, 'state' | 'ok'>): Html {
  const { results } = texts.runs
  if (state === 'interrupted') return html`<span class="state bad">${results.interrupted}</span>`
  if (state !== 'ended') return html`<span class="state quiet">${results.going}</span>`
  return ok
    ? html`<span class="state good">${results.ok}</span>`
    : html`<span class="state bad">${results.failed}</span>`
}
