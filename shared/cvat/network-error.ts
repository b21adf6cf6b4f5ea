// Faults below HTTP (names, connections, TLS, silence, broken bodies) as typed errors.

import { BackupError } from '#shared/errors/backup-error.ts'

const certificateFaults = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA|CRL_)/

// A parser that meets the end too early saw a connection break, nothing else.
const protocolFaults = /^(EPROTO|ERR_SSL_|HPE_(?!INVALID_EOF_STATE))/

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  UND_ERR_SOCKET: 'connection closed',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  ETIMEDOUT: 'no connection in time',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'name lookup failed',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
}

/**
 * The error for a call that got no whole answer: `timeout`, `unreachable` (connection, name, TLS; certificates and
 * protocol mix-ups are not retryable) or `client-closed`. A BackupError passes unchanged.
 *
 * @param call what was called, for the message
 */
export function createNetworkError(error: unknown, call: string): BackupError {
  if (error instanceof BackupError) return error
  const code = errorCode(error)
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return new BackupError(`${call}: the server fell silent`, { code: 'timeout', retryable: true, cause: error })
  }
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') {
    return new BackupError(`${call}: the client is closed`, { code: 'client-closed', retryable: false, cause: error })
  }
  const details = { code: 'unreachable', cause: error }
  if (certificateFaults.test(code)) {
    const hint =
      'The certificate of CVAT is not trusted: check its name and date, or add its authority with CVAT_CA_FILE.'
    return new BackupError(`${call}: TLS certificate refused (${code})`, { ...details, retryable: false, hint })
  }
  if (protocolFaults.test(code)) {
    const hint = 'What answers does not speak this protocol: check http or https, and the port, in CVAT_URL.'
    return new BackupError(`${call}: protocol error (${code})`, { ...details, retryable: false, hint })
  }
  const reason = reasons[code] ?? 'the connection failed'
  const hint = 'Check CVAT_URL, and that CVAT runs and can be reached from here.'
  return new BackupError(`${call}: ${reason}${code ? ` (${code})` : ''}`, { ...details, retryable: true, hint })
}

/**
 * The error for a download's body that broke: `timeout` when nothing came for `timeouts.bodyMs`, else
 * `download-interrupted`; both retryable, from where it broke. Give it errors of the body alone: a full disk in the same
 * pipeline would be called a network fault, and an abort is the caller's own doing.
 */
export function asDownloadError(error: unknown): BackupError {
  if (error instanceof BackupError) return error
  const code = errorCode(error)
  if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') {
    return createNetworkError(error, 'download')
  }
  return new BackupError(`The download broke off${code ? ` (${code})` : ''}`, {
    code: 'download-interrupted',
    retryable: true,
    cause: error,
  })
}

/** Node's or undici's code; of several addresses tried, the first one's. */
function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  if (error.name === 'HTTPParserError') return 'HPE_NOT_HTTP'
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0])
  return error.cause === undefined ? '' : errorCode(error.cause)
}
