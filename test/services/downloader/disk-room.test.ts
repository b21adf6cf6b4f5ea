import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type DiskRoomOptions, openDiskRoom } from '#services/downloader/disk-room.ts'
import { NoRoomError } from '#services/downloader/no-room-error.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { collectLogs } from '../../support/collect-logs.ts'

const refused = () => new BackupError('Writing failed (EDQUOT)', { code: 'disk-full', retryable: true })
const isFull = { code: 'disk-full', retryable: true }

/** A disk whose free space, and whose answer to a probe, the test sets. */
function openRoom(options: Partial<DiskRoomOptions> = {}) {
  const disk = { freeBytes: 1_000_000_000 as number | undefined, takesWrites: true }
  const logs = collectLogs()
  const calls: string[] = []
  const room = openDiskRoom({
    store: {
      directory: '/backups',
      findFreeBytes: async () => disk.freeBytes,
      tryWriting: async () => {
        if (!disk.takesWrites) throw refused()
      },
    },
    logger: logs.logger,
    reserveBytes: 100,
    checkEveryMs: 1_000,
    limitMs: 100_000,
    pause: async () => void calls.push('pause'),
    resume: async () => void calls.push('resume'),
    ...options,
  })
  return { room, disk, logs, calls }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('room for a file', () => {
  test('is what is free without the reserve and without what others were promised', async () => {
    const { room, disk } = openRoom()
    disk.freeBytes = 1_000
    const first = await room.promise(500)
    await expect(room.promise(401)).rejects.toMatchObject(isFull)
    const second = await room.promise(400)
    second[Symbol.dispose]()
    await first.advance(200)
    await expect(room.promise(601)).rejects.toThrow(NoRoomError)
    first[Symbol.dispose]()
    await room.assertRoom(900)
    await expect(room.assertRoom(901)).rejects.toThrow(
      'not enough room in /backups: 0.0 MB are needed, 0.0 MB are free, 0.0 MB are kept free',
    )
  })

  test('is given to one of two that ask at the same time', async () => {
    const { room, disk } = openRoom()
    disk.freeBytes = 1_000
    const answers = await Promise.allSettled([room.promise(600), room.promise(600)])
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })

  test('is taken for granted where the file system does not tell', async () => {
    const { room, disk } = openRoom()
    disk.freeBytes = undefined
    await room.assertRoom(2 ** 50)
    await (await room.promise(2 ** 50)).advance(2 ** 50)
  })

  test('that others use up is noticed within a second', async () => {
    const { room, disk } = openRoom()
    const promised = await room.promise(500)
    disk.freeBytes = 99
    await promised.advance(1)
    vi.advanceTimersByTime(1_000)
    await expect(promised.advance(1)).rejects.toMatchObject({ ...isFull, figures: { freeBytes: 99, neededBytes: 498 } })
  })
})

describe('a full disk', () => {
  test('stops the taking of jobs until there is the reserve again, and is told once', async () => {
    const { room, disk, logs, calls } = openRoom()
    disk.freeBytes = 50
    for (let i = 0; i < 3; i++) await room.noteFull(await room.assertRoom(10).catch((error: unknown) => error))
    expect(calls).toEqual(['pause'])
    await vi.advanceTimersByTimeAsync(5_000)
    expect(calls).toEqual(['pause'])
    disk.freeBytes = 10_000_000
    await vi.advanceTimersByTimeAsync(1_000)
    expect(calls).toEqual(['pause', 'resume'])
    expect(room.closedSinceMs).toBeUndefined()
    expect(logs.lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      'error the backup directory is full: downloads wait until there is room; archives are kept',
      'info there is room again: downloads go on',
    ])
    room.close()
  })

  test('where only one file does not fit lets the others be taken', async () => {
    const { room, disk, logs, calls } = openRoom()
    disk.freeBytes = 5_000
    await room.noteFull(await room.assertRoom(10_000).catch((error: unknown) => error))
    expect(calls).toEqual([])
    room.noteStored(false)
    expect(logs.lines).toHaveLength(1)
    room.noteStored(true)
    expect(logs.lines.map(({ msg }) => msg)[1]).toBe('there is room again: downloads go on')
  })

  test('that refuses writes though it tells of room is tried ever rarer, until a file is stored', async () => {
    const { room, calls } = openRoom()
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      calls.length = 0
      await Promise.all([room.noteFull(refused()), room.noteFull(refused()), room.noteFull(refused())])
      const startedMs = Date.now()
      while (!calls.includes('resume')) await vi.advanceTimersByTimeAsync(500)
      waits.push((Date.now() - startedMs) / 1_000)
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 32, 32])
    room.noteStored(true)
    await room.noteFull(refused())
    calls.length = 0
    await vi.advanceTimersByTimeAsync(1_000)
    expect(calls).toEqual(['resume'])
    room.close()
  })

  test('that takes no probe is no room, whatever it tells', async () => {
    const { room, disk, calls } = openRoom()
    disk.takesWrites = false
    await room.noteFull(refused())
    await vi.advanceTimersByTimeAsync(50_000)
    expect(calls).toEqual(['pause'])
    disk.takesWrites = true
    await vi.advanceTimersByTimeAsync(1_000)
    expect(calls).toEqual(['pause', 'resume'])
    room.close()
  })

  test('for longer than the limit lets jobs be taken, so that they fail, and is still looked at', async () => {
    const { room, disk, logs, calls } = openRoom()
    disk.freeBytes = 0
    await room.noteFull(refused())
    await vi.advanceTimersByTimeAsync(99_000)
    expect(calls).toEqual(['pause'])
    await vi.advanceTimersByTimeAsync(2_000)
    expect(calls.slice(0, 2)).toEqual(['pause', 'resume'])
    expect(room.closedSinceMs).toBeDefined()
    disk.freeBytes = 10_000_000
    await vi.advanceTimersByTimeAsync(1_000)
    expect(room.closedSinceMs).toBeUndefined()
    expect(logs.lines.at(-1)?.msg).toBe('there is room again: downloads go on')
    room.close()
  })

  test('whose mount is lost meanwhile lets jobs be taken, which tell of it', async () => {
    const lost = new BackupError('Trying to write failed (ENOENT)', { code: 'directory-missing', retryable: true })
    const tryWriting = () => Promise.reject(lost)
    const { room, calls, logs } = openRoom({
      store: { directory: '/backups', findFreeBytes: async () => undefined, tryWriting },
    })
    await room.noteFull(refused())
    await vi.advanceTimersByTimeAsync(1_000)
    expect(calls).toEqual(['pause', 'resume'])
    expect(logs.lines.at(-1)).toMatchObject({ level: 'warn', err: { code: 'directory-missing' } })
    room.close()
  })

  test('is not looked at any more once it is closed', async () => {
    const { room, calls } = openRoom()
    await room.noteFull(refused())
    room.close()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(calls).toEqual(['pause'])
    expect(vi.getTimerCount()).toBe(0)
  })
})
