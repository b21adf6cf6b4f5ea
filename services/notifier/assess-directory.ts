// What the backup directory itself says: whether it can be written, its room, and what verification and drills have found.

import { describeError } from '#shared/errors/backup-error.ts'
import { openProbe } from '#shared/monitoring/probe.ts'
import type { DrillReport } from '#shared/store/drill-report.ts'
import type { Store } from '#shared/store/open-store.ts'
import { type VerificationReport, verificationReportSchema } from '#shared/store/verification-report.ts'
import type { Finding, Trouble } from './alarm.ts'

export interface DirectoryState {
  readonly error?: unknown
  readonly freeBytes?: number | undefined
  readonly verification?: VerificationReport | undefined
  /** The newest that has ended and had anything to drill. */
  readonly drill?: DrillReport | undefined
}

type ReadStore = Pick<Store, 'tryWriting' | 'findFreeBytes' | 'readStatus' | 'readDrillReports' | 'directory'>

/** A dead mount answers never: whoever asks is told so after this time. */
const LIMIT_MS = 15_000
const REPORTS = 20
/** Mounts come back. */
const UNUSABLE_FOR_MS = 3 * 60_000
/** Above the limit by so much again, before it is well again. */
const MARGIN = 1.1

/** While one question hangs no second one is begun. */
export function openDirectoryProbe(store: ReadStore): () => Promise<DirectoryState> {
  const probe = openProbe({ ask: () => readDirectory(store), limitMs: LIMIT_MS, freshMs: () => 0 })
  return async () => {
    const result = await probe()
    return result.ok ? result.value : { error: result.error }
  }
}

async function readDirectory(store: ReadStore): Promise<DirectoryState> {
  const freeBytes = await store.findFreeBytes()
  const verification = verificationReportSchema.safeParse(await store.readStatus('verification')).data
  let drill: DrillReport | undefined
  for await (const report of store.readDrillReports(REPORTS)) {
    if (report.endedAt === undefined || report.archives.length === 0) continue
    drill = report
    break
  }
  try {
    await store.tryWriting(1)
  } catch (error) {
    return { error, freeBytes, verification, drill }
  }
  return { freeBytes, verification, drill }
}

export function assessDirectory(
  { error, freeBytes, verification, drill }: DirectoryState,
  {
    directory,
    diskFreeBytes,
    isLow,
  }: { readonly directory: string; readonly diskFreeBytes: number; readonly isLow: boolean },
): Finding[] {
  return [
    error === undefined
      ? { is: 'good', key: 'directory-unusable' }
      : {
          ...bad('directory-unusable', 'critical', 'the backup directory cannot be used', describeError(error)),
          holdMs: UNUSABLE_FOR_MS,
        },
    assessRoom(freeBytes, directory, diskFreeBytes, isLow),
    assessVerification(verification),
    assessDrill(drill),
  ]
}

function assessRoom(freeBytes: number | undefined, directory: string, limit: number, isLow: boolean): Finding {
  const key = 'disk-low'
  if (limit === 0) return { is: 'good', key }
  if (freeBytes === undefined) return { is: 'unknown', key }
  if (freeBytes >= (isLow ? limit * MARGIN : limit)) return { is: 'good', key }
  const text = `${gigabytes(freeBytes)} are free in ${directory}; ${gigabytes(limit)} should be. Downloads wait when it is full, and no archive is removed for them.`
  return bad(key, 'warning', 'the backup directory fills up', text)
}

function assessVerification(report: VerificationReport | undefined): Finding {
  const key = 'verification-failed'
  if (!report) return { is: 'unknown', key }
  const { damaged, failed, archives, found, endedAt } = report
  if (damaged + failed === 0) return { is: 'good', key }
  const what = damaged > 0 ? `${damaged} stored archives are damaged` : `${failed} stored archives could not be read`
  const text = `Of ${archives} that were read until ${endedAt}: ${found.join('; ')}`
  return bad(key, 'critical', what, cut(text))
}

function assessDrill(report: DrillReport | undefined): Finding {
  const key = 'drill-failed'
  if (!report) return { is: 'unknown', key }
  const wrong = report.archives.filter(({ result }) => result !== 'restored')
  if (wrong.length === 0) return { is: 'good', key }
  const named = wrong
    .slice(0, 10)
    .map(({ entity, result, reason }) => `${entity} ${result}${reason ? `: ${reason}` : ''}`)
  const text = `${report.drillId}: ${named.join('; ')}`
  return bad(
    key,
    'critical',
    `a drill could not restore ${wrong.length} of ${report.archives.length} archives`,
    cut(text),
  )
}

function bad(
  key: Trouble['kind'],
  severity: Trouble['severity'],
  title: string,
  text: string,
): Finding & { is: 'bad' } {
  return { is: 'bad', trouble: { key, kind: key, severity, title, text, entities: [], failures: {} } }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}

function cut(text: string): string {
  return text.length > 2_000 ? `${text.slice(0, 1_999).toWellFormed()}…` : text
}
