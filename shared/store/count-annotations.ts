// Counts the annotations of a backup's annotations.json as its bytes go by: the file can be larger than memory.

import type { MemberSink } from './member-sinks.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** Longer than any key that is looked for. */
const MAX_KEY_LENGTH = 16
const counted = new Set(['tags', 'shapes', 'tracks'])

/**
 * annotations.json is an array of jobs, each `{"version":0,"tags":[…],"shapes":[…],"tracks":[…]}`. Hands on the number
 * of objects in those three; the parts of skeletons lie deeper and are not counted. Undefined when the brackets do not
 * add up to one array.
 */
export function countAnnotations(done: (count: number | undefined) => void): MemberSink {
  let depth = 0
  let count = 0
  let isInString = false
  let isEscaped = false
  let text = ''
  /** The last string at depth 2: a job's key by the time its array begins. */
  let key = ''
  let isArray = false

  function takeStringByte(byte: number): void {
    if (isEscaped) isEscaped = false
    else if (byte === BACKSLASH) isEscaped = true
    else if (byte === QUOTE) {
      isInString = false
      if (depth === 2) key = text
    } else if (depth === 2 && text.length < MAX_KEY_LENGTH) text += String.fromCharCode(byte)
  }

  return {
    push(chunk) {
      for (const byte of chunk) {
        if (isInString) takeStringByte(byte)
        else if (byte === QUOTE) {
          isInString = true
          text = ''
        } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
          if (depth === 0) isArray = byte === OPEN_BRACKET
          if (depth === 3 && byte === OPEN_BRACE && counted.has(key)) count += 1
          depth += 1
        } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1
      }
    },
    end() {
      done(depth === 0 && !isInString && isArray ? count : undefined)
    },
  }
}
