// What services depend on, as checks. Each costs little, and none is asked more often than its time says.

import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { Check } from './readiness.ts'

export function checkRedis({ redis }: Pick<QueueConnection, 'redis'>): Check {
  return { name: 'redis', isNeeded: true, freshMs: 2_000, ask: () => redis.ping() }
}

/**
 * That CVAT answers and knows the login. `users/self` and not `server/about`: that is anonymous and throttled at 100 calls
 * a minute, over all processes behind one address.
 *
 * Not needed to be ready: without CVAT jobs wait and are tried again, and neither a restart nor a halted upgrade of the
 * backup system brings CVAT back.
 */
export function checkCvat(cvat: Pick<CvatClient, 'getSelf'>): Check {
  return { name: 'cvat', isNeeded: false, freshMs: 30_000, ask: (signal) => cvat.getSelf(signal) }
}

/** That the backup directory is there and can be written: one byte, written, synced and removed. */
export function checkDirectory(store: Pick<Store, 'tryWriting'>): Check {
  return { name: 'directory', isNeeded: true, freshMs: 30_000, ask: () => store.tryWriting(1) }
}

/** That downloads have room. A file system that does not tell its free space passes. */
export function checkRoom(store: Pick<Store, 'directory' | 'findFreeBytes'>, reserveBytes: number): Check {
  return {
    name: 'room',
    isNeeded: true,
    freshMs: 10_000,
    async ask() {
      const freeBytes = await store.findFreeBytes()
      if (freeBytes === undefined || freeBytes >= reserveBytes) return
      throw new BackupError(`${freeBytes} bytes are free in ${store.directory}, ${reserveBytes} are to stay free`, {
        code: 'disk-full',
        retryable: true,
        hint: 'Make room, or lower CVAT_BACKUP_DISK_RESERVE.',
      })
    },
  }
}
