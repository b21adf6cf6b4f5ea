// Takes a backup's annotations.json apart, one annotation at a time: the file can be larger than memory.

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

export type AnnotationKind = 'tag' | 'shape' | 'track'

const kinds: Readonly<Record<string, AnnotationKind>> = { tags: 'tag', shapes: 'shape', tracks: 'track' }
/** Longer than any key that is looked for. */
const MAX_KEY_LENGTH = 16

export interface FoundAnnotation {
  readonly kind: AnnotationKind
  /** The job's place in the file, which is that of task.json's `jobs`. */
  readonly job: number
  /** One JSON object. */
  readonly text: string
}

/**
 * annotations.json is an array of jobs, each `{"version":0,"tags":[…],"shapes":[…],"tracks":[…]}`. Push its bytes in
 * chunks of any size. An annotation longer than `maxBytes` throws a RangeError; `finish` tells whether the brackets add up.
 */
export function splitAnnotations(
  onAnnotation: (annotation: FoundAnnotation) => void,
  maxBytes: number,
): { push(chunk: Uint8Array): void; finish(): boolean } {
  let depth = 0
  let job = -1
  let isInString = false
  let isEscaped = false
  let text = ''
  let key = ''
  let isArray = false
  /** Of the annotation that is being read; undefined outside. */
  let captured: Buffer[] | undefined
  let capturedBytes = 0

  function takeStringByte(byte: number): void {
    if (isEscaped) isEscaped = false
    else if (byte === BACKSLASH) isEscaped = true
    else if (byte === QUOTE) {
      isInString = false
      if (depth === 2) key = text
    } else if (depth === 2 && text.length < MAX_KEY_LENGTH) text += String.fromCharCode(byte)
  }

  function keep(piece: Uint8Array): void {
    capturedBytes += piece.byteLength
    if (capturedBytes > maxBytes) throw new RangeError('An annotation is too large to be compared')
    captured?.push(Buffer.from(piece))
  }

  return {
    push(chunk) {
      let from = 0
      for (let at = 0; at < chunk.length; at++) {
        const byte = chunk[at]!
        if (isInString) {
          takeStringByte(byte)
        } else if (byte === QUOTE) {
          isInString = true
          text = ''
        } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
          if (depth === 0) isArray = byte === OPEN_BRACKET
          if (depth === 1 && byte === OPEN_BRACE) job += 1
          if (depth === 3 && byte === OPEN_BRACE && Object.hasOwn(kinds, key)) {
            captured = []
            capturedBytes = 0
            from = at
          }
          depth += 1
        } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
          depth -= 1
          if (depth !== 3 || !captured) continue
          keep(chunk.subarray(from, at + 1))
          const whole = Buffer.concat(captured).toString('utf8')
          captured = undefined
          onAnnotation({ kind: kinds[key]!, job, text: whole })
        }
      }
      if (captured) keep(chunk.subarray(from))
    },
    finish: () => depth === 0 && !isInString && isArray,
  }
}
