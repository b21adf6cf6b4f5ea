// Bull Board below /queues.

import { createBullBoard } from '@bull-board/api'
import { ExpressAdapter } from '@bull-board/express'
import type { Queue } from 'bullmq'
import { type RequestHandler, Router } from 'express'
import type { Logger } from 'pino'
import { BoardQueue } from './board-queue.ts'
import type { Csrf } from './csrf.ts'
import { explain } from './error-pages.ts'
import { texts } from './texts.ts'

export interface QueuePagesDeps {
  readonly queues: readonly Queue[]
  readonly csrf: Csrf
  readonly basePath: string
  readonly readOnly: boolean
  /** Whether there is a session to end. */
  readonly hasLogout: boolean
  readonly logger: Logger
}

/** Bull Board's own handler tells visitors what was thrown, with its stack where NODE_ENV is `development`. */
class QuietAdapter extends ExpressAdapter {
  readonly #logger: Logger

  constructor(logger: Logger) {
    super()
    this.#logger = logger
  }

  override setErrorHandler(): this {
    return super.setErrorHandler((error) => {
      const { status, text } = explain(error)
      if (status === 500) this.#logger.error({ err: error }, 'a request failed')
      return { status: status as 500, body: { error: { key: 'ERRORS.INTERNAL_SERVER_ERROR' }, message: text } }
    })
  }
}

export function queuePages(deps: QueuePagesDeps): Router {
  const { basePath, csrf, readOnly, logger } = deps
  const icon = `${basePath}/assets/icon.svg`
  const serverAdapter = new QuietAdapter(logger)
  serverAdapter.setBasePath(`${basePath}/queues`)
  createBullBoard({
    queues: deps.queues.map((queue) => new BoardQueue(queue, { readOnly })),
    serverAdapter,
    options: {
      uiConfig: {
        boardTitle: texts.product,
        boardLogo: { path: icon, width: 24, height: 24 },
        favIcon: { default: icon, alternative: icon },
        hideDocsLink: true,
        miscLinks: [
          { text: texts.nav.overview, url: `${basePath}/` },
          ...(deps.hasLogout ? [{ text: texts.nav.logout, url: `${basePath}/logout` }] : []),
        ],
      },
    },
  })
  const pages = serverAdapter.getRouter()
  pages.disable('x-powered-by')
  const router = Router()
  router.use(ownPage(csrf), pages)
  return router
}

/** The page that Bull Board renders: gets the visitor's token, and loses the fonts of another server. */
function ownPage(csrf: Csrf): RequestHandler {
  return (req, res, next) => {
    const render = res.render.bind(res)
    res.render = (view: string, params?: object) => {
      csrf.issue(req, res)
      render(view, params, (error: Error | null, html: string) => {
        if (error) next(error)
        else res.send(html.replaceAll(/<link href="https?:[^>]*>/g, ''))
      })
    }
    next()
  }
}
