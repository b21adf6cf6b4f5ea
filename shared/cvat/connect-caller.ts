// Puts transport, login and retries together as the options say.

import { type ApiCaller, createApiCaller } from './api-caller.ts'
import { type CvatClientOptions, resolveRetry, resolveTimeouts } from './client-options.ts'
import { sleepFor } from './deadline.ts'
import { createPasswordLogin, createTokenLogin, type Login } from './login.ts'
import type { ServerUrl } from './server-url.ts'
import { signIn } from './sign-in.ts'
import type { Transport } from './transport.ts'

/** @param closing aborts when the client closes */
export function connectCaller(
  options: CvatClientOptions,
  server: ServerUrl,
  transport: Transport,
  closing: AbortSignal,
): ApiCaller {
  const timeouts = resolveTimeouts(options.timeouts)
  return createApiCaller({
    transport,
    server,
    timeouts,
    login: createLogin(options, { transport, server, limitMs: timeouts.requestMs }, closing),
    retry: {
      policy: resolveRetry(options.retry),
      random: options.random ?? Math.random,
      sleep: options.sleep ?? sleepFor,
    },
    onRetry: (call, error, attempt, delayMs) =>
      options.logger?.warn(
        { call, attempt, delayMs, code: error.code, reason: error.message },
        'CVAT did not answer well; trying again',
      ),
  })
}

function createLogin(
  { credentials, logger }: CvatClientOptions,
  deps: { transport: Transport; server: ServerUrl; limitMs: number },
  closing: AbortSignal,
): Login {
  if ('accessToken' in credentials) return createTokenLogin(credentials.accessToken)
  const { username, password } = credentials
  return createPasswordLogin({
    username,
    password,
    signIn: (signal) => signIn(deps, { username, password }, signal),
    closing,
    logger,
  })
}
