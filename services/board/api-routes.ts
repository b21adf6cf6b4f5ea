// The API below /api/v1: what was described, carried out. Pages use the same data and the same actions.

import type { Request, Response, Router } from 'express'
import express from 'express'
import type { z } from 'zod'
import { type EntityRef, parseEntity } from '#shared/model/entity.ts'
import { selectRows } from '#shared/overview/select-rows.ts'
import { type Actions, findStored } from './actions.ts'
import { describeApi, type OperationId, operationList, type operations } from './api-description.ts'
import type { BoardData } from './board-data.ts'
import type { openComparer } from './compare-stored.ts'
import {
  growthToJson,
  historyToJson,
  jobToJson,
  overviewToJson,
  restoreToJson,
  rowToJson,
  runToJson,
  simulationToJson,
  summaryToJson,
} from './describe-json.ts'
import type { openFollowing } from './follow-run.ts'
import { type openSimulator, type RuleTexts, readRules, writeRules } from './simulate-retention.ts'
import { texts } from './texts.ts'
import { tellBackupError, toldError } from './told-error.ts'
import { requireOperator, type Visitor, visitorOf } from './visitor.ts'

export interface ApiDeps {
  readonly data: BoardData
  readonly actions: Actions
  readonly simulate: ReturnType<typeof openSimulator>
  readonly compare: ReturnType<typeof openComparer>
  readonly follow: ReturnType<typeof openFollowing>
  readonly now: () => number
}

interface Asked {
  readonly params: Record<string, string>
  // Checked by the schema of its operation before it comes here.
  // biome-ignore lint/suspicious/noExplicitAny: each handler knows its own schema
  readonly query: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly body: any
  readonly visitor: Visitor | undefined
  readonly res: Response
  /** Aborted when the visitor has gone. */
  readonly signal: AbortSignal
}

/** Undefined where it has answered by itself. */
type Handler = (asked: Asked) => Promise<object | undefined>

export function apiRoutes(deps: ApiDeps): Router {
  const router = express.Router()
  const handlers = openHandlers(deps)
  const document = describeApi()
  router.get('/openapi.json', (_req, res) => void res.json(document))
  for (const [id, operation] of operationList) {
    const path = operation.path.replaceAll(/\{(\w+)\}/g, ':$1')
    const guards = operation.operator ? [requireOperator] : []
    router[operation.method](path, ...guards, async (req: Request, res: Response) => {
      const asked = {
        params: check(operation.params, req.params),
        query: check(operation.query, req.query),
        body: check(operation.body, req.body ?? {}),
        visitor: visitorOf(res),
        res,
        signal: untilGone(res),
      }
      const answer = await handlers[id](asked as Asked)
      if (answer) res.json(answer)
    })
  }
  return router
}

function openHandlers({ data, actions, simulate, compare, follow, now }: ApiDeps): Record<OperationId, Handler> {
  return {
    readOverview: async () => overviewToJson(await data.look()),
    async listEntities({ query }) {
      const { order, ...rest } = query as z.output<typeof operations.listEntities.query>
      const { rows, total, page, pages } = selectRows((await data.look()).rows, {
        ...rest,
        descending: order === 'desc',
      })
      return { total, page, pages, entities: rows.map(rowToJson) }
    },
    async readEntity({ params }) {
      const rows = await data.findRows(entityOf(params))
      if (rows.length === 0) throw toldError(404, texts.refused.nothingKnown(params.entity!))
      return { entities: rows.map(rowToJson) }
    },
    async listArchives({ params }) {
      return historyToJson(await data.readHistory(entityOf(params)).catch(tell))
    },
    async listJobs({ params }) {
      const entity = entityOf(params)
      const [rows, history] = [await data.findRows(entity), await data.readHistory(entity).catch(tell)]
      return { jobs: (await data.listJobs(entity, rows, history)).map(jobToJson) }
    },
    async downloadArchive({ params, res }) {
      const { archivePath, record } = await findStored(data, entityOf(params), params.file!)
      await sendFile(res, archivePath, record.archive.fileName)
      return undefined
    },
    async compareArchives({ params, query, signal }) {
      return compare(entityOf(params), query.before, query.after, signal).catch(tell)
    },
    async backUpEntity({ params, visitor }) {
      const entity = entityOf(params)
      const [row] = await data.findRows(entity)
      const { runId } = await actions.backUpNow(entity, row?.mode ?? 'p', visitor)
      return { run: runId }
    },
    async verifyEntity({ params, visitor }) {
      const { jobId } = await actions.verifyNow(entityOf(params), visitor)
      return { job: jobId }
    },
    async restoreEntity({ params, body, visitor }) {
      const { restoreId, jobId } = await actions.restore(entityOf(params), readOrder(body), visitor)
      return { restore: restoreId, job: jobId }
    },
    listTargets: async () => ({ targets: await data.listTargets() }),
    async readRestore({ params }) {
      const [restoreId, entity] = [params.restore!, entityOf(params)]
      const state = await data.store.readRestoreState(restoreId, entity).catch(tell)
      return restoreToJson(state, await data.readRestoreProgress(restoreId, entity))
    },
    async listRuns() {
      return { runs: (await data.listRuns()).map(({ summary, progress }) => summaryToJson(summary, progress)) }
    },
    async readRun({ params }) {
      const run = await data.readRun(params.run!)
      if (!run) throw toldError(404, texts.refused.noRun(params.run!))
      return runToJson(run)
    },
    async followRun({ params, res, signal }) {
      await follow(params.run!, res, signal)
      return undefined
    },
    retryRun: ({ params, body, visitor }) => actions.retry(params.run!, body.series, visitor),
    async simulateRetention({ query, signal }) {
      const rules = readRules(query as RuleTexts, data.rules)
      const simulation = await simulate(rules, new Date(now()), signal).catch(tell)
      return simulationToJson(writeRules(rules), simulation)
    },
    readGrowth: async () => growthToJson(await data.readGrowth()),
  }
}

/** What a form or a script asks for, in words. */
export function readOrder(body: z.output<typeof operations.restoreEntity.body>): Parameters<Actions['restore']>[1] {
  const { archive, target, organization, name, repair, again, confirm } = body
  return {
    archive,
    targetUrl: target,
    organization: organization === '-' ? null : organization,
    as: name,
    repair,
    again,
    isConfirmed: confirm,
  }
}

/** @throws an error for the visitor that names each field and what is wrong with it */
export function check(schema: z.ZodType | undefined, given: unknown): unknown {
  if (!schema) return {}
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'request'}: ${message}`)
  throw toldError(400, faults.slice(0, 10).join('; '))
}

/** With ranges, so that a download that broke off goes on. */
export function sendFile(res: Response, path: string, fileName: string): Promise<void> {
  return new Promise((resolve, reject) => {
    res.download(path, fileName, { dotfiles: 'allow' }, (error) => {
      // Whoever breaks off a download does no wrong.
      if (error && !res.headersSent) reject(toldError(404, texts.refused.unreadable))
      else resolve()
    })
  })
}

/** Aborted when the connection closes, so that nothing is read for somebody who has gone. */
export function untilGone(res: Response): AbortSignal {
  const gone = new AbortController()
  res.once('close', () => gone.abort(new Error('the visitor has gone')))
  return gone.signal
}

export function entityOf({ entity }: Readonly<Record<string, string>>): EntityRef {
  const parsed = parseEntity(entity ?? '')
  if (!parsed) throw toldError(404, texts.refused.noEntity)
  return parsed
}

function tell(error: unknown): never {
  throw tellBackupError(error)
}
