// The name of a guide's picture, as CVAT tells it with the picture itself: in no other answer it is to be found.

const LONGEST_NAME = 255

/**
 * The file name in a Content-Disposition header, made harmless: no folders, no control characters, never `.` or `..`.
 * `filename*` counts where it is there, since `filename` is transliterated then; letter case and percent signs stay as
 * they are (measured on CVAT 2.64.1). Backslashes are escapes: an upload's name cannot hold one.
 * Undefined where there is no name that could be used.
 */
export function readFileName(contentDisposition: string | undefined): string | undefined {
  const header = contentDisposition ?? ''
  const encoded = /;\s*filename\*\s*=\s*utf-8''([^;\s]*)/i.exec(header)?.[1]
  const plain = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]+))/i.exec(header)
  // Without a header of its own encoding, node reads the bytes of a plain name as Latin-1; CVAT writes ASCII there.
  const name = (encoded === undefined ? undefined : decode(encoded)) ?? plain?.[1] ?? plain?.[2]
  return name === undefined ? undefined : makeHarmless(name.replaceAll('\\', ''))
}

function makeHarmless(name: string): string | undefined {
  const last = name.slice(name.lastIndexOf('/') + 1)
  const clean = last.replaceAll(/\p{Cc}/gu, '').toWellFormed()
  if (clean === '' || clean === '.' || clean === '..' || Buffer.byteLength(clean) > LONGEST_NAME) return undefined
  return clean
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
