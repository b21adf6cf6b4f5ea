// `drill`: proves that archives can be restored, by restoring some of them, comparing, and removing what was made.

import { join } from 'node:path'
import { checkTarget } from '#services/restorer/check-target.ts'
import { chooseDrills, findDrillable } from '#services/restorer/choose-drills.ts'
import { isDrillGood, makeDrillId, runDrill } from '#services/restorer/run-drill.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { formatBytes, quoteName } from '#shared/presentation/format.ts'
import type { Store } from '#shared/store/open-store.ts'
import { contentBytes } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { type DrillCommandRequest, readDrillRequest } from '../drill/read-drill-request.ts'
import { formatDrillReport, formatDrillRow } from '../drill/report.ts'
import { exitCodes } from '../exit-codes.ts'
import { confirm } from '../restore/confirm.ts'
import { interruptible } from '../restore/interruptible.ts'
import { openSurroundings } from '../restore/open-surroundings.ts'

export async function drill(args: string[]): Promise<number> {
  const request = readDrillRequest(args)
  return interruptible(
    (signal) => carryOut(request, signal),
    () => 'interrupted: what it has made is still there, and the next drill on this server removes it',
  )
}

async function carryOut(request: DrillCommandRequest, signal: AbortSignal): Promise<number> {
  await using scope = new AsyncDisposableStack()
  const { settings, store, source, target, logger } = await openSurroundings(request, scope)
  const { values } = settings
  const entities = request.entities ?? (await chooseDrills(store, source, request.sample, signal))
  if (entities.length === 0) throw nothingGood(source)
  const { version } = await checkTarget(target, signal)
  const { username } = await target.cvat.getSelf(signal)
  const say = (text: string) => void (request.json ? process.stderr : process.stdout).write(text)
  say(await announce(entities, store, { source, target: target.url, version, username }))
  if (!request.yes)
    await confirm(
      `Restore ${entities.length} of the archives of ${source} to ${target.url}, and remove them there again?`,
      signal,
    )
  const drillId = makeDrillId(new Date())
  const { chunkBytes, importTimeoutMs } = values.restore
  const report = await runDrill(
    { drillId, source, targetVersion: version, entities },
    { signal, logger: logger.child({ drill: drillId, source, target: target.url }), progress: async () => {} },
    { store, target, chunkBytes, importTimeoutMs, now: () => new Date() },
    {
      onLeftover: ({ what, isLeft }) => say(`${isLeft ? 'LEFT    ' : 'earlier '} ${what}\n`),
      onRow: (row) => say(formatDrillRow(row)),
    },
  )
  const path = join(values.store.backupDir, '.cvat-backups', 'drills', `${drillId}.json`)
  process.stdout.write(request.json ? `${JSON.stringify(report, null, 2)}\n` : formatDrillReport(report, path))
  return isDrillGood(report) ? exitCodes.ok : exitCodes.failed
}

interface About {
  readonly source: string
  readonly target: string
  readonly version: string
  readonly username: string
}

/** What will happen, before anything does. */
async function announce(entities: readonly EntityRef[], store: Store, about: About): Promise<string> {
  const { source, target, version, username } = about
  const lines: string[] = []
  let sizeBytes = 0
  for (const entity of entities) {
    const archive = findDrillable((await store.listRecords(entity)).archives, source)
    sizeBytes += archive ? contentBytes(archive.record) : 0
    lines.push(`  ${describe(entity, archive)}`)
  }
  const where = target === source ? `${target}, where they come from` : target
  return [
    `Drill: ${entities.length === 1 ? '1 archive' : `${entities.length} archives`} of ${source}, ${formatBytes(sizeBytes)}`,
    ...lines,
    `Each is restored to ${where} (CVAT ${version}) as ${username}, beside what is there and in no organization, with [drill …] in its name;`,
    'it is compared with the archive and with what the server had said, and then removed again. Nothing else is changed there.',
    '',
  ].join('\n')
}

function describe(entity: EntityRef, archive: StoredArchive | undefined): string {
  if (!archive) return `${formatEntity(entity)}: no good archive`
  const { observation, createdAt, verification } = archive.record
  const last = verification.drill ? `drilled ${verification.drill.at.slice(0, 10)}` : 'never drilled'
  return `${formatEntity(entity)} ${quoteName(observation.name)} of ${createdAt.slice(0, 16).replace('T', ' ')}, ${last}`
}

function nothingGood(source: string): BackupError {
  return new BackupError(`there is no good backup of ${source} that could be drilled`, {
    code: 'no-archives',
    retryable: false,
    hint: '`cvat-backups list` shows what there is.',
  })
}
