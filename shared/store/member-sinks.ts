// Takers of one member's bytes: they see each chunk once and keep little.

import { StringDecoder } from 'node:string_decoder'

/** `end` is called only when the member's size and CRC were right. */
export interface MemberSink {
  push(chunk: Uint8Array): void
  end(): void
}

/** Collects a JSON member of at most `maxBytes`; undefined is handed on when it is larger or no JSON. */
export function collectJson(maxBytes: number, done: (value: unknown) => void): MemberSink {
  const chunks: Buffer[] = []
  let bytes = 0
  return {
    push(chunk) {
      bytes += chunk.byteLength
      // Copied: the reader uses its buffer again.
      if (bytes <= maxBytes) chunks.push(Buffer.from(chunk))
    },
    end() {
      done(bytes <= maxBytes ? parse(Buffer.concat(chunks).toString('utf8')) : undefined)
    },
  }
}

/** Hands on a text member line by line, without line ends; a line longer than `maxLength` as undefined. */
export function splitLines(
  maxLength: number,
  onLine: (line: string | undefined) => void,
  done: () => void,
): MemberSink {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let isTooLong = false
  const finishLine = (end: string) => {
    const line = pending + end
    if (isTooLong || line.length > maxLength) onLine(undefined)
    else if (line.trim() !== '') onLine(line)
    pending = ''
    isTooLong = false
  }
  return {
    push(chunk) {
      const parts = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)).split('\n')
      const last = parts.pop()!
      for (const part of parts) finishLine(part)
      pending += last
      if (pending.length > maxLength) {
        isTooLong = true
        pending = ''
      }
    },
    end() {
      finishLine(decoder.end())
      done()
    },
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
