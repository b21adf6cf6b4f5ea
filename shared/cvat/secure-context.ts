// Trust for servers with a certificate of a private authority.

import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { BackupError } from '#shared/errors/backup-error.ts'

/**
 * A TLS context that trusts the given PEM certificates besides Node's default ones (its bundled list and whatever
 * NODE_EXTRA_CA_CERTS or --use-system-ca add). Made once: parsing the whole list costs milliseconds a connection.
 *
 * @throws BackupError `bad-ca` when there is no certificate in it or one cannot be read
 */
export function createSecureContext(ca: string | Buffer): tls.SecureContext {
  const blocks = ca.toString().match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw badCa('The CA file holds no PEM certificate.')
  try {
    for (const block of blocks) new X509Certificate(block)
  } catch (cause) {
    throw badCa('A certificate in the CA file cannot be read.', cause)
  }
  return tls.createSecureContext({ ca: [...tls.getCACertificates('default'), ...blocks] })
}

function badCa(message: string, cause?: unknown): BackupError {
  return new BackupError(message, {
    code: 'bad-ca',
    retryable: false,
    hint: 'It must hold PEM blocks (-----BEGIN CERTIFICATE-----) of the authority that signed the certificate of CVAT.',
    cause,
  })
}
