// POST /api/auth/login: a user name and a password for a token. The same key comes back every time, until it is deleted.

import { z } from 'zod'
import { BackupError } from '#shared/errors/backup-error.ts'
import { createAnswerError } from './answer-error.ts'
import { excerptAnswer } from './answer-text.ts'
import { withDeadline } from './deadline.ts'
import { loginFailedForPassword } from './login.ts'
import { parseAnswer } from './parse-answer.ts'
import { readErrorText, readText } from './read-text.ts'
import { apiTarget, type ServerUrl } from './server-url.ts'
import { discard, type Transport } from './transport.ts'

const call = 'POST /api/auth/login'

/** Set-ups with single sign-on switch the call off. */
const noLoginCall = [403, 404, 405, 410]

const keySchema = z.object({ key: z.string().regex(/^[\x21-\x7e]+$/) })

/**
 * The login token; undefined when the server has no login call.
 *
 * @throws BackupError `login-failed` for a wrong user name or password; the usual ones for throttling and outages
 */
export async function signIn(
  deps: { transport: Transport; server: ServerUrl; limitMs: number },
  credentials: { username: string; password: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  const timeoutError = () => new BackupError(`${call}: no answer in time`, { code: 'timeout', retryable: true })
  return withDeadline(deps.limitMs, signal, timeoutError, async (limited) => {
    const answer = await deps.transport.send(
      {
        call,
        method: 'POST',
        target: apiTarget(deps.server, '/api/auth/login'),
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(credentials),
        purpose: 'api',
      },
      limited,
    )
    if (answer.status === 200) {
      return parseAnswer(await readText(answer.body, call), keySchema, { call, status: 200 }).key
    }
    if (noLoginCall.includes(answer.status)) {
      discard(answer)
      return undefined
    }
    const body = await readErrorText(answer.body)
    const secrets = [credentials.password]
    if (answer.status === 400 || answer.status === 401) {
      throw loginFailedForPassword(`${call}: ${answer.status} ${excerptAnswer(body, secrets)}`)
    }
    const retryAfter = answer.header('retry-after')
    throw createAnswerError({ call, status: answer.status, body, retryAfter, secrets })
  })
}
