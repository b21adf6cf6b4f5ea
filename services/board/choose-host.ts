// Where the board listens: never where strangers are, unless they have to log in.

import type { Logger } from 'pino'
import type { BoardSettings } from './config.ts'

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/i

type Logins = Pick<BoardSettings, 'password' | 'proxyUserHeader'>

export function asksForLogin({ password, proxyUserHeader }: Logins): boolean {
  return password !== undefined || proxyUserHeader !== undefined
}

/** BOARD_HOST, or 127.0.0.1 where nobody is asked to log in. Says so, with the fix. */
export function chooseHost(settings: Logins & Pick<BoardSettings, 'host'>, logger: Logger): string {
  const { host } = settings
  if (asksForLogin(settings)) return host
  const hint = 'Set BOARD_USERNAME and BOARD_PASSWORD, or BOARD_PROXY_USER_HEADER and BOARD_TRUSTED_PROXIES.'
  if (LOOPBACK.test(host)) {
    logger.info({ host, hint }, 'the board asks for no login, so only this machine can reach it')
    return host
  }
  const fields = { host: '127.0.0.1', BOARD_HOST: host, hint }
  logger.warn(fields, 'the board asks for no login: BOARD_HOST does not count, only this machine can reach it')
  return '127.0.0.1'
}
