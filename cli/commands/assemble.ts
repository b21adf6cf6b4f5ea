// `assemble`: writes a snapshot as the archive of the whole project, as CVAT would have exported it. Needs no server.

import { dirname, relative, resolve } from 'node:path'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { nameWhole, planWhole } from '#shared/composition/plan-whole.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { formatBytes, quoteName } from '#shared/presentation/format.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { openStore } from '#shared/store/open-store.ts'
import { isSnapshot, type Problem } from '#shared/store/record.ts'
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
    if (!stored || !isSnapshot(stored.record)) throw noSnapshot(found, stored)
    const path = resolve(values.output ?? nameWhole(stored))
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

function noSnapshot(path: string, stored: StoredArchive | undefined): BackupError {
  if (!stored) {
    return new BackupError(`${path} is no snapshot of a backup directory`, {
      code: 'no-snapshot',
      retryable: false,
      hint: 'A snapshot can be read only in its backup directory, CVAT_BACKUP_DIR; `cvat-backups list` shows those there.',
    })
  }
  return new BackupError(`${path} is no snapshot: it is one file already`, {
    code: 'no-snapshot',
    retryable: false,
    hint: 'Copy it as it is; `extract` writes a task that is kept without its media. `cvat-backups list` tells which archives are snapshots; one that is not good must be named by its file.',
  })
}
