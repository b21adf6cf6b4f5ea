// The room in the backup directory as this process' downloads share it. What a download will write is promised to it
// before it begins, and where nobody can write any more, no job is taken until there is room again.

import type { Logger } from 'pino'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { Store } from '#shared/store/open-store.ts'
import { NoRoomError } from './no-room-error.ts'

export interface DiskRoomOptions {
  readonly store: Pick<Store, 'directory' | 'findFreeBytes' | 'tryWriting'>
  readonly logger: Logger
  /** What is left to everybody else who uses the disk. */
  readonly reserveBytes: number
  /** How often a full disk is looked at again. */
  readonly checkEveryMs: number
  /** After so long jobs are taken again even without room, so that they fail and their runs end. */
  readonly limitMs: number
  /** Stops taking jobs, and takes them again. */
  pause(): Promise<void>
  resume(): Promise<void>
}

export interface Promised extends Disposable {
  /** Told of each chunk written; throws a NoRoomError when others have taken the room meanwhile. */
  advance(bytes: number): Promise<void>
}

export interface DiskRoom {
  /** Throws a NoRoomError when so much would not fit now. Nothing is promised. */
  assertRoom(neededBytes: number | undefined): Promise<void>
  /** Promises room until disposed; undefined: the server does not say how much it will be. */
  promise(neededBytes: number | undefined): Promise<Promised>
  /** A download found no room (a NoRoomError), or the disk refused a write. */
  noteFull(error: unknown): Promise<void>
  /** A download was stored; `hadWaited`: after it had found no room before. */
  noteStored(hadWaited: boolean): void
  /** Since when no job is taken, milliseconds since 1970. */
  readonly closedSinceMs: number | undefined
  readonly checkEveryMs: number
  readonly limitMs: number
  close(): void
}

const PROBE_BYTES = 4 * 1024 * 1024
const LOOK_EVERY_MS = 1_000
/** A quota or a mount that tells nonsense lets probes pass and downloads not: then it is tried ever rarer, up to 32 times. */
const MOST_DOUBLINGS = 5

export function openDiskRoom(options: DiskRoomOptions): DiskRoom {
  const { store, logger, reserveBytes, checkEveryMs, limitMs } = options
  const promises = new Set<{ leftBytes: number }>()
  let closedSinceMs: number | undefined
  let refusedWrites = 0
  let wasTold = false
  let timer: NodeJS.Timeout | undefined
  let isOver = false

  function check(freeBytes: number | undefined, neededBytes: number | undefined): void {
    if (freeBytes === undefined) return
    let promisedBytes = 0
    for (const { leftBytes } of promises) promisedBytes += leftBytes
    if (freeBytes - promisedBytes - (neededBytes ?? 0) >= reserveBytes) return
    throw new NoRoomError({ directory: store.directory, neededBytes, freeBytes, promisedBytes, reserveBytes })
  }

  /** Throws what is wrong with the directory besides being full. */
  async function hasRoom(): Promise<boolean> {
    const freeBytes = await store.findFreeBytes()
    if (freeBytes !== undefined && freeBytes < reserveBytes + PROBE_BYTES) return false
    try {
      await store.tryWriting(PROBE_BYTES)
      return true
    } catch (error) {
      if (error instanceof BackupError && error.code === 'disk-full') return false
      throw error
    }
  }

  function lookAgainIn(delayMs: number): void {
    if (isOver) return
    timer = setTimeout(() => void lookAgain(), delayMs)
    timer.unref()
  }

  async function lookAgain(): Promise<void> {
    let isOpen = true
    try {
      isOpen = await hasRoom()
      if (isOpen) logger.info({ directory: store.directory }, 'there is room again: downloads go on')
    } catch (err) {
      // No longer a matter of room: the jobs meet it and tell.
      logger.warn({ err }, 'the backup directory, which was full, cannot be written for another reason')
    }
    if (isOver) return
    if (isOpen) {
      closedSinceMs = undefined
      wasTold = false
    } else lookAgainIn(checkEveryMs)
    const isTooLong = closedSinceMs !== undefined && Date.now() - closedSinceMs >= limitMs
    if (isOpen || isTooLong) await options.resume()
  }

  function tell(error: unknown): void {
    if (wasTold) return
    wasTold = true
    const fields = error instanceof NoRoomError ? error.figures : { directory: store.directory, err: error }
    logger.error(fields, 'the backup directory is full: downloads wait until there is room; archives are kept')
  }

  return {
    async assertRoom(neededBytes) {
      check(await store.findFreeBytes(), neededBytes)
    },
    async promise(neededBytes) {
      const freeBytes = await store.findFreeBytes()
      // Nothing is awaited from here to the promise: of two that ask at once the second sees the first one's.
      check(freeBytes, neededBytes)
      const own = { leftBytes: neededBytes ?? 0 }
      promises.add(own)
      let lookAtMs = Date.now() + LOOK_EVERY_MS
      return {
        async advance(bytes) {
          own.leftBytes = Math.max(0, own.leftBytes - bytes)
          if (Date.now() < lookAtMs) return
          lookAtMs = Date.now() + LOOK_EVERY_MS
          const freeBytes = await store.findFreeBytes()
          if (freeBytes === undefined || freeBytes >= reserveBytes) return
          const neededBytes = own.leftBytes
          throw new NoRoomError({ directory: store.directory, neededBytes, freeBytes, promisedBytes: 0, reserveBytes })
        },
        [Symbol.dispose]: () => void promises.delete(own),
      }
    },
    async noteFull(error) {
      tell(error)
      // Some room is left: only this file does not fit.
      if (error instanceof NoRoomError && error.figures.freeBytes >= reserveBytes) return
      if (closedSinceMs !== undefined) return
      closedSinceMs = Date.now()
      await options.pause()
      lookAgainIn(checkEveryMs * 2 ** Math.min(refusedWrites, MOST_DOUBLINGS))
      if (!(error instanceof NoRoomError)) refusedWrites += 1
    },
    noteStored(hadWaited) {
      refusedWrites = 0
      if (!hadWaited || closedSinceMs !== undefined || !wasTold) return
      wasTold = false
      logger.info({ directory: store.directory }, 'there is room again: downloads go on')
    },
    get closedSinceMs() {
      return closedSinceMs
    },
    checkEveryMs,
    limitMs,
    close() {
      isOver = true
      clearTimeout(timer)
    },
  }
}
