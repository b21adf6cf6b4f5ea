// Asks before anything is written to a server that people work on.

import { createInterface } from 'node:readline/promises'
import { BackupError } from '#shared/errors/backup-error.ts'

/** @throws BackupError `not-confirmed` when the answer is no, or where nobody can answer */
export async function confirm(question: string, signal: AbortSignal): Promise<void> {
  if (!process.stdin.isTTY) throw notConfirmed(`${question} Nobody can answer here.`)
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal })
    if (!/^y(es)?$/i.test(answer.trim())) throw notConfirmed('Nothing was done.')
  } finally {
    lines.close()
  }
}

function notConfirmed(message: string): BackupError {
  return new BackupError(message, { code: 'not-confirmed', retryable: false, hint: '--yes answers beforehand.' })
}
