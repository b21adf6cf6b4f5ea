// How a drill has gone, as a person reads it: an auditor above all, so with when, where and which version.

import { formatBytes, formatDuration, quoteName } from '#shared/presentation/format.ts'
import type { DrillReport, DrillRow } from '#shared/store/drill-report.ts'

export function formatDrillRow(row: DrillRow): string {
  const what = `${row.entity} ${quoteName(row.name)}`
  const more = [
    ...row.differences.map(({ where, what: how }) => `${where} ${how}`),
    ...row.notes,
    ...(row.hint === undefined ? [] : [row.hint]),
    ...(row.left === undefined ? [] : [`LEFT: ${row.left}`]),
  ]
  const lines = more.map((text) => `         ${text}\n`).join('')
  const size = `${formatBytes(row.sizeBytes)} in ${formatDuration(row.seconds * 1000)}`
  switch (row.result) {
    case 'restored':
      return `restored ${what} from ${row.archive} (${size}): nothing differs\n${lines}`
    case 'differs':
      return `DIFFERS  ${what} from ${row.archive} (${size})\n${lines}`
    case 'refused':
      return `REFUSED  ${what} from ${row.archive}: ${row.reason}\n${lines}`
    case 'failed':
      return `FAILED   ${what}: ${row.reason}\n${lines}`
  }
}

export function formatDrillReport(report: DrillReport, path: string): string {
  const { archives, source, target, targetVersion, startedAt, leftovers } = report
  const count = (result: DrillRow['result']) => archives.filter((row) => row.result === result).length
  const time = startedAt.slice(0, 16).replace('T', ' ')
  const bad = count('differs') + count('refused')
  const lines = [
    `Drill of ${time} UTC: archives of ${source} on ${target} (CVAT ${targetVersion})`,
    `  ${count('restored')} restored without a difference, ${count('differs')} differ, ${count('refused')} refused, ${count('failed')} could not be tried`,
  ]
  if (bad > 0)
    lines.push('  What differs or was refused does not count as good any more: the next run backs it up anew.')
  const kept = archives.some(({ left }) => left !== undefined) || leftovers.some(({ isLeft }) => isLeft)
  lines.push(
    kept
      ? `  Not everything was removed from ${target}: see above.`
      : `  Whatever was made on ${target} was removed again.`,
  )
  lines.push(`  Report: ${path}`)
  return `${lines.join('\n')}\n`
}
