// One POST to an address that is set. The address itself is a secret: no error names it.

import { request } from 'undici'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'

const LIMIT_MS = 10_000
/** Of an answer so much is shown. */
const EXCERPT = 200

/**
 * Follows no redirect: what is meant for one address goes to no other.
 * @throws BackupError `notification-refused` for any answer but 2xx, `notification-failed` where there was none
 */
export async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  let status: number
  let text: string
  try {
    const answer = await request(url, {
      method: 'POST',
      body,
      headers: { 'user-agent': 'cvat-backups', ...headers },
      signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
      headersTimeout: LIMIT_MS,
      bodyTimeout: LIMIT_MS,
      reset: true,
    })
    status = answer.statusCode
    text = await readExcerpt(answer.body)
  } catch (cause) {
    signal.throwIfAborted()
    throw new BackupError(`no answer: ${describeError(cause)}`, { code: 'notification-failed', retryable: true })
  }
  if (status >= 200 && status < 300) return
  throw new BackupError(`the answer was ${status}${text === '' ? '' : `: ${text}`}`, {
    code: 'notification-refused',
    retryable: true,
  })
}

async function readExcerpt(body: AsyncIterable<Buffer> & { destroy(): unknown }): Promise<string> {
  let text = ''
  for await (const piece of body) {
    text += piece.toString('utf8')
    if (text.length > EXCERPT) break
  }
  return text.slice(0, EXCERPT).replaceAll(/\s+/g, ' ').trim()
}
