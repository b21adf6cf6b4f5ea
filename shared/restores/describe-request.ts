// What a restore is asked for, in one comparable text.

import { createHash } from 'node:crypto'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'

export interface RestoreWish {
  readonly at: Date | undefined
  /** File name or path of an archive; for one entity only. */
  readonly archive: string | undefined
  /** Slug for all of them; null: personal; undefined: each as it was, by the map. */
  readonly organization: string | null | undefined
  readonly organizationMap: ReadonlyMap<string, string | null>
  readonly as: string | undefined
  readonly repair: boolean
  readonly withDeleted: boolean
}

/** The same for the same wish: a restore that was broken off is gone on with by asking for the same again. */
export function describeRequest(
  request: RestoreWish,
  named: readonly EntityRef[] | undefined,
  source: string,
  targetUrl: string,
): string {
  const { at, archive, organization, organizationMap, as, repair, withDeleted } = request
  const wish = {
    targetUrl,
    entities: named?.map(formatEntity).sort(),
    at: at?.toISOString(),
    archive,
    organization,
    organizationMap: [...organizationMap].sort(),
    as,
    repair,
    withDeleted,
    source,
  }
  return createHash('sha256').update(JSON.stringify(wish)).digest('hex')
}
