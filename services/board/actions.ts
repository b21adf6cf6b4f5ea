// What an operator can start from a page or by the API. The board itself changes nothing: each is a job for the service that
// does the same for the command line.

import { randomUUID } from 'node:crypto'
import type { Queue } from 'bullmq'
import type { Logger } from 'pino'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import { type RestorePayload, restorePayloadSchema } from '#shared/queues/restores-queue.ts'
import type { Mode, RunPayload } from '#shared/queues/runs-queue.ts'
import type { VerificationPayload } from '#shared/queues/verifications-queue.ts'
import { planRestore } from '#shared/restores/begin-restore.ts'
import { describeRequest } from '#shared/restores/describe-request.ts'
import { makeRunId } from '#shared/service/make-run-id.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import type { BoardData } from './board-data.ts'
import { texts } from './texts.ts'
import { tellBackupError, toldError } from './told-error.ts'
import type { Visitor } from './visitor.ts'

export interface ActionDeps {
  readonly data: BoardData
  readonly queues: {
    readonly runs: OpenQueue<RunPayload>
    readonly verifications: OpenQueue<VerificationPayload>
    readonly restores: OpenQueue<RestorePayload>
  }
  /** Where the jobs of backups are. */
  readonly backupQueues: readonly Queue[]
  readonly logger: Logger
}

export interface RestoreOrder {
  readonly archive: string
  readonly targetUrl: string
  /** Slug; null: personal; undefined: as it was. */
  readonly organization: string | null | undefined
  readonly as: string | undefined
  readonly repair: boolean
  /** Even where the very same was restored before. */
  readonly again: boolean
  /** Said yes to writing to the server that the archive is of. */
  readonly isConfirmed: boolean
}

export type Actions = ReturnType<typeof openActions>

export function openActions({ data, queues, backupQueues, logger }: ActionDeps) {
  const note = (visitor: Visitor | undefined, action: string, fields: object) =>
    logger.info({ user: visitor?.name, how: visitor?.how, action, ...fields }, 'an action on the board')

  return {
    /** As `backup --full` with one project or task: a new archive whether or not anything has changed. */
    async backUpNow(entity: EntityRef, mode: Mode, visitor: Visitor | undefined): Promise<{ runId: string }> {
      const runId = makeRunId(mode, new Date(), randomUUID())
      await queues.runs.add({
        name: `run on demand, mode ${mode}`,
        jobId: runId,
        payload: { do: 'start-run', runId, mode, full: true, entities: [entity], trigger: 'command' },
      })
      note(visitor, 'backup', { entity: formatEntity(entity), run: runId })
      return { runId }
    },

    /** As `verify` with one project or task. One that is under way already is not begun again. */
    async verifyNow(entity: EntityRef, visitor: Visitor | undefined): Promise<{ jobId: string }> {
      const jobId = `verify-${formatEntity(entity)}`
      await queues.verifications.revive({
        name: `all archives of ${formatEntity(entity)}`,
        jobId,
        payload: { entities: [entity] },
      })
      note(visitor, 'verify', { entity: formatEntity(entity) })
      return { jobId }
    },

    /** As `restore ENTITY --archive FILE`. @throws an error for the visitor */
    async restore(
      entity: EntityRef,
      order: RestoreOrder,
      visitor: Visitor | undefined,
    ): Promise<{ restoreId: string; jobId: string }> {
      const archive = await findStored(data, entity, order.archive)
      const { record } = archive
      if (record.series.content.kind !== 'backup') {
        throw toldError(400, texts.refused.noRestoreOfAnnotations)
      }
      if (!(await data.listTargets()).includes(order.targetUrl)) {
        throw toldError(409, texts.refused.noRestorer(order.targetUrl))
      }
      if (order.targetUrl === record.server.url && !order.isConfirmed) {
        throw toldError(400, texts.refused.unconfirmed(order.targetUrl))
      }
      const { repair, as, again, organization } = order
      const wish = { at: undefined, archive: order.archive, organization, as, repair }
      const request = describeRequest(
        { ...wish, organizationMap: new Map(), withDeleted: false },
        [entity],
        record.server.url,
        order.targetUrl,
      )
      const { plan } = await planRestore(data.store, request, order.targetUrl, again).catch((error) => {
        throw tellBackupError(error)
      })
      const { restoreId, startedAt } = plan
      const payload = restorePayloadSchema.safeParse({
        restoreId,
        entity,
        archive: { fileName: record.archive.fileName, sha256: record.archive.sha256 },
        name: record.observation.name,
        targetUrl: order.targetUrl,
        organization: organization === undefined ? record.observation.organization : organization,
        repair,
        ...(as === undefined ? {} : { as }),
        plan: { request, startedAt, ...(again ? { again } : {}) },
      })
      if (!payload.success)
        throw toldError(
          400,
          payload.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
        )
      const jobId = `${restoreId}.${formatEntity(entity)}`
      await queues.restores.revive({ name: record.observation.name, jobId, payload: payload.data })
      note(visitor, 'restore', { entity: formatEntity(entity), target: order.targetUrl, restore: restoreId })
      return { restoreId, jobId }
    },

    /**
     * Retries the jobs of a run that failed: as somebody would on the queues' pages. @param series one of them; all when
     * undefined. @returns how many were retried, and of how many the job is gone
     */
    async retry(
      runId: string,
      series: string | undefined,
      visitor: Visitor | undefined,
    ): Promise<{ retried: number; gone: number }> {
      let retried = 0
      let gone = 0
      for await (const failure of data.ledger.failures(runId)) {
        if (series !== undefined && failure.series !== series) continue
        if (await retryJob(`${runId}.${failure.series}`, backupQueues)) retried++
        else gone++
      }
      if (retried + gone === 0) throw toldError(404, texts.refused.noFailure)
      note(visitor, 'retry', { run: runId, ...(series === undefined ? {} : { series }), retried, gone })
      return { retried, gone }
    },
  }
}

/** The archive of this name in the entity's folder. @throws an error for the visitor */
export async function findStored(
  { store }: Pick<BoardData, 'store'>,
  entity: EntityRef,
  fileName: string,
): Promise<StoredArchive> {
  const { archives } = await store.listRecords(entity).catch((error) => {
    throw tellBackupError(error)
  })
  // By the catalogue and by nothing else: no path is made of what a visitor says.
  const found = archives.find(({ record }) => record.archive.fileName === fileName)
  if (found) return found
  throw toldError(404, texts.refused.noArchive(formatEntity(entity), fileName.slice(0, 200)))
}

/** With its attempts anew: a person has mended the cause. */
async function retryJob(id: string, queues: readonly Queue[]): Promise<boolean> {
  for (const queue of queues) {
    if ((await queue.getJobState(id)) !== 'failed') continue
    const job = await queue.getJob(id)
    if (!job) continue
    await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
    return true
  }
  return false
}
