// A full disk is nobody's fault and not a fault of the backup: the job waits, without an attempt lost, for up to a day.

import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import type { DownloadPayload } from '#shared/queues/downloads-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import { Postponed } from '#shared/service/postponed.ts'
import type { DiskRoom } from './disk-room.ts'
import { fullDiskHint, NoRoomError } from './no-room-error.ts'

/**
 * Runs what a job writes into the directory. A job that has waited asks for its room before anything else, so that waiting costs the
 * server nothing.
 *
 * @throws Postponed when there is no room; BackupError `disk-full`, not retryable, when that took too long
 */
export async function postponeWhenFull<Payload extends Pick<DownloadPayload, 'waitsForRoom'>>(
  payload: Payload,
  context: JobContext<Payload>,
  room: DiskRoom,
  run: (context: JobContext<Payload>) => Promise<string>,
): Promise<string> {
  const { waitsForRoom } = payload
  let latest = payload
  const save = async (changed: Payload) => {
    await context.save(changed)
    latest = changed
  }
  try {
    if (waitsForRoom || room.closedSinceMs !== undefined) await room.assertRoom(waitsForRoom?.neededBytes)
    const answer = await run({ ...context, save })
    room.noteStored(waitsForRoom !== undefined)
    return answer
  } catch (error) {
    if (!(error instanceof BackupError) || error.code !== 'disk-full' || context.signal.aborted) throw error
    const figures = error instanceof NoRoomError ? error.figures : undefined
    const neededBytes = figures?.neededBytes ?? waitsForRoom?.neededBytes
    await room.noteFull(error)
    const sinceMs = waitsForRoom ? Date.parse(waitsForRoom.since) : (room.closedSinceMs ?? Date.now())
    if (Date.now() - sinceMs >= room.limitMs) throw tooLong(error, room.limitMs)
    const since = new Date(sinceMs).toISOString()
    await context.save({ ...latest, waitsForRoom: neededBytes === undefined ? { since } : { since, neededBytes } })
    await context.progress({ phase: 'waiting for disk space', neededBytes, freeBytes: figures?.freeBytes })
    throw new Postponed(describeError(error), room.checkEveryMs)
  }
}

function tooLong(cause: BackupError, limitMs: number): BackupError {
  const hours = Math.round(limitMs / 360_000) / 10
  return new BackupError(`there was no room for it in ${hours} h`, {
    code: 'disk-full',
    retryable: false,
    hint: fullDiskHint,
    cause,
  })
}
