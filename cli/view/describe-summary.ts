// A run's end in words.

import type { RunSummary } from '#shared/coordination/summarise-run.ts'
import { formatBytes, formatDuration, quoteName } from '#shared/presentation/format.ts'

/** More failures than this are counted, not shown: the run's record names them all. */
const SHOWN = 50

export function describeSummary(summary: RunSummary, backupDir: string): string {
  const counts = [
    `${summary.done} backed up (${formatBytes(summary.sizeBytes)})`,
    ...(summary.noted > 0 ? [`workflow of ${countEntities(summary.noted)} noted`] : []),
    `${summary.skipped} unchanged`,
    `${summary.empty} with nothing to back up`,
    `${summary.failed} failed`,
  ]
  const lines = [
    `Run ${summary.runId}: ${summary.total} entities in ${formatDuration(summary.durationSeconds * 1000)}`,
    `  ${counts.join(', ')}`,
  ]
  if (summary.listingError) lines.push(`  NOT WHOLE: listing the entities failed: ${summary.listingError}`)
  for (const { series, name, text } of summary.notes.slice(0, SHOWN)) {
    lines.push(`  NOTE ${series.split('.')[0]} ${quoteName(name)}: ${text}`)
  }
  if (summary.notes.length > SHOWN) {
    lines.push(`  … and ${summary.notes.length - SHOWN} more notes, in the run's record`)
  }
  for (const { series, name, reason, hint } of summary.failures.slice(0, SHOWN)) {
    lines.push(`  FAILED ${series.split('.')[0]} ${quoteName(name)}: ${reason}`)
    if (hint) lines.push(`         ${hint}`)
  }
  if (summary.failed > SHOWN) lines.push(`  … and ${summary.failed - SHOWN} more, all in the run's record`)
  if (summary.total === 0 && !summary.listingError) {
    lines.push('  The server lists nothing that this user may see and the filters admit.')
  }
  lines.push(`Archives are in ${backupDir}`)
  return `${lines.join('\n')}\n`
}

function countEntities(number: number): string {
  return number === 1 ? '1 entity' : `${number} entities`
}
