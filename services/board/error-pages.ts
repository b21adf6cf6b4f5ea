// What is shown when something is not there, not allowed or broken: in words, without a stack.

import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { escapeHtml, renderPage } from './page.ts'

/** Errors that we or a library throw with a status are meant for the visitor; their code says which text. */
interface StatusError {
  readonly status?: unknown
  readonly code?: unknown
  /** The text itself, where no list can have it. */
  readonly told?: unknown
}

const byCode: Readonly<Record<string, string>> = {
  EBADCSRFTOKEN:
    'This did not come from a page of the board, or the page is too old. Load the page anew and try again.',
  NO_PROXY_USER:
    'Nobody is logged in: the board is to be reached through its reverse proxy, which names the user. See BOARD_PROXY_USER_HEADER and BOARD_TRUSTED_PROXIES.',
  VIEWER: 'You may look here, and change nothing: this login is that of a viewer.',
  WRONG_TOKEN: 'This token is not known here (BOARD_TOKENS).',
  TOO_MANY_TOKENS: 'Too many wrong tokens or logins from your address. Try again later.',
  READ_ONLY: 'The board is read-only (BOARD_READ_ONLY): nothing can be changed here.',
  NOT_AN_ACTION: 'The board does not do this: it would change what jobs carry or how queues work.',
  STRANGE_HOST:
    'The board is not known under this name. Set BOARD_PUBLIC_URL to its address as in your browser, or use the address of the machine.',
  NO_REDIS: 'Redis does not answer, so there is nothing to show. Backups go on once it is back.',
}

const byStatus: Readonly<Record<number, string>> = {
  400: 'The request could not be understood.',
  401: 'Nobody is logged in, or the session has ended. Load the page anew to log in.',
  403: 'This is not allowed.',
  404: 'There is nothing here.',
  409: 'This cannot be done now.',
  413: 'The request is too large.',
}

const DEFECT = 'Something went wrong; the log of the board says what.'

export const notFound: RequestHandler = (_req, _res, next) => {
  next(Object.assign(new Error('not found'), { status: 404 }))
}

/** The last handler. Only what nobody expected goes to the log. */
export function showErrors(basePath: string, logger: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, req, res, _next) => {
    const { status, text } = explain(error)
    if (status === 500) logger.error({ err: error, method: req.method, path: req.path }, 'a request failed')
    if (res.headersSent) return void res.destroy()
    answer(req, res, status, text, basePath)
  }
}

export function explain(error: unknown): { readonly status: number; readonly text: string } {
  const { status, code, told } = (error ?? {}) as StatusError
  if (typeof status === 'number' && typeof told === 'string') return { status, text: told }
  if (typeof status !== 'number' || status < 400 || status > 599) return { status: 500, text: DEFECT }
  return { status, text: (typeof code === 'string' ? byCode[code] : undefined) ?? byStatus[status] ?? DEFECT }
}

function answer(req: Request, res: Response, status: number, text: string, basePath: string): void {
  res.status(status)
  // Bull Board's pages show `message` to the visitor and translate the key.
  if (req.originalUrl.includes('/api/') || req.accepts(['json', 'html']) !== 'html') {
    res.json({ error: { key: status === 404 ? 'ERRORS.QUEUE_NOT_FOUND' : 'ERRORS.FORBIDDEN' }, message: text })
    return
  }
  const body = `<p role="alert">${escapeHtml(text)}</p>\n<p><a href="${basePath}/">To the overview</a></p>`
  res.send(renderPage({ title: `Error ${status}`, body, basePath }))
}
