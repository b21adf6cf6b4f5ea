// What is known, as the API says it. Pure.

import type { RunSummary } from '#shared/coordination/summarise-run.ts'
import type { Headline, OverviewRow, Snapshot } from '#shared/overview/open-overview.ts'
import type { Growth } from '#shared/overview/store-growth.ts'
import { describeReason } from '#shared/protection/protection-reason.ts'
import type { History, ShownArchive } from '#shared/retention/collect-history.ts'
import { provenLevel } from '#shared/store/record.ts'
import type { RestoreState } from '#shared/store/restore-state.ts'
import type { RestoreProgress, RunProgress } from './board-data.ts'
import type { EntityJob } from './entity-jobs.ts'
import type { RuleTexts, Simulation } from './simulate-retention.ts'

export function overviewToJson({ headline, reading, organizations, takenAtMs }: Snapshot) {
  const { counts, watched, needing, oldestProtectedAtMs, archives, storedBytes, listedAtMs }: Headline = headline
  return {
    watched,
    needing,
    counts,
    oldestProtectedAt: toTime(oldestProtectedAtMs),
    archives,
    storedBytes,
    listedAt: toTime(listedAtMs),
    directory: {
      readAt: toTime(reading.completedAtMs),
      isUnderWay: reading.isUnderWay,
      problem: reading.problem ?? null,
      unread: reading.unread,
    },
    organizations,
    takenAt: new Date(takenAtMs).toISOString(),
  }
}

export function rowToJson(row: OverviewRow) {
  return {
    entity: row.key,
    name: row.name,
    organization: row.organization,
    server: row.serverUrl,
    link: row.link ?? null,
    state: row.state,
    reasons: row.reasons.map(describeReason),
    protectedAt: toTime(row.protectedAtMs),
    archivedAt: toTime(row.archivedAtMs),
    level: row.level ?? null,
    sizeBytes: row.sizeBytes ?? null,
    archives: row.archives,
    storedBytes: row.storedBytes,
    nextRunAt: toTime(row.nextRunAtMs),
  }
}

export function historyToJson({ servers }: History) {
  return { archives: servers.flatMap(({ archives }) => archives.map(archiveToJson)) }
}

function archiveToJson(shown: ShownArchive) {
  const { record } = shown.archive
  const { content } = record.series
  const { problems, warnings, checkedAt } = record.verification
  const say = ({ code, message }: { code: string; message: string }) => ({ code, message })
  return {
    file: record.archive.fileName,
    server: record.server.url,
    kind: content.kind,
    format: content.kind === 'annotations' ? content.format : null,
    name: record.observation.name,
    organization: record.observation.organization,
    createdAt: record.createdAt,
    checkedAt,
    sizeBytes: record.archive.sizeBytes,
    sha256: record.archive.sha256,
    state: shown.state,
    level: provenLevel(record),
    problems: problems.map(say),
    warnings: warnings.map(say),
    ...countContent(shown),
    action: shown.action,
    reasons: shown.reasons,
    keptUntil: shown.keptUntil ?? null,
  }
}

/** Null where the archive does not say: annotation exports, and annotations that could not be counted. */
export function countContent({ archive: { record } }: ShownArchive): {
  readonly frames: number | null
  readonly annotations: number | null
} {
  if (record.series.content.kind !== 'backup') return { frames: null, annotations: null }
  const { perTask } = record.members
  const isCounted = perTask.every(({ annotations }) => annotations !== undefined)
  return {
    frames: perTask.reduce((sum, { frames }) => sum + frames, 0),
    annotations: isCounted ? perTask.reduce((sum, { annotations = 0 }) => sum + annotations, 0) : null,
  }
}

export function summaryToJson(summary: RunSummary, progress?: RunProgress) {
  // Records of earlier versions lack some of it.
  const { noted = 0, listingError = null } = summary as Partial<RunSummary>
  const state = progress?.account.state ?? stateOf(summary)
  const isOver = state === 'ended' || state === 'interrupted'
  return {
    run: summary.runId,
    mode: summary.mode,
    full: summary.full,
    trigger: summary.trigger,
    state,
    startedAt: summary.startedAt,
    endedAt: isOver ? summary.endedAt : null,
    ok: summary.ok,
    listingError,
    total: summary.total,
    done: summary.done,
    noted,
    skipped: summary.skipped,
    empty: summary.empty,
    failed: summary.failed,
    sizeBytes: summary.sizeBytes,
  }
}

function stateOf(summary: RunSummary & { readonly state?: RunProgress['account']['state'] }) {
  return summary.state ?? ('ended' as const)
}

export function progressToJson(summary: RunSummary, progress: RunProgress | undefined) {
  return {
    ...summaryToJson(summary, progress),
    waiting: progress?.waiting ?? 0,
    active: (progress?.active ?? []).map(({ name, phase, receivedBytes, totalBytes }) => ({
      name,
      phase,
      receivedBytes: receivedBytes ?? null,
      totalBytes: totalBytes ?? null,
    })),
  }
}

export function runToJson({ summary, progress }: { summary: RunSummary; progress: RunProgress | undefined }) {
  return {
    run: progressToJson(summary, progress),
    failures: (summary.failures ?? []).map(({ series, name, code, reason, hint = null }) => {
      return { series, name, code, reason, hint }
    }),
    notes: (summary.notes ?? []).map(({ series, name, text }) => ({ series, name, text })),
  }
}

export function restoreToJson(state: RestoreState | undefined, progress?: RestoreProgress) {
  const under = progress && {
    phase: progress.phase,
    sentBytes: progress.sentBytes ?? null,
    totalBytes: progress.totalBytes ?? null,
  }
  if (!state) {
    const nothing = { target: null, result: null, differences: [], failure: null }
    return { state: 'waiting' as const, progress: under ?? null, ...nothing }
  }
  const { failure, differences = [], resultId = null, targetUrl } = state
  const isOver = failure !== undefined || state.state === 'done'
  return {
    state: failure ? ('failed' as const) : state.state,
    target: targetUrl,
    progress: isOver ? null : (under ?? null),
    result: resultId,
    differences: differences.map(({ where, what }) => ({ where, what })),
    failure: failure ? { code: failure.code, reason: failure.reason, hint: failure.hint ?? null } : null,
  }
}

export function jobToJson({ queue, id, name, state, addedAtMs, endedAtMs, attempts, reason, lines }: EntityJob) {
  const times = { addedAt: new Date(addedAtMs).toISOString(), endedAt: toTime(endedAtMs) }
  return { queue, job: id, name, state, ...times, attempts, reason: reason ?? null, lines }
}

export function simulationToJson(rules: RuleTexts, { totals, keptBytes, removals }: Simulation) {
  const { entities, kept, removed, removedBytes, workflowsRemoved, failures } = totals
  return {
    rules,
    entities,
    kept,
    keptBytes,
    removed,
    removedBytes,
    workflowsRemoved,
    failed: failures.length,
    removals,
  }
}

export function growthToJson({ days, bytesPerDay, measuredDays, freeBytes, fullAtMs }: Growth) {
  return { freeBytes: freeBytes ?? null, bytesPerDay, measuredDays, fullAt: toTime(fullAtMs), days }
}

function toTime(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString()
}
