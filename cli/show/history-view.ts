// One entity's archives as a person or a program reads them.

import { formatEntity } from '#shared/model/entity.ts'
import { formatContent } from '#shared/model/series.ts'
import { formatBytes, quoteName } from '#shared/presentation/format.ts'
import type { History, ShownArchive } from '#shared/retention/collect-history.ts'
import {
  contentBytes,
  type DrillProof,
  isSnapshot,
  isThin,
  type Problem,
  provenLevel,
  type SnapshotRecord,
} from '#shared/store/record.ts'

/** More problems of one archive than this are counted: `--json` has all that the record has. */
const SHOWN = 5
const DAY_MS = 24 * 3600_000

export function describeHistory({ entity, servers, unrecognised }: History): string {
  const lines: string[] = []
  for (const { url, deletedSince, archives } of servers) {
    const { name, organization } = archives[0]!.archive.record.observation
    const whose = organization === null ? '' : ` of organization ${quoteName(organization)}`
    lines.push(`${formatEntity(entity)} ${quoteName(name)}${whose} at ${url}`)
    if (deletedSince !== undefined) lines.push(`DELETED on the server (noticed on ${deletedSince.slice(0, 10)})`)
    for (const shown of archives) lines.push('', ...describeArchive(shown))
  }
  if (unrecognised.length > 0) lines.push('', 'In its folder and left alone:')
  for (const { path, reason } of unrecognised) lines.push(`  ${path}: ${reason.replaceAll('-', ' ')}`)
  return `${lines.join('\n')}\n`
}

function describeArchive(shown: ShownArchive): string[] {
  const { archive, state, composition } = shown
  const { record } = archive
  const { content } = record.series
  const { level, checkedAt, problems, warnings, drill } = record.verification
  const kind = isSnapshot(record) ? 'snapshot' : 'backup'
  const what =
    content.kind === 'backup' ? kind : `${quoteName(content.format)}${content.saveImages ? ' with images' : ''}`
  const word =
    state === 'good' ? `good (${provenLevel(record) === level ? level : `${level}, restored`})` : state.toUpperCase()
  return [
    `${record.createdAt.slice(0, 19).replace('T', ' ')}  ${what}  ${formatBytes(contentBytes(record))}  ${word}`,
    `  file      ${record.archive.fileName}`,
    ...(content.kind === 'backup' ? [`  holds     ${describeContent(shown)}`] : []),
    ...(isSnapshot(record) ? [`  parts     ${describeParts(record)}`] : []),
    ...(isThin(record) ? [`  media     in ${record.mediaFrom.fileName}`] : []),
    `  checked   ${checkedAt.slice(0, 19).replace('T', ' ')}`,
    ...(drill ? [`  drilled   ${describeDrill(drill)}`] : []),
    `  ${describeKept(shown)}`,
    ...describeProblems('problem', problems),
    ...describeProblems('warning', warnings),
    ...(composition ? describeComposition(shown) : []),
  ]
}

/** How far apart they are in time, which is not how old they are: what has not changed is as it was. */
function describeParts({ snapshot, createdAt }: SnapshotRecord): string {
  const { parts } = snapshot
  const fresh = parts.filter(({ observedAt }) => Date.parse(observedAt) > Date.parse(createdAt) - DAY_MS)
  const drifted = parts.filter(({ isDrifted }) => isDrifted).map(({ taskId }) => `task-${taskId}`)
  const noted = drifted.length === 0 ? '' : `; ${drifted.slice(0, SHOWN).join(', ')} changed again meanwhile`
  return `${count(parts.length, 'archive')} of tasks, ${fresh.length} of them made in the day before it${noted}`
}

function describeDrill({ at, target, targetVersion, ok, reason, differences }: DrillProof): string {
  const found = ok ? 'restored, nothing differed' : (reason ?? `${count(differences.length, 'difference')}`)
  return `${at.slice(0, 19).replace('T', ' ')} on ${target} (CVAT ${targetVersion}): ${found}`
}

function describeContent({ archive: { record } }: ShownArchive): string {
  const { perTask } = record.members
  const sum = (numbers: readonly (number | undefined)[]) =>
    numbers.reduce<number>((total, one) => total + (one ?? 0), 0)
  const frames = sum(perTask.map((task) => task.frames))
  const annotations = sum(perTask.map((task) => task.annotations))
  return `${count(perTask.length, 'task')}, ${count(frames, 'frame')}, ${count(annotations, 'annotation')}`
}

function describeKept({ action, reasons, keptUntil }: ShownArchive): string {
  if (action === 'remove') return `goes      with the next sweep: ${reasons.join(', ')}`
  const until = keptUntil ? `until ${keptUntil.slice(0, 19).replace('T', ' ')}` : 'until newer ones take its place'
  return `kept      ${until}: ${reasons.join(', ')}`
}

function describeProblems(word: string, problems: readonly Problem[]): string[] {
  const lines = problems.slice(0, SHOWN).map(({ code, message }) => `  ${word}   ${code}: ${message}`)
  return problems.length > SHOWN ? [...lines, `  ${word}   and ${problems.length - SHOWN} more`] : lines
}

function describeComposition({ composition }: ShownArchive): string[] {
  if (!composition) return []
  const { unusable, tasks, wanting, dropped, isWhole } = composition
  if (unusable !== undefined) return [`  whole     NO: ${unusable}`]
  const own = tasks.filter(({ from }) => from === 'own')
  return [
    `  whole     ${isWhole ? 'yes, put together' : 'NO, even put together'} with ${count(own.length, 'archive')} of single tasks`,
    ...own.map(({ taskId, name, fileName }) => `    task-${taskId} ${quoteName(name)}: task-${taskId}/${fileName}`),
    ...wanting.map(
      ({ taskId, name, what, reason }) => `    task-${taskId} ${quoteName(name)} ${what.toUpperCase()}: ${reason}`,
    ),
    ...dropped.map(({ position, name, reason }) => `    task_${position} ${quoteName(name)} left out: ${reason}`),
  ]
}

/** All that is shown, and the whole of problems, warnings and tasks. */
export function historyToJson({ entity, servers, unrecognised }: History): object {
  return {
    entity: formatEntity(entity),
    servers: servers.map(({ url, deletedSince, archives }) => ({
      url,
      deletedSince: deletedSince ?? null,
      archives: archives.map(({ archive: { record, archivePath }, ...shown }) => ({
        file: record.archive.fileName,
        path: archivePath,
        content: { ...record.series.content, id: formatContent(record.series.content) },
        name: record.observation.name,
        organization: record.observation.organization,
        createdAt: record.createdAt,
        sizeBytes: record.archive.sizeBytes,
        contentBytes: contentBytes(record),
        parts: record.snapshot?.parts ?? null,
        mediaFrom: record.mediaFrom ?? null,
        sha256: record.archive.sha256,
        state: shown.state,
        ...record.verification,
        tasks: record.members.perTask,
        action: shown.action,
        reasons: shown.reasons,
        keptUntil: shown.keptUntil ?? null,
        composition: shown.composition ? compositionToJson(shown.composition) : null,
      })),
    })),
    unrecognised: unrecognised.map(({ path, reason }) => ({ path, reason })),
  }
}

function compositionToJson({
  plan: _plan,
  unusable,
  ...composition
}: NonNullable<ShownArchive['composition']>): object {
  return { unusable: unusable ?? null, ...composition }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
