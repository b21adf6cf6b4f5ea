// The file names that the original script gave: CVAT's proposal from the Content-Disposition header, cut out and saved as
// it was, backslashes and all.

import type { EntityType } from '#shared/model/entity.ts'

interface CommonParts {
  readonly type: EntityType
  /** UTC, to the second: the entity's last change (for annotations its tasks' too), not the time of the backup. */
  readonly changedAt: string
}

export type OriginalName =
  /** `label` is the name as CVAT mangled it: lower case, quotes escaped twice, perhaps without what is not ASCII. */
  | (CommonParts & { readonly kind: 'backup'; readonly label: string })
  /** `format` is in lower case. */
  | (CommonParts & {
      readonly kind: 'annotations'
      readonly id: number
      readonly format: string
      readonly saveImages: boolean
    })

/**
 * What the script made of a header with two names, the second one percent-encoded UTF-8: it took everything from the
 * first name on, so that the file is called `A.zip"; filename*=UTF-8''B.zip`.
 */
const bothNames = /^.*\.zip"; filename\*=UTF-8''(.+\.zip)$/s
const time = String.raw`(\d{4})_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)`
const backup = new RegExp(`^(project|task)_(.*)_backup_${time}\\.zip$`, 's')
const annotations = new RegExp(`^(project|task)_([1-9]\\d{0,14})_(annotations|dataset)_${time}_(.+)\\.zip$`, 's')

/** Undefined for any other name. */
export function parseOriginalName(fileName: string): OriginalName | undefined {
  const name = decodeSecondName(fileName.normalize('NFC'))
  const asBackup = backup.exec(name)
  if (asBackup) {
    const [, type, label, ...digits] = asBackup
    const changedAt = formatTime(digits)
    return changedAt === undefined ? undefined : { kind: 'backup', type: type as EntityType, label: label!, changedAt }
  }
  const asAnnotations = annotations.exec(name)
  if (!asAnnotations) return undefined
  const [, type, id, content, ...rest] = asAnnotations
  const changedAt = formatTime(rest)
  if (changedAt === undefined) return undefined
  const saveImages = content === 'dataset'
  return { kind: 'annotations', type: type as EntityType, id: Number(id), format: rest[6]!, saveImages, changedAt }
}

/**
 * Whether CVAT, the script, a browser or a share could have made `label` of this name: letters and digits of ASCII must
 * agree, which is what all of them leave alone.
 */
export function mayBeLabelOf(label: string, name: string): boolean {
  return skeletonOf(label) === skeletonOf(name)
}

function skeletonOf(text: string): string {
  return text
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/[^a-z0-9]/g, '')
}

function decodeSecondName(fileName: string): string {
  const encoded = bothNames.exec(fileName)?.[1]
  if (encoded === undefined) return fileName
  try {
    return decodeURIComponent(encoded)
  } catch {
    return fileName
  }
}

function formatTime([year, month, day, hour, minute, second]: readonly string[]): string | undefined {
  const text = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  const time = new Date(`${text}Z`)
  const isReal = !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
  return isReal ? `${text}Z` : undefined
}
