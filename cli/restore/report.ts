// How a restore has ended: what a person reads, and the same as JSON.

import { describeLeft } from '#services/restorer/note-failure.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { formatBytes, formatDuration, quoteName } from '#shared/presentation/format.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'
import type { RestoreState } from '#shared/store/restore-state.ts'

export interface ReportRow {
  readonly entity: string
  readonly name: string
  readonly archive: string | null
  readonly sizeBytes: number
  /** `differs`: it is there, and not all is as it was. */
  readonly result: 'restored' | 'differs' | 'failed'
  readonly restored?: string
  readonly link?: string
  readonly differences: readonly { where: string; what: string }[]
  readonly notes: readonly string[]
  readonly reason?: string
  readonly code?: string
  readonly hint?: string
  /** Of what has failed: what is on the target now. */
  readonly left?: string
}

export interface Report {
  readonly restoreId: string
  readonly source: string
  readonly target: string
  readonly restored: number
  readonly differs: number
  readonly failed: number
  readonly sizeBytes: number
  readonly seconds: number
  readonly ok: boolean
  readonly entities: readonly ReportRow[]
}

export function describeRow(
  payload: Pick<RestorePayload, 'entity' | 'name' | 'archive' | 'targetUrl'>,
  sizeBytes: number,
  state: RestoreState | undefined,
): ReportRow {
  const common = {
    entity: formatEntity(payload.entity),
    // What was on its way when it was broken off, though a newer one was chosen since.
    name: state?.name ?? payload.name,
    archive: state?.archive.fileName ?? payload.archive.fileName,
    sizeBytes: state?.archive.sizeBytes ?? sizeBytes,
    notes: state?.notes ?? [],
  }
  if (state?.state === 'done' && state.resultId !== undefined) {
    const { resultId, differences = [] } = state
    const { type } = payload.entity
    const result = differences.length === 0 ? 'restored' : 'differs'
    const link = `${payload.targetUrl}/${type}s/${resultId}`
    return { ...common, result, differences, restored: `${type}-${resultId}`, link }
  }
  const { code, reason, hint } = state?.failure ?? { code: 'unexpected', reason: 'it did not end', hint: undefined }
  const left = state ? describeLeft(state) : `nothing of it is on ${payload.targetUrl}`
  return { ...common, result: 'failed', differences: [], code, reason, left, ...(hint === undefined ? {} : { hint }) }
}

/** An entity that has no archive to be restored from. */
export function describeMissing(entity: string, name: string, reason: string): ReportRow {
  const hint = `cvat-backups show ${entity} lists its archives; --archive takes one of them with its gaps.`
  return {
    entity,
    name,
    archive: null,
    sizeBytes: 0,
    result: 'failed',
    differences: [],
    notes: [],
    code: 'no-archive',
    reason,
    hint,
  }
}

export function summarise(
  about: Pick<Report, 'restoreId' | 'source' | 'target' | 'seconds'>,
  entities: readonly ReportRow[],
): Report {
  const count = (result: ReportRow['result']) => entities.filter((row) => row.result === result).length
  const [restored, differs, failed] = [count('restored'), count('differs'), count('failed')]
  const sizeBytes = entities.reduce((sum, row) => sum + (row.result === 'failed' ? 0 : row.sizeBytes), 0)
  return { ...about, restored, differs, failed, sizeBytes, ok: differs + failed === 0, entities }
}

export function formatRow(row: ReportRow): string {
  const what = `${row.entity} ${quoteName(row.name)}`
  const notes = row.notes.map((note) => `         ${note}\n`).join('')
  if (row.result === 'failed') {
    const hint = row.hint ? `         ${row.hint}\n` : ''
    const left = row.left ? `         On the target: ${row.left}.\n` : ''
    return `FAILED   ${what}: ${row.reason}\n${hint}${left}${notes}`
  }
  const differences = row.differences.map(({ where, what: how }) => `         ${where} ${how}\n`).join('')
  const word = row.result === 'restored' ? 'restored' : 'DIFFERS '
  return `${word} ${what} (${formatBytes(row.sizeBytes)}): ${row.link}\n${differences}${notes}`
}

export function formatReport(report: Report): string {
  const { restored, differs, failed, sizeBytes, seconds } = report
  const lines = [
    `Restore ${report.restoreId} from archives of ${report.source} to ${report.target} in ${formatDuration(seconds * 1000)}`,
    `  ${restored} restored (${formatBytes(sizeBytes)}), ${differs} restored with differences, ${failed} failed`,
  ]
  if (failed > 0) lines.push('  The same command goes on with what has failed; nothing is made twice.')
  return `${lines.join('\n')}\n`
}
