// Logging in and out.

import { type Request, type RequestHandler, type Response, Router, urlencoded } from 'express'
import type { Logger } from 'pino'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { BoardLimits } from './board-limits.ts'
import { findLogin, type Login } from './check-credentials.ts'
import type { Csrf } from './csrf.ts'
import { limitLogins } from './login-limit.ts'
import { escapeHtml, renderPage } from './page.ts'
import type { Sessions } from './sessions.ts'
import { texts } from './texts.ts'
import { visitorOf } from './visitor.ts'

export interface LoginDeps {
  readonly connection: QueueConnection
  readonly logins: readonly Login[]
  readonly sessions: Sessions
  readonly csrf: Csrf
  readonly limits: Pick<BoardLimits, 'wrongLogins' | 'loginWindowMs'>
  readonly basePath: string
  readonly logger: Logger
}

/** Refuses whoever is nobody: pages by way of the login, everything else with status 401. */
export function requireVisitor(basePath: string, hasLogin: boolean): RequestHandler {
  return (req, res, next) => {
    if (visitorOf(res)) return next()
    if (!hasLogin) return next(notByThisWay())
    const isPage =
      req.method === 'GET' && !req.originalUrl.includes('/api/') && req.accepts(['json', 'html']) === 'html'
    if (isPage) return res.redirect(303, `${basePath}/login?next=${encodeURIComponent(req.originalUrl)}`)
    next(Object.assign(new Error('nobody is logged in'), { status: 401 }))
  }
}

export function loginRoutes(deps: LoginDeps): Router {
  const { sessions, csrf, basePath, logger } = deps
  const show = (req: Request, res: Response, status: number, problem?: string) => {
    const next = chooseNext(req.body?.next ?? req.query.next, basePath)
    const token = csrf.issue(req, res)
    res
      .status(status)
      .send(renderPage({ title: texts.login.title, basePath, body: loginForm({ basePath, token, next, problem }) }))
  }
  const limit = limitLogins(deps.connection, deps.limits, (req, res) => {
    logger.warn({ address: req.ip }, 'too many wrong logins from one address: none is looked at for a while')
    const minutes = Math.ceil(deps.limits.loginWindowMs / 60_000)
    show(req, res, 429, texts.login.tooMany(minutes))
  })

  const router = Router()
  router.get('/login', (req, res) => {
    if (visitorOf(res)) res.redirect(303, chooseNext(req.query.next, basePath))
    else show(req, res, 200)
  })
  router.post('/login', limit, async (req, res) => {
    const login = findLogin(deps.logins, req.body?.username, req.body?.password)
    if (!login) {
      // Not the name: people write passwords there.
      logger.warn({ address: req.ip }, 'a wrong login')
      return show(req, res, 401, texts.login.wrong)
    }
    await sessions.begin(req, login)
    logger.info({ user: login.username, role: login.role, address: req.ip }, 'logged in')
    res.redirect(303, chooseNext(req.body?.next, basePath))
  })
  // A link cannot do it by itself: any page could hold one.
  router.get('/logout', (req, res) => {
    const token = csrf.issue(req, res)
    res.send(renderPage({ title: texts.login.logout, basePath, body: logoutForm(basePath, token) }))
  })
  router.post('/logout', async (req, res) => {
    await sessions.end(req)
    logger.info({ user: visitorOf(res)?.name }, 'logged out')
    res.redirect(303, `${basePath}/login`)
  })
  return router
}

/** Reads our forms. Before the check of their token. */
export const readForm: RequestHandler = urlencoded({ extended: false, limit: '8kb', parameterLimit: 20 })

/** A path of the board and nothing else, so that a login leads to no other server. */
export function chooseNext(asked: unknown, basePath: string): string {
  const home = `${basePath}/`
  if (typeof asked !== 'string' || !asked.startsWith(`${basePath}/`) || asked.length > 2_000) return home
  const url = URL.parse(asked, 'http://board.invalid')
  if (url?.host !== 'board.invalid' || /\/log(in|out)$/.test(url.pathname)) return home
  return `${url.pathname}${url.search}`.replace(/^\/{2,}/, '/')
}

function loginForm(form: { basePath: string; token: string; next: string; problem?: string | undefined }): string {
  const { basePath, token, next, problem } = form
  const t = texts.login
  return `<p class="hint">${escapeHtml(t.lead)}</p>
${problem === undefined ? '' : `<p role="alert">${escapeHtml(problem)}</p>\n`}<form method="post" action="${basePath}/login">
<input type="hidden" name="_csrf" value="${escapeHtml(token)}">
<input type="hidden" name="next" value="${escapeHtml(next)}">
<label for="username">${escapeHtml(t.username)}</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>
<label for="password">${escapeHtml(t.password)}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>${escapeHtml(t.go)}</button>
</form>`
}

function logoutForm(basePath: string, token: string): string {
  const t = texts.login
  return `<p>${escapeHtml(t.sure)}</p>
<form method="post" action="${basePath}/logout">
<input type="hidden" name="_csrf" value="${escapeHtml(token)}">
<button>${escapeHtml(t.logout)}</button>
</form>
<p><a href="${basePath}/">${escapeHtml(t.back)}</a></p>`
}

function notByThisWay(): Error {
  return Object.assign(new Error('no user named by the proxy'), { status: 403, code: 'NO_PROXY_USER' })
}
