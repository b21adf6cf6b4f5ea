// The small file in an entity's folder which says that its server no longer has it, and since when that is known.

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { type FileOperations, unlinkIfExists } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { readJsonIfThere } from './read-json.ts'
import { normaliseServerUrl } from './server-url.ts'
import { withStoreErrors } from './store-errors.ts'
import { writeJsonAtomically } from './write-json.ts'

const deletedMarkerSchema = z.looseObject({
  formatVersion: z.int().positive(),
  type: z.literal('deleted'),
  /** Our clock, ISO 8601 UTC: when the server first said that it has no such entity. */
  since: z.iso.datetime(),
  server: z.object({ url: z.string().min(1) }),
})

export type DeletedMarker = z.infer<typeof deletedMarkerSchema>

/** Whether a name in an entity's folder is that of a marker, of whatever server. */
export function isDeletedMarkerName(name: string): boolean {
  return /^deleted-[0-9a-f]{8}\.json$/.test(name)
}

/** Undefined when there is none for this server, or none that can be read. */
export async function readDeletedMarker(
  files: FileOperations,
  layout: Layout,
  entity: EntityRef,
  serverUrl: string,
): Promise<DeletedMarker | undefined> {
  return withStoreErrors(`Reading whether ${formatEntity(entity)} was deleted`, async () => {
    const parsed = deletedMarkerSchema.safeParse(await readJsonIfThere(files, markerPath(layout, entity, serverUrl)))
    return parsed.success && parsed.data.server.url === identify(serverUrl) ? parsed.data : undefined
  })
}

/** Writes the marker, atomically. The entity's folder must be there; one marker a server, so that no two share a file. */
export async function writeDeletedMarker(
  files: FileOperations,
  layout: Layout,
  entity: EntityRef,
  serverUrl: string,
  now: Date,
): Promise<void> {
  const server = { url: identify(serverUrl) }
  const value: DeletedMarker = { formatVersion: 1, type: 'deleted', since: now.toISOString(), server }
  await withStoreErrors(`Noting that ${formatEntity(entity)} was deleted`, () =>
    writeJsonAtomically(files, {
      temporaryPath: layout.newTemporary(formatEntity(entity), now),
      finalPath: markerPath(layout, entity, serverUrl),
      value,
    }),
  )
}

/** The entity is there (again). Harmless when it was never marked. */
export async function removeDeletedMarker(
  files: FileOperations,
  layout: Layout,
  entity: EntityRef,
  serverUrl: string,
): Promise<void> {
  await withStoreErrors(`Noting that ${formatEntity(entity)} is there`, () =>
    unlinkIfExists(files, markerPath(layout, entity, serverUrl)),
  )
}

/** Several servers may share a folder: their digests tell their markers apart. */
function markerPath(layout: Layout, entity: EntityRef, serverUrl: string): string {
  const digest = createHash('sha256').update(identify(serverUrl)).digest('hex').slice(0, 8)
  return join(layout.entityFolder(entity), `deleted-${digest}.json`)
}

/** A record that somebody else made may name a server by something that is no address. */
function identify(serverUrl: string): string {
  return URL.canParse(serverUrl) ? normaliseServerUrl(serverUrl) : serverUrl
}
