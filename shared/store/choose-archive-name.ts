// The final name of an archive: one under which nothing is that could be overwritten.

import { join } from 'node:path'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { Observation } from '#shared/model/observation.ts'
import type { Series } from '#shared/model/series.ts'
import { formatArchiveBase, type PartialKind } from './archive-name.ts'
import { type FileOperations, isNameTaken } from './file-operations.ts'
import type { Inspection } from './inspection.ts'
import type { EntityListing } from './stored-archive.ts'

export interface NameInput {
  readonly inspection: Pick<Inspection, 'sha256'>
  readonly series: Series
  readonly snapshot?: unknown
  readonly mediaFrom?: unknown
  readonly observation: Pick<Observation, 'name'>
  readonly createdAt: string
  readonly origin: { readonly backupId: string }
}

/** Names that differ only in this number: more than a few would be a defect. */
const MAX_COPIES = 20

/** A base name under which nothing is, or only the record that a crashed commit of these very bytes left. */
export async function chooseArchiveName(
  files: FileOperations,
  folder: string,
  listing: EntityListing,
  input: NameInput,
): Promise<string> {
  for (let copy = 1; copy <= MAX_COPIES; copy += 1) {
    const base = formatArchiveBase(
      {
        createdAt: input.createdAt,
        content: input.series.content,
        partial: partialKindOf(input),
        name: input.observation.name,
        sha256: input.inspection.sha256,
      },
      copy,
    )
    if (await isNameTaken(files, join(folder, `${base}.zip`))) continue
    const recordPath = join(folder, `${base}.json`)
    if (!(await isNameTaken(files, recordPath)) || isLeftover(listing, recordPath, input)) return base
  }
  throw new BackupError('Every name that the archive could have is taken', { code: 'name-taken', retryable: false })
}

function partialKindOf({ snapshot, mediaFrom }: NameInput): PartialKind | undefined {
  if (snapshot !== undefined) return 'snapshot'
  return mediaFrom === undefined ? undefined : 'without-media'
}

function isLeftover(listing: EntityListing, recordPath: string, input: NameInput): boolean {
  return listing.unrecognised.some(
    ({ path, reason, record }) =>
      path === recordPath &&
      reason === 'record-without-archive' &&
      record?.origin.backupId === input.origin.backupId &&
      record.archive.sha256 === input.inspection.sha256,
  )
}
