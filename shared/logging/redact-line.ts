// Takes secrets out of one serialised log line: known values wherever they are, and whatever stands in a telling field.

import type { MaskSecrets } from './secret-mask.ts'

const MASK = '***'

/** `Authorization`, `set-cookie`, `X-CSRFToken`, `CVAT_PASSWORD`, `accessToken`; not `tokenExpiresAt`. */
const SECRET_FIELD = /(authorization|cookie|password|passwd|passphrase|secret|token|api_?key|sessionid)s?$/i

/** The same in the text of a message: headers, logins in addresses, query parameters. */
const SECRET_TEXT: readonly (readonly [RegExp, string])[] = [
  [/(authorization["']?\s*[:=]\s*["']?)((?:basic|bearer|token)\s+)?[^\s"',;]+/gi, `$1$2${MASK}`],
  [/((?:set-)?cookie["']?\s*:\s*["']?)[^\r\n"']+/gi, `$1${MASK}`],
  [/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/"'?#]{1,1000}@/gi, `$1${MASK}@`],
  [/([?&][\w-]{0,40}(?:token|password|secret|signature|api_?key)=)[^&\s"'#]+/gi, `$1${MASK}`],
]

/** Masks secrets in any text. */
export function redactText(text: string, mask: MaskSecrets): string {
  return SECRET_TEXT.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), mask(text))
}

/**
 * Masks secrets in a line of JSON, which stays JSON: values are looked at one by one, so that a secret that happens to
 * be `info` or `"` harms neither fields nor syntax. Of a field that is there twice (from a child logger) the last stays.
 */
export function redactLine(line: string, mask: MaskSecrets): string {
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch {
    return `${JSON.stringify({ level: 'error', msg: redactText(line.trim(), mask) })}\n`
  }
  const { level, time, ...rest } = record as Record<string, unknown>
  return `${JSON.stringify({ level, time, ...(redactValue(rest, mask) as object) })}\n`
}

function redactValue(value: unknown, mask: MaskSecrets): unknown {
  if (typeof value === 'string') return redactText(value, mask)
  if (typeof value === 'number') return mask(String(value)) === String(value) ? value : MASK
  if (Array.isArray(value)) return redactArray(value, mask)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      mask(key),
      SECRET_FIELD.test(key) && isTelling(inner) ? MASK : redactValue(inner, mask),
    ]),
  )
}

/** Raw headers come as a flat list of names and values. */
function redactArray(items: readonly unknown[], mask: MaskSecrets): unknown[] {
  return items.map((item, index) => {
    const before = items[index - 1]
    const isHeaderValue = index % 2 === 1 && typeof before === 'string' && SECRET_FIELD.test(before)
    return isHeaderValue ? MASK : redactValue(item, mask)
  })
}

function isTelling(value: unknown): boolean {
  return value !== null && typeof value !== 'boolean' && value !== ''
}
