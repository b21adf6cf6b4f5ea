// `list`: what the backup directory holds, from its records alone.

import { describeError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { formatBytes } from '#shared/presentation/format.ts'
import { matchWorkflows } from '#shared/store/choose-workflow.ts'
import { openStore } from '#shared/store/open-store.ts'
import { readFolders } from '#shared/store/read-folders.ts'
import { openReadingFiles } from '#shared/store/reading-files.ts'
import { contentBytes, isGood, isSnapshot, isStale, provenLevel } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { isRotten } from '#shared/store/verify-judge.ts'
import { exitCodes } from '../exit-codes.ts'
import { loadStoreSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'
import { openPrinter } from '../view/print-pieces.ts'

export async function list(args: string[]): Promise<number> {
  const { values } = readArguments(args, { json: { type: 'boolean', default: false } })
  const settings = loadStoreSettings().values
  const store = openStore({ directory: settings.store.backupDir, files: openReadingFiles() })
  using printer = openPrinter()
  const out = printer.print
  const totals = { entities: 0, archives: 0, sizeBytes: 0, unrecognised: 0, unread: 0 }
  if (values.json) out('[')
  for await (const { entity, listing } of readFolders(await sortEntities(store.listEntities()), store.listRecords)) {
    totals.entities++
    if (!('archives' in listing)) {
      totals.unread++
      process.stderr.write(`FAILED ${formatEntity(entity)}: ${describeError(listing)}\n`)
      continue
    }
    totals.unrecognised += listing.unrecognised.length
    const companions = values.json
      ? matchWorkflows(listing.archives, (await store.workflows.list(entity)).workflows)
      : undefined
    for (const archive of listing.archives) {
      const workflow = companions?.get(archive)?.last?.path ?? null
      if (companions)
        out(`${totals.archives === 0 ? '\n' : ',\n'}  ${JSON.stringify({ ...toJson(archive), workflow })}`)
      else out(`${totals.archives === 0 ? `${HEADING}\n` : ''}${toLine(archive)}\n`)
      totals.archives++
      totals.sizeBytes += archive.record.archive.sizeBytes
    }
    await printer.room()
  }
  if (values.json) out('\n]\n')
  else out(describeTotals(totals, settings.store.backupDir))
  return totals.unread === 0 ? exitCodes.ok : exitCodes.failed
}

/** Projects before tasks, by id: folders come in any order. Two small fields an entity are held, no records. */
async function sortEntities(entities: AsyncIterable<EntityRef>): Promise<EntityRef[]> {
  return (await Array.fromAsync(entities)).sort((a, b) => a.type.localeCompare(b.type) || a.id - b.id)
}

// Fixed widths, since lines are printed as folders are read: the whole list may be longer than the memory.
const HEADING = `${'ENTITY'.padEnd(15)} ${'TIME (UTC)'.padEnd(19)} ${'KIND'.padEnd(11)} ${'LEVEL'.padEnd(10)} ${'SIZE'.padStart(8)}  NAME`

function toLine({ entity, record }: StoredArchive): string {
  const bad = isRotten(record) ? 'DAMAGED' : isStale(record) ? 'STALE' : 'INCOMPLETE'
  const level = isGood(record) ? provenLevel(record) : bad
  return [
    formatEntity(entity).padEnd(15),
    record.createdAt.slice(0, 19).replace('T', ' '),
    (isSnapshot(record) ? 'snapshot' : record.series.content.kind).padEnd(11),
    level.padEnd(10),
    formatBytes(contentBytes(record)).padStart(8),
    ` ${record.observation.name.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\u{FFFD}')}`,
  ].join(' ')
}

function toJson({ entity, record, archivePath }: StoredArchive) {
  return {
    entity: formatEntity(entity),
    name: record.observation.name,
    organization: record.observation.organization,
    content: record.series.content,
    createdAt: record.createdAt,
    sizeBytes: record.archive.sizeBytes,
    contentBytes: contentBytes(record),
    parts: record.snapshot?.parts.map(({ taskId, archive: { fileName } }) => `task-${taskId}/${fileName}`) ?? null,
    mediaFrom: record.mediaFrom?.fileName ?? null,
    sha256: record.archive.sha256,
    level: record.verification.level,
    drill: record.verification.drill ?? null,
    good: isGood(record),
    problems: record.verification.problems,
    server: record.server.url,
    path: archivePath,
  }
}

function describeTotals(
  totals: { entities: number; archives: number; sizeBytes: number; unrecognised: number },
  directory: string,
): string {
  const others = totals.unrecognised > 0 ? `; ${totals.unrecognised} files there are not ours and left alone` : ''
  if (totals.archives === 0) return `There are no archives in ${directory}${others}\n`
  return `${totals.archives} archives of ${totals.entities} entities, ${formatBytes(totals.sizeBytes)}${others}\n`
}
