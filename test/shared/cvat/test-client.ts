// A client with short waits for tests; its pauses are recorded instead of slept.

import { type CvatClient, type CvatClientOptions, openCvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'

export const accessToken = 'pat-5f2c0d1b-never-shown'
export const password = 'hunter2-never-shown'

export interface TestClient extends AsyncDisposable {
  readonly cvat: CvatClient
  /** The pauses before repeated attempts, in milliseconds. */
  readonly pauses: number[]
  /** Everything logged, as JSON lines. */
  readonly logged: string[]
}

export function openTestClient(url: string, options: Partial<CvatClientOptions> = {}): TestClient {
  const pauses: number[] = []
  const logged: string[] = []
  const log = (fields: object, message: string) => void logged.push(JSON.stringify({ ...fields, message }))
  const cvat = openCvatClient({
    url,
    credentials: { accessToken },
    timeouts: { connectMs: 2000, headersMs: 2000, bodyMs: 2000, requestMs: 5000 },
    random: () => 0.5,
    sleep: async (ms) => void pauses.push(ms),
    logger: { debug: log, info: log, warn: log },
    ...options,
  })
  return { cvat, pauses, logged, [Symbol.asyncDispose]: () => cvat.close() }
}

/** The BackupError that the promise rejects with. */
export async function faultOf(promise: Promise<unknown>): Promise<BackupError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof BackupError) return error
    throw error
  }
  throw new Error('expected a BackupError, but it succeeded')
}

export async function collect<T>(pages: AsyncIterable<T[]>): Promise<T[]> {
  const rows: T[] = []
  for await (const page of pages) rows.push(...page)
  return rows
}

/** A signal for calls that end by themselves. */
export function noAbort(): AbortSignal {
  return new AbortController().signal
}
