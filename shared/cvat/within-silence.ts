// The limit for bodies that are sent: undici has one for answers only, and a connection that takes nothing more off
// would hold an upload until TCP itself gives up, a quarter of an hour later.

import { type Readable, Transform } from 'node:stream'
import { BackupError } from '#shared/errors/backup-error.ts'

/**
 * Runs with a signal that aborts when the caller's does, or when a stream given to `watch` is neither read on nor at its
 * end for `silenceMs`. The rejection is then the caller's reason, or a BackupError `timeout`.
 */
export async function withinSilence<T>(
  silenceMs: number,
  call: string,
  signal: AbortSignal,
  run: (signal: AbortSignal, watch: (body: Readable) => Readable) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const controller = new AbortController()
  const follow = () => controller.abort(signal.reason)
  signal.addEventListener('abort', follow, { once: true })
  let timer: NodeJS.Timeout | undefined
  const watch = (body: Readable): Readable => {
    clearTimeout(timer)
    timer = setTimeout(() => controller.abort(silent(call)), silenceMs)
    const passed = new Transform({
      transform(chunk, _, done) {
        timer?.refresh()
        done(null, chunk)
      },
      flush(done) {
        clearTimeout(timer)
        done()
      },
    })
    body.once('error', (error) => passed.destroy(error))
    passed.once('close', () => body.destroy())
    return body.pipe(passed)
  }
  try {
    return await run(controller.signal, watch)
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', follow)
  }
}

function silent(call: string): BackupError {
  return new BackupError(`${call}: the server takes nothing more off`, { code: 'timeout', retryable: true })
}
