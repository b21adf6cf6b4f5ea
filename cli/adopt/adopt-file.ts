// One file of the original's from its name to its place in the store, or to the reason why it stays where it is.

import { join } from 'node:path'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { type ArchiveContent, formatSeries, type Series } from '#shared/model/series.ts'
import { type AdoptingStore, readSourceFile, type SourceFile } from '#shared/store/adopt-archive.ts'
import { readIdentity } from '#shared/store/adopt-identity.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import type { Inspection } from '#shared/store/inspection.ts'
import type { Finder, FoundEntity } from './find-candidates.ts'
import { findCandidates, judgeFile } from './judge-file.ts'
import { type OriginalName, parseOriginalName } from './parse-original-name.ts'

export interface AdoptFileDeps {
  readonly finder: Finder
  readonly store: AdoptingStore
  /** CVAT_URL, normalised. */
  readonly serverUrl: string
  readonly copy: boolean
  readonly dryRun: boolean
  readonly now: () => Date
}

export type AdoptionOutcome =
  | { readonly outcome: 'adopted'; readonly entity: string; readonly archive?: string; readonly sizeBytes: number }
  /** These bytes are in the store; the file was left where it is. */
  | { readonly outcome: 'already'; readonly entity: string; readonly archive: string }
  /** Sound perhaps, but whose it is cannot be told. */
  | { readonly outcome: 'unclear'; readonly reason: string }
  | { readonly outcome: 'damaged'; readonly reason: string }
  /** It could not be read or stored. */
  | { readonly outcome: 'failed'; readonly reason: string }

/** Not one of the original's names: nobody asked for it. */
export function isOriginalName(fileName: string): boolean {
  return parseOriginalName(fileName) !== undefined
}

/**
 * Leaves the file alone unless all is clear. Safe to repeat after a kill at any moment.
 *
 * @throws what the server's calls throw, and the signal's reason: then no file can be judged
 */
export async function adoptFile(
  folder: string,
  fileName: string,
  deps: AdoptFileDeps,
  signal: AbortSignal,
): Promise<AdoptionOutcome> {
  const parsed = parseOriginalName(fileName)
  if (!parsed) return { outcome: 'unclear', reason: 'is not named as the original named its files' }
  const content = await chooseContent(parsed, deps.finder)
  if (!content) return { outcome: 'unclear', reason: 'the server has no export format of that name' }
  try {
    const source = await readSourceFile(join(folder, fileName))
    if (!source) return { outcome: 'unclear', reason: 'is no plain file' }
    const identity = await readIdentity(source.path, parsed.type, content, signal)
    const found = await asking(() => findCandidates(parsed, identity, deps.finder))
    const before = await findBefore(found, { fileName, source, content, parsed }, deps)
    if (before) return before
    const inspection = await inspectArchive(source.path, { entityType: parsed.type, content, signal })
    if (inspection.problems.length > 0) return { outcome: 'damaged', reason: describeProblems(inspection) }
    const judged = await asking(() => judgeFile(parsed, identity, found, inspection))
    if ('reason' in judged) return { outcome: 'unclear', reason: judged.reason }
    return await store({ fileName, source, content, parsed, inspection, found: judged }, deps, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ServerFault) throw error.cause
    if (!(error instanceof BackupError)) throw error
    return { outcome: DAMAGED.has(error.code) ? 'damaged' : 'failed', reason: describeError(error) }
  }
}

const DAMAGED = new Set(['not-a-zip', 'truncated-archive', 'damaged-archive'])

/** Tells the server's faults, which end everything, from a file's. */
class ServerFault extends Error {}

async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    throw new ServerFault('asking the server failed', { cause })
  }
}

async function chooseContent(parsed: OriginalName, finder: Finder): Promise<ArchiveContent | undefined> {
  if (parsed.kind === 'backup') return { kind: 'backup' }
  const format = await finder.findFormat(parsed.format)
  return format === undefined ? undefined : { kind: 'annotations', format, saveImages: parsed.saveImages }
}

interface FileFacts {
  readonly fileName: string
  readonly source: SourceFile
  readonly content: ArchiveContent
  readonly parsed: OriginalName
}

/** A copy that an earlier run made is recognised by name, size and time: nothing is read a second time. */
async function findBefore(
  found: readonly FoundEntity[],
  { fileName, source, content, parsed }: FileFacts,
  { store, serverUrl }: AdoptFileDeps,
): Promise<AdoptionOutcome | undefined> {
  const { sizeBytes } = source
  for (const { entity } of found) {
    const query = { entity, content, createdAt: parsed.changedAt, serverUrl, fileName, sizeBytes }
    const archive = await store.findAdopted(query)
    if (archive) return { outcome: 'already', entity: formatEntity(entity), archive: archive.record.archive.fileName }
  }
  return undefined
}

async function store(
  file: FileFacts & { readonly inspection: Inspection; readonly found: FoundEntity },
  { store, serverUrl, copy, dryRun, now }: AdoptFileDeps,
  signal: AbortSignal,
): Promise<AdoptionOutcome> {
  const { fileName, source, content, parsed, inspection, found } = file
  const entity = formatEntity(found.entity)
  const { sizeBytes } = inspection
  if (dryRun) return { outcome: 'adopted', entity, sizeBytes }
  const series: Series = { entity: found.entity, content }
  const { name, organization } = found
  // Made of the bytes, so that a second run knows its own: the store recognises a backup by its id.
  const runId = `adopt-${inspection.sha256.slice(0, 16)}`
  const adopted = await store.adoptArchive({
    source,
    copy,
    signal,
    series,
    inspection: { ...inspection, warnings: [...inspection.warnings, unknownPast] },
    server: { url: serverUrl, version: null },
    observation: { name, organization, updatedDate: parsed.changedAt, tasks: [] },
    createdAt: parsed.changedAt,
    origin: {
      runId,
      backupId: `${runId}.${formatSeries(series)}`,
      attempts: 1,
      adoptedFrom: fileName,
      adoptedAt: now().toISOString(),
    },
  })
  const archive = adopted.record.archive.fileName
  return adopted.how === 'there'
    ? { outcome: 'already', entity, archive }
    : { outcome: 'adopted', entity, archive, sizeBytes }
}

const unknownPast = {
  code: 'adopted',
  message:
    'Taken over from elsewhere: what the server held at that time is unknown, so it was held against itself only',
}

function describeProblems({ problems }: Inspection): string {
  const shown = problems.slice(0, 3).map(({ message }) => message)
  return shown.join('; ') + (problems.length > 3 ? `; and ${problems.length - 3} more` : '')
}
