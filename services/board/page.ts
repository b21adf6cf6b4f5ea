// The frame of the board's own pages: readable without scripts, in light and dark.

import { texts } from './texts.ts'

export interface Page {
  readonly title: string
  /** HTML; texts in it went through {@link escapeHtml}. */
  readonly body: string
  /** Path that the board is below, without a slash at its end. */
  readonly basePath: string
}

export function renderPage({ title, body, basePath }: Page): string {
  return `<!DOCTYPE html>
<html lang="${texts.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)} – ${escapeHtml(texts.product)}</title>
<link rel="icon" href="${basePath}/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${basePath}/assets/board.css">
</head>
<body>
<main>
<h1>${escapeHtml(texts.product)}</h1>
${body}
</main>
</body>
</html>
`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Control characters, and those that turn the direction of what follows: a name could forge the text around it. */
const FORGING = /(?![\t\n\r])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu

export function escapeHtml(text: string): string {
  return text.replaceAll(FORGING, '\u{fffd}').replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!)
}
