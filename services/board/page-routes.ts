// The overview's pages. Each reads the same data and starts the same actions as the API.

import { type Request, type Response, Router } from 'express'
import { formatEntity } from '#shared/model/entity.ts'
import { findStored } from './actions.ts'
import { entityQuery, operations } from './api-description.ts'
import { type ApiDeps, check, entityOf, readOrder, sendFile, untilGone } from './api-routes.ts'
import type { Csrf } from './csrf.ts'
import { entityPage } from './entity-page.ts'
import { type Content, renderFrame, type View } from './frame.ts'
import { overviewPage } from './overview-page.ts'
import { confirmPage, restorePage, restoreStatePage } from './restore-page.ts'
import { runPage, runsPage } from './run-pages.ts'
import { type RuleTexts, readRules, ruleNames, writeRules } from './simulate-retention.ts'
import { diffPage, retentionPage, storePage } from './store-pages.ts'
import { texts } from './texts.ts'
import { tellBackupError, toldError } from './told-error.ts'
import { requireOperator, visitorOf } from './visitor.ts'

export interface PageDeps extends ApiDeps {
  readonly csrf: Csrf
  readonly basePath: string
  readonly hasLogout: boolean
}

export function pageRoutes(deps: PageDeps): Router {
  const { data, actions, simulate, compare, csrf, basePath, now } = deps
  const router = Router()
  const viewOf = (req: Request, res: Response): View => ({
    basePath,
    visitor: visitorOf(res)!,
    hasLogout: deps.hasLogout && visitorOf(res)!.how === 'password',
    token: csrf.issue(req, res),
    nowMs: now(),
  })
  const page = (path: string, make: (view: View, req: Request, res: Response) => Promise<Content>) => {
    router.get(path, async (req, res) => {
      const view = viewOf(req, res)
      const content = await make(view, req, res).catch(tell)
      res.send(renderFrame(view, content))
    })
  }
  const goTo = (res: Response, path: string) => res.redirect(303, `${basePath}${path}`)

  page('/', async (view, req) => {
    const { order, ...query } = check(entityQuery, req.query) as ReturnType<typeof entityQuery.parse>
    return overviewPage(view, await data.look(), { ...query, descending: order === 'desc' })
  })
  page('/entities/:entity', async (view, req) => {
    const entity = entityOf(req.params as Record<string, string>)
    await data.refresh(entity)
    const [rows, history] = [await data.findRows(entity), await data.readHistory(entity)]
    const isKnown = rows.length + history.servers.length + history.unrecognised.length > 0
    if (!isKnown) throw toldError(404, texts.entity.unknown)
    return entityPage(view, {
      rows,
      history,
      jobs: await data.listJobs(entity, rows, history),
      notice: req.query.started === 'verify' ? texts.entity.started : undefined,
    })
  })
  router.get('/entities/:entity/archives/:file', requireOperator, async (req, res) => {
    const found = await findStored(data, entityOf(req.params as Record<string, string>), String(req.params.file))
    await sendFile(res, found.archivePath, found.record.archive.fileName)
  })
  router.post('/entities/:entity/backup', requireOperator, async (req, res) => {
    const entity = entityOf(req.params as Record<string, string>)
    const [row] = await data.findRows(entity)
    const { runId } = await actions.backUpNow(entity, row?.mode ?? 'p', visitorOf(res))
    goTo(res, `/runs/${encodeURIComponent(runId)}`)
  })
  router.post('/entities/:entity/verify', requireOperator, async (req, res) => {
    const entity = entityOf(req.params as Record<string, string>)
    await actions.verifyNow(entity, visitorOf(res))
    goTo(res, `/entities/${formatEntity(entity)}?started=verify`)
  })
  router.use('/entities/:entity/diff', requireOperator)
  page('/entities/:entity/diff', async (view, req, res) => {
    const entity = entityOf(req.params as Record<string, string>)
    const { before, after } = check(operations.compareArchives.query, req.query) as { before: string; after: string }
    return diffPage(view, formatEntity(entity), await compare(entity, before, after, untilGone(res)))
  })
  router.use('/entities/:entity/restore', requireOperator)
  page('/entities/:entity/restore', async (view, req) => {
    const entity = entityOf(req.params as Record<string, string>)
    const archive = await findStored(data, entity, String(req.query.archive ?? ''))
    return restorePage(view, archive, await data.listTargets())
  })
  router.post('/entities/:entity/restore', async (req, res) => {
    const entity = entityOf(req.params as Record<string, string>)
    const key = formatEntity(entity)
    const { body } = operations.restoreEntity
    const order = readOrder(check(body, req.body) as ReturnType<typeof body.parse>)
    const archive = await findStored(data, entity, order.archive)
    const view = viewOf(req, res)
    if (order.targetUrl === archive.record.server.url && !order.isConfirmed) {
      return void res.send(renderFrame(view, confirmPage(view, key, order)))
    }
    try {
      const { restoreId } = await actions.restore(entity, order, visitorOf(res))
      goTo(res, `/restores/${encodeURIComponent(restoreId)}/${key}`)
    } catch (error) {
      const { told } = error as { told?: unknown }
      if (typeof told !== 'string') throw error
      res.status(409).send(renderFrame(view, restorePage(view, archive, await data.listTargets(), told)))
    }
  })
  page('/restores/:restore/:entity', async (view, req) => {
    const { restore, entity } = check(operations.readRestore.params, req.params) as Record<string, string>
    const ref = entityOf({ entity: entity! })
    const state = await data.store.readRestoreState(restore!, ref)
    return restoreStatePage(view, restore!, entity!, state, await data.readRestoreProgress(restore!, ref))
  })
  page('/runs', async (view) => runsPage(view, await data.listRuns()))
  page('/runs/:run', async (view, req) => {
    const { run: runId } = check(operations.readRun.params, req.params) as { run: string }
    let run = await data.readRun(runId)
    // Only Redis is asked again and again: the directory may be slow, and has runs that have ended.
    if (!run && (await untilKnown(() => data.ledger.read(runId)))) run = await data.readRun(runId)
    if (!run) throw toldError(404, texts.run.unknown)
    const [retried, gone] = [Number(req.query.retried), Number(req.query.gone)]
    const notice = retried >= 0 && gone >= 0 ? texts.run.retried(retried, gone) : undefined
    return runPage(view, run, notice)
  })
  router.post('/runs/:run/retry', requireOperator, async (req, res) => {
    const { run } = check(operations.retryRun.params, req.params) as { run: string }
    const { series } = check(operations.retryRun.body, req.body) as { series?: string }
    const { retried, gone } = await actions.retry(run, series, visitorOf(res))
    goTo(res, `/runs/${encodeURIComponent(run)}?retried=${retried}&gone=${gone}`)
  })
  router.get('/jobs/:job', async (req, res) => {
    const { job } = req.params
    const queue = await data.findQueueOf(job)
    if (queue === undefined) throw toldError(404, texts.run.noJob)
    goTo(res, `/queues/queue/${queue}/${encodeURIComponent(job)}`)
  })
  page('/store', async (view) => storePage(view, (await data.look()).headline, await data.readGrowth()))
  page('/retention', async (view, req, res) => {
    const set = writeRules(data.rules)
    if (req.query.simulate === undefined) return retentionPage(view, { rules: set })
    const given = check(operations.simulateRetention.query, pickRules(req.query)) as RuleTexts
    const rules = { ...set, ...given }
    try {
      const simulation = await simulate(readRules(given, data.rules), new Date(now()), untilGone(res))
      return retentionPage(view, { rules, simulation })
    } catch (error) {
      const { told } = tellBackupError(error) as { told?: unknown }
      if (typeof told !== 'string') throw error
      return retentionPage(view, { rules, problem: told })
    }
  })
  return router
}

function pickRules(query: Request['query']): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(ruleNames).flatMap((name) => (query[name] === undefined ? [] : [[name, query[name]]])),
  )
}

const KNOWN_WITHIN_MS = 5_000
const LOOK_EVERY_MS = 200

/** A run that was just asked for has an account as soon as a scheduler takes it up. */
async function untilKnown<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
  const untilMs = performance.now() + KNOWN_WITHIN_MS
  for (;;) {
    const found = await read()
    if (found !== undefined || performance.now() > untilMs) return found
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

function tell(error: unknown): never {
  throw tellBackupError(error)
}
