// Whether a login is right, in a time that tells nothing about how wrong it is.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** `viewer` looks, `operator` may start, change and download things too. */
export type Role = 'viewer' | 'operator'

export interface Login extends Credentials {
  readonly role: Role
}

/** The login that was meant; every one is compared, so that the time tells nothing about which. */
export function findLogin(logins: readonly Login[], username: unknown, password: unknown): Login | undefined {
  return logins.filter((login) => areCredentials(login, username, password))[0]
}

/** Both sides are hashed, so that they are of one length; the key is new each time, so that hashes tell nothing either. */
export function areCredentials(expected: Credentials, username: unknown, password: unknown): boolean {
  const key = randomBytes(32)
  const isUser = isSame(expected.username, username, key)
  const isPassword = isSame(expected.password, password, key)
  return isUser && isPassword
}

function isSame(expected: string, given: unknown, key: Buffer): boolean {
  const hash = (text: string) => createHmac('sha256', key).update(text).digest()
  const isText = typeof given === 'string'
  const equal = timingSafeEqual(hash(expected), hash(isText ? given : ''))
  return isText && equal
}
