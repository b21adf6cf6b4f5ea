// Whether a webhook was signed with our secret.

import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * CVAT's `X-Signature-256: sha256=HEX`: HMAC-SHA256 of the body's bytes, keyed with the secret in UTF-8. Compared in constant time.
 * @returns `unsigned` where there is no such header: a webhook without a secret sends none
 */
export function checkSignature(
  header: string | undefined,
  body: Buffer,
  secret: string,
): 'good' | 'unsigned' | 'forged' {
  if (header === undefined) return 'unsigned'
  const [, hex] = /^sha256=([0-9a-f]{64})$/i.exec(header) ?? []
  if (hex === undefined) return 'forged'
  const expected = createHmac('sha256', Buffer.from(secret, 'utf8')).update(body).digest()
  return timingSafeEqual(expected, Buffer.from(hex, 'hex')) ? 'good' : 'forged'
}
