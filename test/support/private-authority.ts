// A certificate authority of our own, with one certificate, made by the openssl command.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface PrivateAuthority {
  /** The authority's certificate. */
  readonly ca: string
  readonly key: string
  /** Signed by the authority; good for servers and clients. */
  readonly cert: string
}

/** @param names what the certificate is for, as openssl writes it */
export async function createPrivateAuthority(names = 'DNS:localhost'): Promise<PrivateAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'authority-'))
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  try {
    await openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '2',
      '-subj',
      '/CN=Test CA',
    )
    await openssl('req', ...newKey, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost')
    await writeFile(join(folder, 'san.cnf'), `subjectAltName=${names}\n`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san.cnf']
    await openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...signed)
    const [ca, key, cert] = await Promise.all(
      ['ca.pem', 'server.key', 'server.pem'].map((name) => readFile(join(folder, name), 'utf8')),
    )
    return { ca: ca ?? '', key: key ?? '', cert: cert ?? '' }
  } finally {
    await rm(folder, { recursive: true })
  }
}
