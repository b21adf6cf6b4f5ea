// What is shown when something is not there, not allowed or broken: in words, without a stack.

import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { escapeHtml, renderPage } from './page.ts'
import { texts } from './texts.ts'

/** Errors that we or a library throw with a status are meant for the visitor; their code says which text. */
interface StatusError {
  readonly status?: unknown
  readonly code?: unknown
  /** The text itself, where no list can have it. */
  readonly told?: unknown
}

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
  const { byCode, byStatus, defect } = texts.errors
  if (typeof status !== 'number' || status < 400 || status > 599) return { status: 500, text: defect }
  return { status, text: (typeof code === 'string' ? byCode[code] : undefined) ?? byStatus[status] ?? defect }
}

function answer(req: Request, res: Response, status: number, text: string, basePath: string): void {
  res.status(status)
  // Bull Board's pages show `message` to the visitor and translate the key.
  if (req.originalUrl.includes('/api/') || req.accepts(['json', 'html']) !== 'html') {
    res.json({ error: { key: status === 404 ? 'ERRORS.QUEUE_NOT_FOUND' : 'ERRORS.FORBIDDEN' }, message: text })
    return
  }
  const body = `<p role="alert">${escapeHtml(text)}</p>\n<p><a href="${basePath}/">${escapeHtml(texts.errors.home)}</a></p>`
  res.send(renderPage({ title: texts.errors.title(status), body, basePath }))
}
