// The frame of the board's own pages: readable without scripts, in light and dark.

export interface Page {
  readonly title: string
  /** HTML; texts in it went through {@link escapeHtml}. */
  readonly body: string
  /** Path that the board is below, without a slash at its end. */
  readonly basePath: string
}

export function renderPage({ title, body, basePath }: Page): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)} – cvat-backups</title>
<link rel="icon" href="${basePath}/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${basePath}/assets/board.css">
</head>
<body>
<main>
<h1>cvat-backups</h1>
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

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!)
}
