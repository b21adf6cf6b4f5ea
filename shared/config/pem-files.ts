// Files with certificates and keys, read and checked when the settings are.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { InvalidValue } from './value-schemas.ts'

/** Certificates or a key, checked to be readable and sound. */
export interface PemFile {
  readonly path: string
  readonly pem: string
}

/** @throws InvalidValue when it cannot be read, holds no certificate, or one that cannot be parsed */
export function readCertificates(path: string): PemFile {
  const pem = readText(path)
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
  const fix = 'Name a PEM file with certificates'
  if (certificates.length === 0) throw new InvalidValue('names a file without a PEM certificate', fix)
  certificates.forEach((certificate, index) => {
    try {
      new X509Certificate(certificate)
    } catch {
      throw new InvalidValue(`names a file whose certificate ${index + 1} cannot be parsed`, fix)
    }
  })
  return { path, pem }
}

/** @throws InvalidValue when it cannot be read or holds no private key that can be used without a passphrase */
export function readPrivateKey(path: string): PemFile {
  const pem = readText(path)
  try {
    createPrivateKey(pem)
  } catch {
    const fix = 'Name a PEM file with a private key that needs no passphrase'
    throw new InvalidValue('names a file without a private key that can be used', fix)
  }
  return { path, pem }
}

/** Whether the key is that of the file's first certificate, which is the one that is shown to servers. */
export function isKeyOf(key: PemFile, certificates: PemFile): boolean {
  return new X509Certificate(certificates.pem).checkPrivateKey(createPrivateKey(key.pem))
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new InvalidValue(`names a file that cannot be read: ${code}`, 'Name a file that this process can read')
  }
}
