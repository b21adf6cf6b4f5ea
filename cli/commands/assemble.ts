// `assemble`: writes a snapshot as the archive of the whole project, as CVAT would have exported it. Needs no server.

import { dirname, relative, resolve } from 'node:path'
import { type CompositionPlan, planFolder } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { formatBytes, quoteName } from '#shared/presentation/format.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { openStore } from '#shared/store/open-store.ts'
import { isSnapshot, type Problem } from '#shared/store/record.ts'
import { sanitiseName } from '#shared/store/sanitise-name.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { exitCodes } from '../exit-codes.ts'
import { writeNewFile } from '../extract/write-new-file.ts'
import { findArchive } from '../find-archive.ts'
import { loadStoreSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'
import { wrongUsage } from '../usage.ts'

export async function assemble(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { output: { type: 'string', short: 'o' } }, true)
  const [text] = positionals
  if (text === undefined || positionals.length > 1) {
    throw wrongUsage('assemble takes one snapshot: a path, a file name, or a project for its newest good one')
  }
  const { backupDir } = loadStoreSettings().values.store
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  const { signal } = stopping
  try {
    const { path: found, stored } = await findArchive(openStore({ directory: backupDir }), text)
    if (!stored || !isSnapshot(stored.record)) throw noSnapshot(found)
    const path = resolve(values.output ?? chooseFileName(stored))
    if (!relative(resolve(backupDir), dirname(path)).startsWith('..')) {
      throw wrongUsage(`${path} is in the backup directory: name a file elsewhere with -o`)
    }
    const { sizeBytes, problems } = await writeWhole(stored, path, signal)
    const { name } = stored.record.observation
    process.stdout.write(
      `${path} (${formatBytes(sizeBytes)}) is project ${stored.entity.id} ${quoteName(name)} as of ${stored.record.createdAt.slice(0, 16)}Z: restore it by Projects, +, Create from backup\n`,
    )
    for (const { message } of problems) process.stderr.write(`INCOMPLETE: ${message}\n`)
    return problems.length === 0 ? exitCodes.ok : exitCodes.failed
  } catch (error) {
    if (!signal.aborted) throw error
    return exitCodes.interrupted
  }
}

/** Read back before it gets its name. @returns what is wrong with it, known before or found now */
async function writeWhole(
  snapshot: StoredArchive,
  path: string,
  signal: AbortSignal,
): Promise<{ sizeBytes: number; problems: readonly Problem[] }> {
  const { record } = snapshot
  const composed = await openComposedArchive(await planWhole(snapshot, signal), { signal })
  let found: readonly Problem[] = []
  const sizeBytes = await writeNewFile(
    path,
    async (append) => {
      for await (const chunk of composed.stream()) await append(chunk)
    },
    async (temporaryPath) => {
      const { observation } = record
      const options = { entityType: 'project', content: { kind: 'backup' }, observation, signal } as const
      const inspection = await inspectArchive(temporaryPath, options)
      found = inspection.problems
      for (const { message } of inspection.warnings) process.stderr.write(`warning: ${message}\n`)
    },
  )
  const known = record.verification.problems
  const keys = new Set(known.map(({ taskId, code }) => taskId ?? code))
  return { sizeBytes, problems: [...known, ...found.filter(({ taskId, code }) => !keys.has(taskId ?? code))] }
}

/** All that there is, in CVAT's order: the project part, then the tasks by their places. */
async function planWhole(snapshot: StoredArchive, signal: AbortSignal): Promise<CompositionPlan> {
  await using source = await openSourceArchive(snapshot.archivePath, { signal })
  return { parts: [...source.folders.keys()].map((folder) => planFolder(snapshot, folder, folder)) }
}

function chooseFileName({ entity, record }: StoredArchive): string {
  const time = record.archive.fileName.slice(0, record.archive.fileName.indexOf('-'))
  return `${formatEntity(entity)}-${sanitiseName(record.observation.name)}-${time}.zip`
}

function noSnapshot(path: string): BackupError {
  return new BackupError(`${path} is no snapshot of a backup directory`, {
    code: 'no-snapshot',
    retryable: false,
    hint: 'Archives that are whole already can be copied as they are, `extract` writes a task that is kept without media; `cvat-backups list` tells which are snapshots.',
  })
}
