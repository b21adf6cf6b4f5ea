// File operations for commands that only read, and do nothing else meanwhile: `list` opens every record of the directory.

import * as fs from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { type FileOperations, realFiles } from './file-operations.ts'

/** An operation above this, on average, is worth a thread of its own; handing it over takes about 20 µs (measured). */
const QUICK_US = 40
/** No single one counts for more: a busy machine may take a process off its core in the middle of one. */
const MOST_US = 1_000
const WEIGHT = 0.02
const FIRST_TURN = 256
const LONGEST_TURN = 8_192
/** Open, read, read to the end, close. */
const OPERATIONS_A_FILE = 4

export interface ReadingOptions {
  /** Where operations go that are slow. */
  readonly files?: FileOperations
  /** A clock, in microseconds. */
  readonly nowUs?: () => number
}

/**
 * Reads without threads while the disk answers at once, which on a local disk is several times as fast; and with them,
 * some operations at a time, while it does not: a network mount, or a disk whose files are not in memory. It finds out by
 * itself, again and again. What operations do and how they fail is the same.
 *
 * Not for services: while the disk is asked, nothing else happens in the process. Files opened for reading know `stat`,
 * `read`, `readFile` and `close` only; opened for writing they are ordinary ones.
 */
export function openReadingFiles({ files = realFiles, nowUs = () => performance.now() * 1000 }: ReadingOptions = {}) {
  let averageUs = 0
  let turnsLeft = 0
  let turn = FIRST_TURN

  function note(tookUs: number, operations: number): void {
    averageUs += (Math.min(tookUs / operations, MOST_US) - averageUs) * WEIGHT
    if (averageUs <= QUICK_US) return
    turnsLeft = turn
    turn = Math.min(turn * 2, LONGEST_TURN)
    averageUs = QUICK_US / 2
  }

  /** Undefined: not now. */
  function tryAtOnce<T>(read: () => T, operations = 1): { readonly value: T } | undefined {
    if (turnsLeft > 0) {
      turnsLeft--
      return undefined
    }
    const startedUs = nowUs()
    try {
      return { value: read() }
    } finally {
      note(nowUs() - startedUs, operations)
      if (turn > FIRST_TURN && averageUs < QUICK_US / 4) turn = FIRST_TURN
    }
  }

  const reading = {
    ...files,
    async open(path: string, flags?: string | number, mode?: fs.Mode) {
      if (flags !== 'r') return files.open(path, flags, mode)
      const opened = tryAtOnce(() => fs.openSync(path, 'r'))
      return opened ? handleOf(opened.value, tryAtOnce) : files.open(path, 'r')
    },
    readAtOnce(path: string, maxBytes: number) {
      const read = tryAtOnce(() => readText(path, maxBytes), OPERATIONS_A_FILE)
      return read && { text: read.value }
    },
    async lstat(path: string) {
      return tryAtOnce(() => fs.lstatSync(path))?.value ?? files.lstat(path)
    },
    async readdir(path: string, options?: { withFileTypes?: boolean }) {
      const found = tryAtOnce(() => fs.readdirSync(path, options as { withFileTypes: true }))
      return found?.value ?? files.readdir(path, options as { withFileTypes: true })
    },
  }
  // Their many overloads, of which the store uses one or two each.
  return reading as unknown as FileOperations
}

/** For records: most of them are read without looking at their size first. */
const window = Buffer.allocUnsafeSlow(64 * 1024)

/** Undefined: longer than that. */
function readText(path: string, maxBytes: number): string | undefined {
  const fd = fs.openSync(path, 'r')
  try {
    let length = 0
    for (;;) {
      const read = fs.readSync(fd, window, length, window.length - length, length)
      if (read === 0) return window.toString('utf8', 0, length)
      length += read
      if (length === window.length) break
    }
    return fs.fstatSync(fd).size > maxBytes ? undefined : fs.readFileSync(fd, 'utf8')
  } finally {
    fs.closeSync(fd)
  }
}

/** What was opened at once is read at once, whatever the next file's turn is: no thread knows its descriptor. */
function handleOf(fd: number, tryAtOnce: <T>(read: () => T) => { readonly value: T } | undefined): FileHandle {
  const atOnce = <T>(read: () => T): T => (tryAtOnce(read) ?? { value: read() }).value
  const handle = {
    async stat() {
      return atOnce(() => fs.fstatSync(fd))
    },
    async read(buffer: Buffer, offset: number, length: number, position: number | null) {
      return { bytesRead: atOnce(() => fs.readSync(fd, buffer, offset, length, position)), buffer }
    },
    async readFile(encoding: BufferEncoding) {
      return atOnce(() => fs.readFileSync(fd, encoding))
    },
    async close() {
      fs.closeSync(fd)
    },
  }
  return handle as unknown as FileHandle
}
