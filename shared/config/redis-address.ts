// The forms in which the address of a Redis can be written, and which part of them is secret.

import { InvalidValue } from './value-schemas.ts'

const ENCODE = 'Percent-encode special characters in the password, or give it as REDIS_PASSWORD'

/**
 * Accepts `redis://[[user]:password@]host[:port][/db]`, the same with `rediss` for TLS, and a socket as `unix:/path`,
 * `unix:///path` or `redis+unix:` with either. Gives it back with a lower-case scheme.
 * @throws InvalidValue that does not repeat the text
 */
export function checkRedisAddress(text: string): string {
  const [, scheme = '', rest = ''] = /^([a-z+]+:)(.*)$/is.exec(text) ?? []
  const address = scheme.toLowerCase() + rest
  if (/^(redis\+)?unix:/.test(address)) {
    if (/^(\/\/)?\/[^/?#]+(\/[^?#]*)?$/.test(rest)) return address
    throw new InvalidValue('names no absolute path of a socket', 'Write it like unix:/run/redis/redis.sock')
  }
  if (!/^rediss?:\/\//.test(address)) {
    throw new InvalidValue('', 'Write it like redis://host:6379, rediss://host:6379 or unix:/run/redis/redis.sock')
  }
  const url = URL.parse(address)
  if (!url?.hostname || url.hash || url.search || /\s/.test(address)) {
    throw new InvalidValue('is not an address of the form redis://user:password@host:port/database', ENCODE)
  }
  if (!/^(\/\d{0,4})?$/.test(url.pathname)) {
    throw new InvalidValue('names a database that is not a number', `Write it like redis://host:6379/0. ${ENCODE}`)
  }
  if (decode(url.username) === undefined || decode(url.password) === undefined) {
    throw new InvalidValue('holds a `%` that starts no percent-encoding', ENCODE)
  }
  return address
}

/** The address with its password hidden: `redis://user:***@host`. A login without a colon may be a password: it goes. */
export function maskRedisAddress(text: string): string {
  return text.replace(/^([^/]*\/\/)([^:@]*)(:?)(.*)@/s, (_, scheme: string, user: string, colon: string) =>
    colon ? `${scheme}${user}:***@` : `${scheme}***@`,
  )
}

/** Password of an address that {@link checkRedisAddress} accepted; undefined when there is none. */
export function passwordOfRedisAddress(address: string): string | undefined {
  if (!address.startsWith('redis:') && !address.startsWith('rediss:')) return undefined
  return decode(new URL(address).password) || undefined
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
