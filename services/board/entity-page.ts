// One project or task: what is stored of it, why each archive is kept, and what an operator can do.

import { formatEntity } from '#shared/model/entity.ts'
import type { OverviewRow } from '#shared/overview/open-overview.ts'
import { formatBytes } from '#shared/presentation/format.ts'
import type { History, ShownArchive } from '#shared/retention/collect-history.ts'
import { provenLevel } from '#shared/store/record.ts'
import { countContent } from './describe-json.ts'
import type { EntityJob } from './entity-jobs.ts'
import { actionForm, type Content, type View } from './frame.ts'
import { type Html, html } from './html.ts'
import { cvatLink } from './overview-page.ts'
import { plotLines } from './plot.ts'
import { showBytes, showReasons, showSaid, showState, showTime, timeOption } from './show-values.ts'
import { texts } from './texts.ts'

const t = texts.entity

export interface EntityView {
  readonly rows: readonly OverviewRow[]
  readonly history: History
  /** The newest first. */
  readonly jobs: readonly EntityJob[]
  /** Said on top: what has just been started. */
  readonly notice: string | undefined
}

export function entityPage(view: View, { rows, history, jobs, notice }: EntityView): Content {
  const { entity, servers, unrecognised } = history
  const key = formatEntity(entity)
  const newest = servers[0]?.archives[0]?.archive.record.observation.name
  const name = rows[0]?.name ?? newest ?? key
  return {
    title: name,
    body: html`<p class="faint">${t.kinds[entity.type]} ${entity.id}</p>
<h1><bdi>${name}</bdi>${rows[0] ? cvatLink(rows[0]) : ''}</h1>
${notice === undefined ? '' : html`<p role="status" class="notice">${notice}</p>`}
${rows.map((row) => showFacts(row, rows.length > 1))}
<div class="actions">
${actionForm(view, `/entities/${key}/backup`, t.backUpNow)}
${servers.length > 0 ? actionForm(view, `/entities/${key}/verify`, t.verify) : ''}
</div>
${servers.length === 0 ? html`<p>${t.noArchives}</p>` : ''}
${servers.map(({ url, deletedSince, archives }) => showServer(view, key, url, deletedSince, archives, servers.length > 1))}
${unrecognised.length === 0 ? '' : html`<h2>${t.strays}</h2><ul>${unrecognised.slice(0, 50).map(({ path, reason }) => html`<li>${path.split('/').at(-1)}: ${texts.said(reason.replaceAll('-', ' '))}</li>`)}</ul>`}
${showJobs(view, jobs)}`,
  }
}

function showFacts(row: OverviewRow, isOneOfMany: boolean): Html {
  return html`<dl class="facts">
<div><dt>${texts.overview.state}</dt><dd>${showState(row.state)}</dd></div>
<div><dt>${t.why}</dt><dd>${showReasons(row.reasons)}</dd></div>
${isOneOfMany ? html`<div><dt>CVAT</dt><dd>${row.serverUrl}</dd></div>` : ''}
<div><dt>${texts.overview.organization}</dt><dd>${row.organization ?? texts.overview.personal}</dd></div>
<div><dt>${t.lastProtected}</dt><dd>${showTime(row.protectedAtMs)}</dd></div>
<div><dt>${t.stored}</dt><dd>${t.storedValue(row.archives, formatBytes(row.storedBytes))}</dd></div>
<div><dt>${t.nextRun}</dt><dd>${showTime(row.nextRunAtMs)}</dd></div>
</dl>`
}

function showServer(
  view: View,
  key: string,
  url: string,
  deletedSince: string | undefined,
  archives: readonly ShownArchive[],
  isOneOfMany: boolean,
): Html {
  return html`<section>
<h2>${t.archives}${isOneOfMany ? ` ${t.at} ${url}` : ''}</h2>
${deletedSince === undefined ? '' : html`<p role="status">${t.deleted} ${showTime(deletedSince)}</p>`}
${showPlot(archives)}
<ol class="archives" aria-label="${t.archives}">
${archives.map((shown) => showArchive(view, key, shown))}
</ol>
${archives.length > 1 && view.visitor.role === 'operator' ? compareForm(view, key, archives) : ''}
</section>`
}

function showArchive(view: View, key: string, shown: ShownArchive): Html {
  const { record } = shown.archive
  const { content } = record.series
  const { frames, annotations } = countContent(shown)
  const holds = content.kind === 'annotations' ? t.annotationExport(content.format) : t.holds(frames ?? 0, annotations)
  const file = encodeURIComponent(record.archive.fileName)
  const until = shown.keptUntil ? html`${t.keptUntil} ${showTime(shown.keptUntil)}` : t.keptForWant
  const faults = [...record.verification.problems, ...record.verification.warnings].slice(0, 5)
  const level = shown.state === 'good' ? texts.level(provenLevel(record)) : t.archiveStates[shown.state]
  const isOperator = view.visitor.role === 'operator'
  return html`<li class="${shown.state === 'good' ? 'good' : 'bad'}">
<p><strong>${showTime(record.createdAt)}</strong> <span class="state ${shown.state === 'good' ? 'good' : 'bad'}">${level}</span> ${showBytes(record.archive.sizeBytes)} <span class="faint">${holds}</span></p>
<p class="faint">${shown.action === 'remove' ? html`<strong>${t.goes}</strong>` : until}: ${showSaid(shown.reasons.join(', '))}</p>
${faults.map(({ code, message }) => html`<p class="faint">${code}: ${showSaid(message)}</p>`)}
<p class="links">${
    isOperator
      ? html`<a href="${view.basePath}/entities/${key}/archives/${file}" download>${t.download}</a>${
          content.kind === 'backup'
            ? html` <a href="${view.basePath}/entities/${key}/restore?archive=${file}">${t.restore}</a>`
            : ''
        }`
      : ''
  } ${
    record.origin.adoptedFrom === undefined
      ? html`<a href="${view.basePath}/jobs/${encodeURIComponent(record.origin.backupId)}">${t.job}</a>`
      : ''
  }</p>
</li>`
}

/** Of backups that counted them: annotation exports do not say. */
function showPlot(archives: readonly ShownArchive[]): Html {
  const counted = archives
    .filter(({ archive: { record } }) => record.series.content.kind === 'backup')
    .map((shown) => ({ atMs: Date.parse(shown.archive.record.createdAt), ...countContent(shown) }))
    .reverse()
  if (counted.length < 2) return html``
  const frames = counted.map(({ atMs, frames: value }) => ({ atMs, value: value ?? 0 }))
  const annotations = counted.flatMap(({ atMs, annotations: value }) => (value === null ? [] : [{ atMs, value }]))
  const most = (points: readonly { value: number }[]) => Math.max(0, ...points.map(({ value }) => value))
  return html`<figure>
${plotLines(t.plot, [
  { label: t.frames, points: frames },
  { label: t.annotations, points: annotations },
])}
<figcaption><span class="line1">${t.highest(t.frames, most(frames))}</span> <span class="line2">${t.highest(t.annotations, most(annotations))}</span></figcaption>
</figure>`
}

function showJobs(view: View, jobs: readonly EntityJob[]): Html {
  return html`<section aria-labelledby="jobs">
<h2 id="jobs">${t.jobs.title}</h2>
${jobs.length === 0 ? html`<p class="faint">${t.jobs.none}</p>` : html`<ol class="jobs" aria-labelledby="jobs">${jobs.map((job) => showJob(view, job))}</ol>`}
</section>`
}

function showJob(
  view: View,
  { queue, id, name, state, addedAtMs, endedAtMs, attempts, reason, lines }: EntityJob,
): Html {
  const kind = state === 'completed' ? 'good' : state === 'failed' ? 'bad' : 'quiet'
  const address = `${view.basePath}/queues/queue/${queue}/${encodeURIComponent(id)}`
  const ended = endedAtMs === undefined ? '' : html`, ${t.jobs.ended} ${showTime(endedAtMs)}`
  const tries = attempts > 1 ? html`, ${t.jobs.attempts(attempts)}` : ''
  return html`<li class="${kind}">
<p><strong>${showTime(addedAtMs)}</strong> <span class="state ${kind}">${t.jobs.states[state] ?? state}</span> <a href="${address}" aria-label="${t.jobs.open(queue, name)}">${queue}</a> <span class="faint"><bdi>${name}</bdi>${ended}${tries}</span></p>
${reason === undefined ? '' : html`<p>${showSaid(reason)}</p>`}
${lines.length === 0 ? '' : html`<details><summary>${t.jobs.lines(lines.length)}</summary><pre tabindex="0">${lines.map((line) => html`${showSaid(line)}\n`)}</pre></details>`}
</li>`
}

function compareForm(view: View, key: string, archives: readonly ShownArchive[]): Html {
  const options = (chosen: number) =>
    archives.map(({ archive: { record } }, index) => {
      return timeOption(record.archive.fileName, record.createdAt, index === chosen)
    })
  return html`<h3>${t.compare}</h3>
<form class="filters" method="get" action="${view.basePath}/entities/${key}/diff">
<p><label for="before">${t.before}</label><select id="before" name="before">${options(1)}</select></p>
<p><label for="after">${t.after}</label><select id="after" name="after">${options(0)}</select></p>
<p><button>${t.compareButton}</button></p>
</form>`
}
