// Asking for a restore, being asked again where it writes to the server that the archive is of, and seeing how it goes.

import { formatEntity } from '#shared/model/entity.ts'
import { formatBytes } from '#shared/presentation/format.ts'
import type { RestoreState } from '#shared/store/restore-state.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import type { RestoreOrder } from './actions.ts'
import type { RestoreProgress } from './board-data.ts'
import { restoreToJson } from './describe-json.ts'
import type { Content, View } from './frame.ts'
import { type Html, html } from './html.ts'
import { showBytes, showSaid, showTime } from './show-values.ts'
import { texts } from './texts.ts'

const t = texts.restore

export function restorePage(view: View, archive: StoredArchive, targets: readonly string[], problem?: string): Content {
  const { entity, record } = archive
  const key = formatEntity(entity)
  const { fileName, sizeBytes } = record.archive
  const own = record.observation.organization ?? texts.overview.personal
  return {
    title: t.title,
    body: html`<h1>${t.title} <a href="${view.basePath}/entities/${key}"><bdi>${record.observation.name}</bdi></a></h1>
<p>${t.lead}</p>
${problem === undefined ? '' : html`<p role="alert">${problem}</p>`}
<p>${t.archive}: ${showTime(record.createdAt)}, ${showBytes(sizeBytes)}, <code>${fileName}</code></p>
${showPlan(archive)}
${
  targets.length === 0
    ? html`<p role="status">${t.noTarget}</p><p><code>cvat-backups restore ${key} --archive ${fileName}</code></p>`
    : html`<form class="tall" method="post" action="${view.basePath}/entities/${key}/restore">
<input type="hidden" name="_csrf" value="${view.token}">
<input type="hidden" name="archive" value="${fileName}">
<p><label for="target">${t.target}</label><select id="target" name="target">${targets.map((url) => html`<option>${url}</option>`)}</select></p>
<p><label for="organization">${t.organization}</label><input id="organization" name="organization" maxlength="64" aria-describedby="organization-hint"><span id="organization-hint" class="faint">${t.organizationHint(own)}</span></p>
<p><label for="name">${t.name}</label><input id="name" name="name" maxlength="256" aria-describedby="name-hint"><span id="name-hint" class="faint">${t.nameHint}</span></p>
<p class="check"><input id="repair" name="repair" type="checkbox"><label for="repair">${t.repair}</label></p>
<p class="check"><input id="again" name="again" type="checkbox"><label for="again">${t.again}</label></p>
<p><button>${t.go}</button></p>
</form>`
}`,
  }
}

/** What will be made of it, and what of it will not come back. */
function showPlan({ entity, record }: StoredArchive): Html {
  const { perTask } = record.members
  const frames = perTask.reduce((sum, task) => sum + task.frames, 0)
  const faults = [...record.verification.problems, ...record.verification.warnings].slice(0, 20)
  return html`<p>${t.plan(entity.type === 'project' ? perTask.length : undefined, frames)}</p>
${faults.length === 0 ? '' : html`<p>${t.losses}</p><ul>${faults.map(({ code, message }) => html`<li>${code}: ${showSaid(message)}</li>`)}</ul>`}`
}

/** The second question. What was answered to the first goes along. */
export function confirmPage(view: View, key: string, order: RestoreOrder): Content {
  const { archive, targetUrl, organization, as, repair, again } = order
  const fields: Record<string, string> = {
    archive,
    target: targetUrl,
    organization: organization === null ? '-' : (organization ?? ''),
    name: as ?? '',
    repair: String(repair),
    again: String(again),
    confirm: 'true',
  }
  return {
    title: t.title,
    body: html`<h1>${t.title}</h1>
<p role="alert">${t.sure(targetUrl)}</p>
<form class="tall" method="post" action="${view.basePath}/entities/${key}/restore">
<input type="hidden" name="_csrf" value="${view.token}">
${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<p><button>${t.sureButton}</button> <a href="${view.basePath}/entities/${key}">${t.back}</a></p>
</form>`,
  }
}

export function restoreStatePage(
  view: View,
  restoreId: string,
  key: string,
  state: RestoreState | undefined,
  progress: RestoreProgress | undefined,
): Content {
  const told = restoreToJson(state, progress)
  const isOver = told.state === 'done' || told.state === 'failed'
  const path = `${view.basePath}/restores/${encodeURIComponent(restoreId)}/${key}`
  const again = isOver ? html`` : html` hx-get="${path}" hx-trigger="every 2s" hx-select="#restore" hx-swap="outerHTML"`
  return {
    title: t.title,
    body: html`<h1>${t.title} <a href="${view.basePath}/entities/${key}">${key}</a></h1>
<section id="restore" aria-live="polite"${again}>
<p><span class="state ${told.state === 'done' ? 'good' : told.state === 'failed' ? 'bad' : 'quiet'}">${t.states[told.state]}</span> ${told.target}</p>
${showProgress(told.progress)}
${state && told.result !== null ? html`<p><a href="${told.target}/${state.entity.type}s/${told.result}" rel="noreferrer">${t.open}</a></p>` : ''}
${told.failure ? html`<p role="alert">${told.failure.code}: ${showSaid(told.failure.reason)}${told.failure.hint ? html`. ${showSaid(told.failure.hint)}` : ''}</p>` : ''}
${told.state === 'done' ? showDifferences(told.differences) : ''}
</section>`,
  }
}

function showProgress(progress: ReturnType<typeof restoreToJson>['progress']): Html {
  if (progress === null) return html``
  const { phase, sentBytes, totalBytes } = progress
  if (sentBytes === null || totalBytes === null) return html`<p class="faint">${texts.phase(phase)}</p>`
  return html`<p><label for="progress">${texts.phase(phase)}</label> <progress id="progress" max="${Math.max(1, totalBytes)}" value="${sentBytes}"></progress> ${formatBytes(sentBytes)} / ${formatBytes(totalBytes)}</p>`
}

function showDifferences(differences: readonly { readonly where: string; readonly what: string }[]): Html {
  if (differences.length === 0) return html`<p>${t.noDifference}</p>`
  return html`<h2>${t.differences}</h2><ul>${differences.slice(0, 200).map(({ where, what }) => html`<li>${where}: ${showSaid(what)}</li>`)}</ul>`
}
