// A project's name as part of a file name: readable for a person, harmless for every file system and shell.

/** Leaves room in 255 bytes, and in the 143 bytes of encrypting file systems, for time, kind, digest and extension. */
const MAX_BYTES = 80

/** Names that Windows and SMB servers reserve for devices, with any extension. */
const reserved = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i

/**
 * Letters, marks and digits of any script stay (NFC); everything else but `._-+=@,()` becomes `_`. The result is never
 * empty, has at most 80 UTF-8 bytes, begins with neither a dot nor a dash, and sanitising it again changes nothing.
 */
export function sanitiseName(name: string): string {
  const replaced = name
    .normalize('NFC')
    // Invisible: joiners, bidirectional and variation marks, soft hyphens, tags. Dropped, so that words stay whole.
    .replaceAll(/[\p{Cf}\p{Variation_Selector}]/gu, '')
    .replaceAll(/[^\p{L}\p{M}\p{N}._+=@,()-]+/gu, '_')
    .replaceAll(/_{2,}/g, '_')
    .replaceAll(/\.{2,}/g, '.')
    .normalize('NFC')
  const trimmed = trimEnds(cutToBytes(trimEnds(replaced), MAX_BYTES))
  if (trimmed === '') return 'unnamed'
  return reserved.test(trimmed) ? trimEnds(cutToBytes(`x-${trimmed}`, MAX_BYTES)) : trimmed
}

function trimEnds(text: string): string {
  return text.replace(/^[\p{M}._-]+/u, '').replace(/[._-]+$/, '')
}

/** Cuts between code points: a file name must be valid UTF-8. */
function cutToBytes(text: string, maxBytes: number): string {
  let bytes = 0
  let result = ''
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > maxBytes) break
    result += character
  }
  return result
}
