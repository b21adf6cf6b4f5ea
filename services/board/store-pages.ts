// The store as a whole: how it grows, and what other retention rules would remove. And what two archives differ in.

import { sweeperSettings } from '#shared/config/retention.ts'
import type { Headline } from '#shared/overview/open-overview.ts'
import type { Growth } from '#shared/overview/store-growth.ts'
import { formatBytes } from '#shared/presentation/format.ts'
import type { StoredComparison } from './compare-stored.ts'
import type { Content, View } from './frame.ts'
import { type Html, html } from './html.ts'
import { plotLines } from './plot.ts'
import { showBytes, showSaid, showTime } from './show-values.ts'
import { type RuleName, ruleNames, type Simulation } from './simulate-retention.ts'
import { texts } from './texts.ts'

export function storePage(_view: View, { archives, storedBytes }: Headline, growth: Growth): Content {
  const t = texts.store
  const { days, bytesPerDay, measuredDays, freeBytes, fullAtMs } = growth
  const full = fullAtMs === undefined ? (freeBytes === undefined ? t.unknown : t.never) : showTime(fullAtMs)
  return {
    title: t.title,
    nav: 'store',
    body: html`<h1>${t.title}</h1>
<dl class="facts">
<div><dt>${t.archives}</dt><dd>${texts.number(archives)}</dd></div>
<div><dt>${t.size}</dt><dd>${formatBytes(storedBytes)}</dd></div>
<div><dt>${t.free}</dt><dd>${freeBytes === undefined ? t.freeUnknown : formatBytes(freeBytes)}</dd></div>
<div><dt>${t.growth}</dt><dd>${t.perDay(formatBytes(bytesPerDay), measuredDays)}</dd></div>
<div><dt>${t.full}</dt><dd>${full}</dd></div>
</dl>
${
  days.length < 2
    ? html`<p class="faint">${t.nothing}</p>`
    : html`<figure>${plotLines(t.plot, [{ label: t.size, points: days.map(({ day, totalBytes }) => ({ atMs: Date.parse(day), value: totalBytes })) }])}
<figcaption><span class="line1">${t.plot}</span></figcaption></figure>`
}
<p class="faint">${t.hint}</p>`,
  }
}

export interface RetentionView {
  readonly rules: Readonly<Record<RuleName, string>>
  /** Absent before anybody has asked. */
  readonly simulation?: Simulation | undefined
  readonly problem?: string | undefined
}

export function retentionPage(view: View, { rules, simulation, problem }: RetentionView): Content {
  const t = texts.retention
  return {
    title: t.title,
    nav: 'retention',
    body: html`<h1>${t.title}</h1>
<p>${t.lead}</p>
<form class="filters rules" method="get" action="${view.basePath}/retention">
${(Object.keys(ruleNames) as RuleName[]).map(
  (name) =>
    html`<p><label for="${name}">${t.rules[name]}</label><input id="${name}" name="${name}" value="${rules[name]}" maxlength="20" size="6"></p>`,
)}
<input type="hidden" name="simulate" value="1">
<p><button>${t.simulate}</button> <a href="${view.basePath}/retention">${t.reset}</a></p>
</form>
${problem === undefined ? '' : html`<p role="alert">${problem}</p>`}
${simulation ? showSimulation(view, rules, simulation) : ''}`,
  }
}

function showSimulation(view: View, rules: RetentionView['rules'], { totals, keptBytes, removals }: Simulation): Html {
  const t = texts.retention
  const { columns: c } = t
  const set = (Object.keys(ruleNames) as RuleName[]).filter((name) => rules[name] !== '')
  return html`<section aria-labelledby="result">
<h2 id="result">${t.result(totals.removed, formatBytes(totals.removedBytes))}</h2>
<p role="status">${t.kept(totals.kept, formatBytes(keptBytes))}</p>
${totals.failures.length > 0 ? html`<p role="alert">${t.failed(totals.failures.length)}</p>` : ''}
<details><summary>${t.settings}</summary><pre>${set.map((name) => `${sweeperSettings.settings[ruleNames[name]].name}=${rules[name]}\n`)}</pre></details>
${
  removals.length === 0
    ? ''
    : html`${totals.removed > removals.length ? html`<p class="faint">${t.first(removals.length)}</p>` : ''}
<div class="scroll" role="region" aria-label="${texts.table}" tabindex="0"><table>
<thead><tr><th scope="col">${c.entity}</th><th scope="col">${c.created}</th><th scope="col" class="number">${c.size}</th><th scope="col">${c.why}</th></tr></thead>
<tbody>${removals.map(
        ({ entity, createdAt, sizeBytes, reasons }) => html`<tr>
<th scope="row" data-label="${c.entity}"><a href="${view.basePath}/entities/${entity}">${entity}</a></th>
<td data-label="${c.created}">${showTime(createdAt)}</td>
<td data-label="${c.size}" class="number">${showBytes(sizeBytes)}</td>
<td data-label="${c.why}">${showSaid(reasons.join(', '))}</td>
</tr>`,
      )}</tbody>
</table></div>`
}
</section>`
}

export function diffPage(view: View, key: string, comparison: StoredComparison): Content {
  const t = texts.diff
  const { before, after, differences, tasksCompared, differing } = comparison
  return {
    title: t.title,
    body: html`<h1>${t.title} <a href="${view.basePath}/entities/${key}">${key}</a></h1>
<p><code>${before}</code><br><code>${after}</code></p>
<p role="status">${differing === 0 ? t.equal : t.differing(differing)} ${tasksCompared > 0 ? t.compared(tasksCompared) : ''}</p>
<ul class="failures">
${differences.slice(0, 200).map((found) => {
  const task = 'task' in found ? found.task.name : ''
  return html`<li><p>${t.what[found.what] ?? found.what} <strong><bdi>${task}</bdi></strong></p>${
    'changes' in found
      ? html`<details><summary>${t.details}</summary><pre tabindex="0">${JSON.stringify(found.changes, null, 2).slice(0, 20_000)}</pre></details>`
      : ''
  }</li>`
})}
</ul>
${differences.length > 200 ? html`<p class="faint">${t.first(200)}</p>` : ''}`,
  }
}
