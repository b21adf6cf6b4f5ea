// Finds a known secret in text, also in the forms that it takes inside URLs, JSON and Basic logins.

/** Shorter secrets stand for themselves only as whole words: hiding every `a` would show what the secret is. */
const MIN_FREE_LENGTH = 4

/** Shorter pieces of base64 occur by chance. */
const MIN_BASE64_PIECE = 5

const MASK = '***'

/** Replaces secrets in a text. */
export type MaskSecrets = (text: string) => string

/** A function that replaces every occurrence of every secret by `***`. Its time is linear in the text. */
export function createSecretMask(secrets: Iterable<string>): MaskSecrets {
  const known = [...new Set(secrets)].filter((secret) => secret !== '').sort((a, b) => b.length - a.length)
  if (known.length === 0) return (text) => text
  const plain = new RegExp(known.map(plainPattern).join('|'), 'gu')
  const pieces = known.flatMap(base64Pieces)
  return (text) => maskBase64(text, pieces).replace(plain, MASK)
}

/** Each character as it is, percent-encoded once or more, or escaped as in JSON (once or more). */
function plainPattern(secret: string): string {
  const pattern = Array.from(secret, characterPattern).join('')
  return Array.from(secret).length < MIN_FREE_LENGTH ? `(?<![\\p{L}\\p{N}])${pattern}(?![\\p{L}\\p{N}])` : pattern
}

function characterPattern(character: string): string {
  const percent = [...Buffer.from(character)].map(
    (byte) => `%(?:25){0,3}${anyCase(byte.toString(16).padStart(2, '0'))}`,
  )
  const escaped = utf16Escape(character)
  const forms = [literal(character), percent.join(''), escaped]
  if (character === ' ') forms.push('\\+')
  if (character === '"') forms.push('\\\\{1,8}"')
  if (character === '\\') forms.push('\\\\{2,8}')
  const short = { '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f' }[character]
  if (short) forms.push(`\\\\{1,8}${short}`)
  // The longest form first: two backslashes are one character of a JSON text, not two.
  return `(?:${forms.reverse().join('|')})`
}

function utf16Escape(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
  return units.map((unit) => `\\\\{1,8}u${anyCase(unit.toString(16).padStart(4, '0'))}`).join('')
}

function anyCase(hex: string): string {
  return hex.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

/**
 * What the secret contributes to base64 of a text around it (`user:SECRET`), for each of the three places at which it
 * can start in a group of three bytes; characters that depend on its neighbours are left off.
 */
function base64Pieces(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const pieces = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
  })
  return pieces.filter((piece) => piece.length >= MIN_BASE64_PIECE)
}

/** Masks whole runs of base64 (also its URL-safe form, also percent-encoded), as their ends hold bits of the secret too. */
function maskBase64(text: string, pieces: readonly string[]): string {
  return text.replace(/[A-Za-z0-9+/_=%-]{5,}/g, (run) => {
    const plain = run.replace(/%2b/gi, '+').replace(/%2f/gi, '/').replaceAll('-', '+').replaceAll('_', '/')
    return pieces.some((piece) => plain.includes(piece)) ? MASK : run
  })
}
