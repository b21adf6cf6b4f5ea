// HTTP answers that are not success, as typed errors. CVAT tells many faults apart only by their text; the texts below
// were seen on a real server, and an unknown one still gets its status' code.

import { BackupError } from '#shared/errors/backup-error.ts'
import { type AnswerShape, excerptAnswer, shapeOfAnswer } from './answer-text.ts'
import { parseRetryAfter } from './retry.ts'

export interface ErrorAnswer {
  /** What was called, for the message: `GET /api/projects/6`. */
  readonly call: string
  readonly status: number
  /** At least the beginning of the body. */
  readonly body: string
  readonly retryAfter?: string | undefined
  /** Texts that must not show up in the message. */
  readonly secrets?: readonly string[]
}

interface Fault {
  readonly code: string
  readonly retryable: boolean
  readonly hint?: string
}

interface KnownFault extends Fault {
  readonly status: number
  readonly shape?: AnswerShape
  readonly text: RegExp
}

const exportAgain = 'The export is gone on the server; it has to be started again.'

const tooOldOrElsewhere = 'CVAT_URL does not point at CVAT, or this CVAT is too old to have this call.'

const knownFaults: readonly KnownFault[] = [
  {
    status: 400,
    text: /without data/i,
    code: 'no-data',
    retryable: false,
    hint: 'CVAT keeps no backup of an empty task.',
  },
  {
    status: 400,
    text: /unknown format/i,
    code: 'unknown-format',
    retryable: false,
    hint: 'Use a name from the list of export formats of this server, with its version.',
  },
  { status: 400, text: /export process is not finished/i, code: 'export-not-finished', retryable: true },
  { status: 400, text: /unknown export request/i, code: 'unknown-request', retryable: false, hint: exportAgain },
  {
    status: 400,
    text: /no such file were uploaded/i,
    code: 'upload-gone',
    retryable: true,
    hint: 'The server has given the upload up; it begins again.',
  },
  { status: 404, text: /no request with specified id/i, code: 'unknown-request', retryable: false, hint: exportAgain },
  { status: 404, shape: 'string', text: /expired/i, code: 'file-expired', retryable: false, hint: exportAgain },
  {
    status: 404,
    shape: 'detail',
    text: /organization does not exist/i,
    code: 'unknown-organization',
    retryable: false,
    hint: 'CVAT_ORGANIZATION is the short name (slug) of an organization; leave it empty for all.',
  },
]

/**
 * The error for an answer with a status of 400 or more. Codes: `throttled`, `server-error`, `login-failed`, `forbidden`,
 * `not-found`, `no-endpoint` (an HTML 404, 405 or 410: no such call there), `no-data`, `unknown-format`,
 * `export-not-finished`, `upload-gone`, `unknown-request`, `file-expired`, `unknown-organization`, `not-acceptable`,
 * `range-not-satisfiable`, `timeout` (408), `bad-request` (all other 4xx).
 * `unknown-request` and `file-expired` are not retryable as a call: the export has to be started again.
 */
export function createAnswerError(answer: ErrorAnswer): BackupError {
  const text = excerptAnswer(answer.body, answer.secrets)
  const { code, retryable, hint } = classify(answer.status, shapeOfAnswer(answer.body), text)
  return new BackupError(`${answer.call}: ${answer.status}${text ? ` ${text}` : ''}`, {
    code,
    retryable,
    hint,
    retryAfterMs: retryable ? parseRetryAfter(answer.retryAfter, Date.now()) : undefined,
  })
}

function classify(status: number, shape: AnswerShape, text: string): Fault {
  const known = knownFaults.find(
    (fault) => fault.status === status && (fault.shape ?? shape) === shape && fault.text.test(text),
  )
  if (known) return known
  if (status >= 500) return { code: 'server-error', retryable: true, hint: 'Look into the logs of the CVAT server.' }
  switch (status) {
    case 401:
      return { code: 'login-failed', retryable: false, hint: 'Something in front of CVAT asks for a login of its own.' }
    case 403:
      return {
        code: 'forbidden',
        retryable: false,
        hint: 'The backup user needs a role in CVAT that may see and export this.',
      }
    case 404:
      if (shape !== 'html' && text !== '') return { code: 'not-found', retryable: false }
      return { code: 'no-endpoint', retryable: false, hint: tooOldOrElsewhere }
    case 405:
    case 410:
      return { code: 'no-endpoint', retryable: false, hint: tooOldOrElsewhere }
    case 406:
      return {
        code: 'not-acceptable',
        retryable: false,
        hint: 'A proxy in front of CVAT may be changing the Accept header.',
      }
    case 408:
      return { code: 'timeout', retryable: true }
    case 416:
      return { code: 'range-not-satisfiable', retryable: false, hint: 'The file is shorter than what is already here.' }
    case 429:
      return { code: 'throttled', retryable: true, hint: 'CVAT or a proxy limits the number of calls.' }
    default:
      return { code: 'bad-request', retryable: false }
  }
}
