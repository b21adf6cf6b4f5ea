// Bodies of API answers, held in memory and therefore bounded.

import type { Readable } from 'node:stream'
import { BackupError } from '#shared/errors/backup-error.ts'
import { openRowSplitter } from './split-rows.ts'

/** Far above the largest page asked for, far below what a container has. */
const largestAnswerBytes = 64 * 1024 * 1024

/** Enough of an error's body to find its text or title. */
const errorBeginBytes = 64 * 1024

/**
 * The whole body as text.
 *
 * @throws BackupError `answer-too-long` when it is longer than 64 MiB; the connection is given up then
 */
export async function readText(body: Readable, call: string): Promise<string> {
  const { text, whole } = await readUpTo(body, largestAnswerBytes)
  if (whole) return text
  throw tooLong(call)
}

/**
 * The rows of a list as the splitter gives them, and the rest of the body as text.
 *
 * @throws BackupError as {@link readText}, and what `onRow` throws
 */
export async function readRowTexts(body: Readable, call: string, onRow: (text: string) => void): Promise<string> {
  const splitter = openRowSplitter(onRow)
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestAnswerBytes) throw tooLong(call)
    splitter.push(chunk)
  }
  return splitter.end()
}

/** The beginning of an error's body; empty when it cannot be read, as the status says the most. */
export async function readErrorText(body: Readable): Promise<string> {
  try {
    return (await readUpTo(body, errorBeginBytes)).text
  } catch {
    return ''
  }
}

/** Leaving the loop early destroys the body. */
async function readUpTo(body: Readable, limitBytes: number): Promise<{ text: string; whole: boolean }> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limitBytes) return { text: Buffer.concat(chunks).toString('utf8'), whole: false }
    chunks.push(chunk)
  }
  return { text: Buffer.concat(chunks).toString('utf8'), whole: true }
}

function tooLong(call: string): BackupError {
  return new BackupError(`${call}: the answer is longer than ${largestAnswerBytes} bytes`, {
    code: 'answer-too-long',
    retryable: false,
  })
}
