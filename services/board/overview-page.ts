// The first page: what is protected, what needs somebody, and everything else to be searched.

import { entityStates } from '#shared/overview/judge-entity.ts'
import type { OverviewRow, Snapshot } from '#shared/overview/open-overview.ts'
import { type RowPage, type RowQuery, type SortKey, selectRows, sortKeys } from '#shared/overview/select-rows.ts'
import type { Content, View } from './frame.ts'
import { type Html, html } from './html.ts'
import { showAge, showAgo, showBytes, showReason, showSaid, showState, showTime } from './show-values.ts'
import { texts } from './texts.ts'

const ATTENTION_SHOWN = 8

export function overviewPage(view: View, snapshot: Snapshot, query: RowQuery): Content {
  return {
    title: texts.overview.title,
    nav: 'overview',
    body: html`${showHeadline(snapshot, view)}
${showDirectory(snapshot)}
${showAttention(snapshot, view)}
<section aria-labelledby="everything">
<h2 id="everything">${texts.overview.everything}</h2>
${showFilters(snapshot, query, view)}
${entityTable(selectRows(snapshot.rows, query), query, view)}
</section>`,
  }
}

/** Can be read from across the room. */
function showHeadline({ headline, takenAtMs }: Snapshot, view: View): Html {
  const { counts, watched, needing, oldestProtectedAtMs, listedAtMs } = headline
  const besides = (['deleted', 'excluded', 'unknown'] as const).filter((state) => counts[state] > 0)
  const others =
    besides.length === 0
      ? ''
      : html`<p class="faint">${texts.overview.besides}: ${besides.map(
          (state, index) =>
            html`${index > 0 ? ', ' : ''}<a href="${view.basePath}/?state=${state}">${texts.number(counts[state])} ${texts.states[state]}</a>`,
        )}</p>`
  if (listedAtMs === undefined && watched === 0) {
    return html`<h1 class="headline">${texts.overview.nothingKnown}</h1>
<p>${texts.overview.nothingKnownHint}</p>
${others}`
  }
  const gap =
    oldestProtectedAtMs === undefined
      ? ''
      : html`, ${texts.overview.oldestGap(showAge(takenAtMs - oldestProtectedAtMs))}`
  const call = needing === 0 ? texts.overview.allWell : texts.overview.needYou(needing)
  return html`<h1 class="headline"><span>${texts.overview.protected(counts.protected, watched)}</span>${gap}, <span class="${needing === 0 ? 'good' : 'bad'}">${call}</span></h1>
${others}`
}

function showDirectory({ reading }: Snapshot): Html {
  const { directory } = texts.overview
  return html`${reading.problem === undefined ? '' : html`<p role="alert">${directory.problem} ${showSaid(reading.problem)}</p>`}
${reading.completedAtMs === undefined && reading.isUnderWay ? html`<p role="status">${directory.reading(reading.folders)}</p>` : ''}
${
  reading.unread.length === 0
    ? ''
    : html`<div role="alert"><p>${directory.unread(reading.unread.length)}</p><ul>${reading.unread.slice(0, 10).map(({ entity, reason }) => html`<li>${entity}: ${showSaid(reason)}</li>`)}</ul></div>`
}`
}

function showAttention({ rows, headline }: Snapshot, view: View): Html {
  if (headline.needing === 0) return html``
  const worst = selectRows(rows, {
    state: 'attention',
    sort: 'state',
    descending: false,
    page: 1,
    size: ATTENTION_SHOWN,
  })
  return html`<section aria-labelledby="attention" class="attention">
<h2 id="attention">${texts.overview.attention}</h2>
<ul>
${worst.rows.map((row) => html`<li>${showState(row.state)} ${entityLink(row, view)} <span class="faint">${row.reasons[0] ? showReason(row.reasons[0]) : ''}</span></li>`)}
</ul>
${worst.total > worst.rows.length ? html`<p><a href="${view.basePath}/?state=attention">${texts.overview.more(worst.total)}</a></p>` : ''}
</section>`
}

function showFilters({ organizations }: Snapshot, query: RowQuery, view: View): Html {
  const option = (value: string, label: string, chosen: string | undefined) =>
    html`<option value="${value}"${value === (chosen ?? '') ? html` selected` : ''}>${label}</option>`
  const t = texts.overview
  return html`<form class="filters" method="get" action="${view.basePath}/" role="search"
 hx-get="${view.basePath}/" hx-trigger="input changed delay:150ms from:#search, change, submit" hx-target="#table" hx-select="#table" hx-swap="outerHTML" hx-replace-url="true" hx-sync="this:replace">
<p><label for="search">${t.search}</label><input id="search" name="search" type="search" value="${query.search ?? ''}" placeholder="${t.searchHint}" maxlength="200"></p>
<p><label for="state">${t.state}</label><select id="state" name="state">${option('', t.anyState, query.state)}${option('attention', t.attention, query.state)}${entityStates.map((state) => option(state, texts.states[state], query.state))}</select></p>
<p><label for="organization">${t.organization}</label><select id="organization" name="organization">${option('', t.anyOrganization, query.organization)}${option('-', t.personal, query.organization)}${organizations.map((slug) => option(slug, slug, query.organization))}</select></p>
<input type="hidden" name="sort" value="${query.sort}">
<input type="hidden" name="order" value="${query.descending ? 'desc' : 'asc'}">
<p><button>${t.apply}</button></p>
</form>`
}

/** All that a filter changes. */
export function entityTable({ rows, total, page, pages }: RowPage, query: RowQuery, view: View): Html {
  const t = texts.overview
  const numbers: ReadonlySet<SortKey> = new Set(['size', 'archives'])
  const heading = (key: SortKey) => {
    const isSorted = key === query.sort
    const descending = isSorted && !query.descending
    const sorted = isSorted ? html` aria-sort="${query.descending ? 'descending' : 'ascending'}"` : ''
    return html`<th scope="col"${sorted}${numbers.has(key) ? html` class="number"` : ''}><a href="${addressOf(view, { ...query, sort: key, descending, page: 1 })}">${t.columns[key]}</a></th>`
  }
  const columns = (
    ['name', 'organization', 'state', 'age', 'level', 'size', 'archives', 'next'] satisfies SortKey[]
  ).filter((key) => sortKeys.includes(key))
  return html`<div id="table">
<p role="status" class="faint">${t.found(total)}</p>
<div class="scroll" role="region" aria-label="${texts.table}" tabindex="0">
<table>
<thead><tr>${columns.map(heading)}</tr></thead>
<tbody>
${rows.map((row) => showRow(row, view))}
</tbody>
</table>
</div>
${pages > 1 ? showPages(page, pages, query, view) : ''}
</div>`
}

function showRow(row: OverviewRow, view: View): Html {
  const t = texts.overview.columns
  return html`<tr>
<th scope="row" data-label="${t.name}">${entityLink(row, view)}${cvatLink(row)}</th>
<td data-label="${t.organization}">${row.organization ?? html`<span class="faint">${texts.overview.personal}</span>`}</td>
<td data-label="${t.state}">${showState(row.state)}</td>
<td data-label="${t.age}">${showAgo(row.archivedAtMs, view.nowMs)}</td>
<td data-label="${t.level}">${row.level ? texts.level(row.level) : html`<span class="faint">${texts.overview.none}</span>`}</td>
<td data-label="${t.size}" class="number">${showBytes(row.sizeBytes)}</td>
<td data-label="${t.archives}" class="number">${texts.number(row.archives)}</td>
<td data-label="${t.next}">${showTime(row.nextRunAtMs)}</td>
</tr>`
}

export function entityLink(row: Pick<OverviewRow, 'key' | 'name'>, view: View): Html {
  return html`<a href="${view.basePath}/entities/${row.key}"><bdi>${row.name || row.key}</bdi></a>`
}

/** Anything but a web address could be a script. */
export function cvatLink({ link, name }: Pick<OverviewRow, 'link' | 'name'>): Html {
  const url = URL.parse(link ?? '')
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return html``
  return html` <a class="cvat" href="${url.href}" rel="noreferrer" aria-label="${texts.overview.openInCvat(name)}">${texts.overview.inCvat}</a>`
}

function showPages(page: number, pages: number, query: RowQuery, view: View): Html {
  const t = texts.overview
  const link = (to: number, label: string, rel: string) =>
    to < 1 || to > pages
      ? html`<span class="faint">${label}</span>`
      : html`<a rel="${rel}" href="${addressOf(view, { ...query, page: to })}">${label}</a>`
  return html`<nav class="pages" aria-label="${t.pages}">${link(page - 1, t.previous, 'prev')} <span>${t.page(page, pages)}</span> ${link(page + 1, t.next, 'next')}</nav>`
}

function addressOf(view: View, { search, state, organization, type, sort, descending, page, size }: RowQuery): string {
  const words: Record<string, string | undefined> = {
    search,
    state,
    organization,
    type,
    sort,
    order: descending ? 'desc' : 'asc',
    page: String(page),
    size: size === 50 ? undefined : String(size),
  }
  const given = Object.entries(words).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `${view.basePath}/?${new URLSearchParams(given)}`
}
