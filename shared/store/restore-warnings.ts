// Backups that are complete and that CVAT may refuse to restore all the same: better known now than on the bad day.
// All cases were measured on CVAT 2.64.1; docs/backup-format.md says what to do about them.

import { z } from 'zod'
import type { Observation } from '#shared/model/observation.ts'
import { showName } from './check-entry.ts'
import type { Problem } from './record.ts'

const labelsSchema = z.array(
  z.looseObject({
    name: z.string(),
    type: z.string().optional(),
    sublabels: z.array(z.looseObject({ name: z.string() })).optional(),
  }),
)

const dataSchema = z.looseObject({
  storage: z.string().optional(),
  storage_method: z.string().optional(),
  sorting_method: z.string().optional(),
  custom_segments: z.boolean().optional(),
})

const NAMED = 10

/** `posehead` beside a skeleton `pose` with a part `head`: CVAT's importer takes one for the other and fails. */
export function warnAboutLabels(labels: unknown): Problem[] {
  const parsed = labelsSchema.safeParse(labels)
  if (!parsed.success) return []
  const names = new Set(parsed.data.map(({ name }) => name))
  return parsed.data
    .filter(({ type }) => type === 'skeleton')
    .flatMap((skeleton) => (skeleton.sublabels ?? []).map((part) => skeleton.name + part.name))
    .filter((name) => names.has(name))
    .map((name) => ({
      code: 'label-name-collides',
      message: `CVAT cannot restore this: label ${JSON.stringify(name)} is named like a skeleton and its part together. Rename it on the server, then back up again`,
    }))
}

/** What CVAT's importer stumbles over in the settings of a task's data. */
export function warnAboutData(data: unknown): Problem[] {
  const parsed = dataSchema.safeParse(data)
  return parsed.success ? [...warnAboutCache(parsed.data), ...warnAboutShare(parsed.data)] : []
}

/** Made without cache and sorted by random or by hand: refused where the server allows static cache. */
function warnAboutCache({ storage_method, sorting_method, custom_segments }: z.infer<typeof dataSchema>): Problem[] {
  const isReordered = sorting_method === 'random' || sorting_method === 'predefined'
  if (storage_method !== 'file_system' || !isReordered || custom_segments) return []
  return [
    {
      code: 'needs-no-static-cache',
      message: `restorable only where CVAT_ALLOW_STATIC_CACHE is "no": made without cache and in ${sorting_method} order. docs/backup-format.md tells how to mend it`,
    },
  ]
}

/**
 * Not measured: CVAT 2.64.1 writes `local` here. Until the end of 2025 it wrote `share` for tasks whose media stayed on a share,
 * copied the media into the backup all the same, and looked for them on the share when it was restored.
 */
function warnAboutShare({ storage }: z.infer<typeof dataSchema>): Problem[] {
  if (storage !== 'share') return []
  return [
    {
      code: 'media-claimed-on-share',
      message:
        'CVAT may not restore this: it says that its media lie on a share, as older versions of CVAT wrote it, though they are in the archive. docs/backup-format.md tells how to mend it',
    },
  ]
}

/** CVAT leaves tasks without data out of a project's backup, and says nothing of it. */
export function warnAboutEmptyTasks(observation: Observation | undefined): Problem[] {
  const empty = (observation?.tasks ?? []).filter(({ size }) => size === 0)
  if (empty.length === 0) return []
  const named = empty.slice(0, NAMED).map(({ id, name }) => `${id} ${showName(name)}`)
  const more = empty.length > NAMED ? ` and ${empty.length - NAMED} more` : ''
  const message = `CVAT leaves tasks without data out of its backups: ${named.join(', ')}${more}`
  return [{ code: 'tasks-without-data', message }]
}
