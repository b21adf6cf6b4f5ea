// One pass: re-checks a share of the stored archives by the schedule, or those of some entities on demand, and fails at its end
// when something is wrong with them.

import { basename } from 'node:path'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { VerificationPayload } from '#shared/queues/verifications-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { VerificationReport } from '#shared/store/verification-report.ts'
import type { VerifyEvent } from '#shared/store/verify-pass.ts'
import type { Scan } from '#shared/store/verify-scan.ts'
import { chooseShare } from './verify-share.ts'

export interface VerifyStoredDeps {
  readonly store: Pick<Store, 'verifyArchives' | 'writeStatus'>
  /** CVAT_BACKUP_VERIFY_PASSES. */
  readonly passes: number
  /** Told of everything that happens, for metrics. */
  readonly onEvent?: (event: VerifyEvent) => void
}

/** What was found wrong is named up to here, the rest counted: the log and the records name all. */
const NAMED = 10
const PROGRESS_EVERY_MS = 1_000

interface Tally {
  archives: number
  bytes: number
  budgetBytes: number
  readonly damaged: Sample
  readonly failed: Sample
}

/**
 * Handles one job of the verifications queue. May be stopped and started at any archive: the records tell what was
 * checked since the pass began, and damage that an earlier attempt found is looked at again before it is named.
 */
export async function verifyStored(
  payload: VerificationPayload,
  context: JobContext<VerificationPayload>,
  { store, passes, onEvent }: VerifyStoredDeps,
): Promise<string> {
  const startedAt = payload.startedAt ?? new Date().toISOString()
  if (payload.startedAt === undefined) await context.save({ ...payload, startedAt })
  const began = new Date(startedAt)
  const tally: Tally = { archives: 0, bytes: 0, budgetBytes: 0, damaged: new Sample(), failed: new Sample() }
  const events = store.verifyArchives({
    level: 'complete',
    checkedBefore: began,
    startedAt: began,
    ...(payload.entities
      ? { entities: payload.entities }
      : { chooseBudget: (scan: Scan) => chooseShare(scan, passes) }),
    signal: context.signal,
  })
  const showProgress = throttle(context)
  for await (const event of events) {
    note(event, tally, context)
    onEvent?.(event)
    showProgress(tally)
  }
  const { archives, bytes } = tally
  context.logger.info({ archives, bytes, damaged: tally.damaged.count, failed: tally.failed.count }, 'verified')
  await store.writeStatus('verification', report(tally, startedAt)).catch((err) => {
    context.logger.warn({ err }, 'what the pass has found could not be noted')
  })
  assertVerified(tally)
  return `${archives} archives are intact`
}

function note(event: VerifyEvent, tally: Tally, { logger }: JobContext<VerificationPayload>): void {
  if (event.what === 'checking') return
  if (event.what === 'scanned') {
    tally.budgetBytes = event.budgetBytes
    return
  }
  if (event.what === 'checked') {
    tally.archives++
    tally.bytes += event.archive.sizeBytes
    const { verdict, found } = event.judgement
    if (verdict === 'intact') return
    const name = nameOf(event.archive)
    tally.damaged.add(`${name}: ${found[0]?.message ?? verdict}`)
    logger.error({ archive: name, problems: found }, 'a stored archive is damaged')
  } else if (event.what === 'failed') {
    const name = nameOf(event.archive)
    tally.failed.add(`${name}: ${describeError(event.error)}`)
    logger.error({ archive: name, err: event.error }, 'a stored archive could not be checked')
  } else if (event.what === 'unreadable-folder') {
    const name = formatEntity(event.entity)
    tally.failed.add(`${name}: ${describeError(event.error)}`)
    logger.error({ folder: name, err: event.error }, 'a folder could not be read')
  } else if (event.what === 'damaged-workflow') {
    const file = `${formatEntity(event.entity)}/${basename(event.path)}`
    tally.damaged.add(`${file}: ${event.message}`)
    logger.error({ file, problem: event.message }, 'a stored workflow is damaged')
  } else {
    // Nothing that a further try would change; `verify` and this line tell of it.
    logger.warn({ file: `${formatEntity(event.entity)}/${basename(event.path)}`, what: event.what }, 'not checked')
  }
}

function report({ archives, bytes, damaged, failed }: Tally, startedAt: string): VerificationReport {
  return {
    formatVersion: 1,
    type: 'verification',
    startedAt,
    endedAt: new Date().toISOString(),
    ...{ archives, bytes, damaged: damaged.count, failed: failed.count },
    found: [...damaged.named, ...failed.named],
  }
}

function assertVerified({ archives, damaged, failed }: Tally): void {
  if (damaged.count + failed.count === 0) return
  const parts = [
    ...(damaged.count > 0 ? [`${damaged.count} of ${archives} stored archives are damaged: ${damaged}`] : []),
    ...(failed.count > 0 ? [`${failed.count} could not be checked: ${failed}`] : []),
  ]
  throw new BackupError(parts.join('. '), {
    code: damaged.count > 0 ? 'damaged' : 'verification-failed',
    retryable: failed.count > 0,
    hint: 'Damaged archives are marked in their records and the next run backs up anew; look at the disk.',
  })
}

function nameOf({ entity, archivePath }: { entity: Parameters<typeof formatEntity>[0]; archivePath: string }): string {
  return `${formatEntity(entity)}/${basename(archivePath)}`
}

class Sample {
  count = 0
  readonly named: string[] = []

  add(text: string): void {
    this.count++
    if (this.named.length < NAMED) this.named.push(text)
  }

  toString(): string {
    const more = this.count - this.named.length
    return [...this.named, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
  }
}

function throttle(context: JobContext<VerificationPayload>) {
  let nextAtMs = 0
  return ({ archives, bytes, budgetBytes }: Tally) => {
    if (Date.now() < nextAtMs) return
    nextAtMs = Date.now() + PROGRESS_EVERY_MS
    // Only for show: a lost one is followed by another.
    context.progress({ phase: 'verify', archives, bytes, budgetBytes }).catch(() => undefined)
  }
}
