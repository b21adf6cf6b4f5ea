// The frame of the overview's pages.

import { type Html, html } from './html.ts'
import { texts } from './texts.ts'
import type { Visitor } from './visitor.ts'

export type NavName = 'overview' | 'runs' | 'store' | 'retention'

/** What every page knows of who looks at it. */
export interface View {
  readonly basePath: string
  readonly visitor: Visitor
  readonly hasLogout: boolean
  /** The visitor's, for forms. */
  readonly token: string
  readonly nowMs: number
}

export interface Content {
  readonly title: string
  readonly nav?: NavName
  readonly body: Html
}

export function renderFrame(view: View, { title, nav, body }: Content): string {
  const { basePath, visitor, hasLogout } = view
  const link = (name: NavName, path: string) =>
    html`<a href="${basePath}${path}"${nav === name ? html` aria-current="page"` : ''}>${texts.nav[name]}</a>`
  return html`<!DOCTYPE html>
<html lang="${texts.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<meta name="htmx-config" content="${JSON.stringify({ allowEval: false, includeIndicatorStyles: false, selfRequestsOnly: true, historyCacheSize: 0 })}">
<title>${title} – ${texts.product}</title>
<link rel="icon" href="${basePath}/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${basePath}/assets/overview.css">
<script src="${basePath}/assets/htmx.min.js" defer></script>
<script src="${basePath}/assets/overview.js" defer></script>
</head>
<body>
<a class="skip" href="#content">${texts.skip}</a>
<header>
<a class="brand" href="${basePath}/"><img src="${basePath}/assets/icon.svg" alt="" width="24" height="24">${texts.product}</a>
<nav aria-label="${texts.nav.label}">
${link('overview', '/')}
${link('runs', '/runs')}
${link('store', '/store')}
${link('retention', '/retention')}
<a href="${basePath}/queues">${texts.nav.queues}</a>
${hasLogout ? html`<a href="${basePath}/logout">${texts.nav.logout}</a>` : ''}
</nav>
${visitor.role === 'viewer' ? html`<span class="role">${texts.nav.viewer}</span>` : ''}
</header>
<main id="content">
${body}
</main>
</body>
</html>
`.text
}

/** A button that changes something: for operators, and with the token of the page. */
export function actionForm(
  view: View,
  path: string,
  label: string,
  fields: Readonly<Record<string, string>> = {},
): Html {
  if (view.visitor.role !== 'operator') return html``
  return html`<form method="post" action="${view.basePath}${path}">
<input type="hidden" name="_csrf" value="${view.token}">
${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button>${label}</button>
</form>`
}
