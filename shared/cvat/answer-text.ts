// CVAT's own words about a failure, whatever shape they came in, short enough for a log line.

const longestExcerpt = 200

/**
 * One line of at most 200 characters out of an error's body: `{"detail"}`, an array of strings, a bare JSON string,
 * fields with messages, plain text, or an HTML page's title. Secrets that an answer may echo become `***`.
 */
export function excerptAnswer(body: string, secrets: readonly string[] = []): string {
  let text = readJsonText(body) ?? readHtmlTitle(body) ?? body
  for (const secret of secrets) text = text.replaceAll(secret, '***')
  return cleanLine(text, longestExcerpt)
}

/** Without control characters and line breaks, cut to `limit` characters. */
export function cleanLine(text: string, limit: number): string {
  // Bidirectional marks and line separators would rearrange a log line as control characters do.
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\s]+/gu, ' ').trim()
  const letters = [...line]
  return letters.length > limit ? `${letters.slice(0, limit - 1).join('')}…` : line
}

/** Whether the body is a bare JSON string, an array, an object with `detail`, an HTML page or plain text. */
export type AnswerShape = 'detail' | 'list' | 'string' | 'fields' | 'html' | 'text'

export function shapeOfAnswer(body: string): AnswerShape {
  const value = parseJson(body)
  if (typeof value === 'string') return 'string'
  if (Array.isArray(value)) return 'list'
  if (isRecord(value)) return typeof value.detail === 'string' ? 'detail' : 'fields'
  return /^\s*<(!doctype|html|head|\?xml)/i.test(body) ? 'html' : 'text'
}

function readJsonText(body: string): string | undefined {
  const value = parseJson(body)
  if (isRecord(value) && typeof value.detail === 'string') return value.detail
  if (typeof value === 'string' || Array.isArray(value) || isRecord(value)) return joinTexts(value)
  return undefined
}

function joinTexts(value: unknown): string {
  if (Array.isArray(value)) return value.slice(0, 5).map(joinTexts).join('; ')
  if (!isRecord(value)) return String(value)
  return Object.entries(value)
    .slice(0, 5)
    .map(([key, inner]) => (key === 'non_field_errors' ? joinTexts(inner) : `${key}: ${joinTexts(inner)}`))
    .join('; ')
}

function readHtmlTitle(body: string): string | undefined {
  if (shapeOfAnswer(body) !== 'html') return undefined
  return /<title[^>]*>([^<]*)<\/title>/i.exec(body)?.[1] ?? 'an HTML page'
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
