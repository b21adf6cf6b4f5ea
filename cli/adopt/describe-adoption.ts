// What `adopt` did, in words.

import { formatBytes, quoteName } from '#shared/presentation/format.ts'
import type { AdoptTotals, FileAdoption } from './adopt-folder.ts'

const HEADS: Record<FileAdoption['outcome'], string> = {
  adopted: 'adopted',
  already: 'already',
  unclear: 'LEFT',
  damaged: 'DAMAGED',
  failed: 'FAILED',
}

export function describeAdoption(adoption: FileAdoption): string {
  const head = HEADS[adoption.outcome].padEnd(7)
  const file = quoteName(adoption.file)
  if ('reason' in adoption) return `${head} ${file}: ${replaceControls(adoption.reason)}\n`
  const archive = adoption.archive === undefined ? '' : `/${adoption.archive}`
  return `${head} ${file} → ${adoption.entity}${archive}\n`
}

export function describeTotals(totals: AdoptTotals, options: { dryRun: boolean; copy: boolean }): string {
  const verb = options.dryRun ? 'would be adopted' : 'adopted'
  const counts = [
    `${totals.adopted} archives ${verb} (${formatBytes(totals.adoptedBytes)})`,
    ...(totals.already > 0 ? [`${totals.already} were adopted before`] : []),
    ...(totals.unclear > 0 ? [`${totals.unclear} left alone because it cannot be told whose they are`] : []),
    ...(totals.damaged > 0 ? [`${totals.damaged} left alone because they are DAMAGED`] : []),
    ...(totals.failed > 0 ? [`${totals.failed} FAILED`] : []),
    ...(totals.foreign > 0 ? [`${totals.foreign} other files passed over`] : []),
  ]
  const rules =
    totals.adopted > 0 && !options.dryRun ? 'The retention rules apply to them: see `sweep --dry-run`.\n' : ''
  return `${counts.join(', ')}\n${rules}`
}

function replaceControls(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{FFFD}')
}
