// Prints many short lines in few writes: a write a line takes as long as reading what the line is about.

import { once } from 'node:events'
import type { Writable } from 'node:stream'

const PIECE_LENGTH = 32 * 1024

export interface Printer extends Disposable {
  print(text: string): void
  /** Waits for a reader that is slower: what it has not taken would pile up in memory. */
  room(): Promise<void>
}

/** Disposing prints the rest. */
export function openPrinter(out: Writable = process.stdout): Printer {
  let waiting = ''
  const flush = () => {
    if (waiting !== '') out.write(waiting)
    waiting = ''
  }
  return {
    print(text) {
      waiting += text
      if (waiting.length >= PIECE_LENGTH) flush()
    },
    async room() {
      // Closed means that nobody reads on: there is nothing to wait for.
      if (out.writableNeedDrain && !out.destroyed) await once(out, 'drain')
    },
    [Symbol.dispose]: flush,
  }
}
