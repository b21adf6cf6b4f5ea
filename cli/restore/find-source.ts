// Whose archives are restored: a directory may hold those of several servers.

import { BackupError } from '#shared/errors/backup-error.ts'
import type { Store } from '#shared/store/open-store.ts'
import { normaliseServerUrl } from '#shared/store/server-url.ts'

export interface SourceWish {
  /** --from. */
  readonly wished: string | undefined
  /** CVAT_URL. */
  readonly configured: string | undefined
}

type ReadStore = Pick<Store, 'directory' | 'listEntities' | 'listRecords'>

/** @throws BackupError `no-archives`, `ambiguous` naming the servers */
export async function findSource(store: ReadStore, { wished, configured }: SourceWish): Promise<string> {
  if (wished !== undefined) return normaliseServerUrl(wished)
  const own = configured === undefined ? undefined : normaliseServerUrl(configured)
  const found = new Set<string>()
  for await (const entity of store.listEntities()) {
    for (const { record } of (await store.listRecords(entity)).archives) found.add(record.server.url)
    // The server that is configured is meant, as soon as it is sure that there is anything of it.
    if (own !== undefined && found.has(own)) return own
  }
  if (found.size === 1) return [...found][0]!
  if (found.size === 0) {
    throw new BackupError(`There are no archives in ${store.directory}`, {
      code: 'no-archives',
      retryable: false,
      hint: 'Set CVAT_BACKUP_DIR to the backup directory; is its disk mounted?',
    })
  }
  throw new BackupError(`${store.directory} holds archives of ${found.size} servers: ${[...found].sort().join(', ')}`, {
    code: 'ambiguous',
    retryable: false,
    hint: 'Say with --from whose are meant.',
  })
}
