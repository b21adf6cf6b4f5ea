import { basename } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startSweeper } from '#services/sweeper/service.ts'
import { openQueue } from '#shared/queues/open-queue.ts'
import { type VerificationPayload, verificationsQueue } from '#shared/queues/verifications-queue.ts'
import type { Service } from '#shared/service/service.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { editRecord, flipByte } from '../../shared/store/damage.ts'
import { interfere, type Operation, systemError } from '../../shared/store/interfere.ts'
import { openTestStore, project6, storeArchive } from '../../shared/store/store-fixture.ts'
import { collectLogs } from '../../support/collect-logs.ts'
import { useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
const longAgo = '2020'

/** Archives that were checked on the first, the second, … of a month long ago. */
async function storeSome(number: number): Promise<{ store: Store; archives: StoredArchive[] }> {
  const store = await openTestStore()
  const archives: StoredArchive[] = []
  for (let index = 0; index < number; index++) {
    // Of one size, so that shares are numbers of archives.
    const archive = await storeArchive(store, {
      backupId: `b${index}`,
      seed: `${index}`,
      createdAt: '2020-01-01T00:00:00Z',
    })
    const checkedAt = new Date(Date.UTC(2020, 0, index + 1)).toISOString()
    await editRecord(archive.recordPath, { verification: { checkedAt } })
    archives.push(archive)
  }
  return { store, archives }
}

async function startVerifier(
  store: Store,
  passes: number,
  before: (operation: Operation) => Promise<void> | void = () => {},
) {
  const connection = await redis.connect()
  const queue = openQueue(verificationsQueue, connection)
  const logs = collectLogs([])
  let service: Service | undefined
  const start = async () => {
    const { redis: own } = await redis.connect(connection.prefix)
    service = await startSweeper({
      connection: { redis: own, prefix: connection.prefix },
      store: openStore({ directory: store.directory, files: interfere(before) }),
      logger: logs.logger,
      rules: { ttlMs: 1e12, minBackups: 3 },
      verifyPasses: passes,
    })
  }
  const stop = async () => service?.close()
  onTestFinished(async () => {
    await stop()
    await queue.close()
  })
  await start()
  return {
    start,
    stop,
    queue,
    add: (jobId: string, payload: VerificationPayload = {}) => queue.add({ name: 'pass', jobId, payload }),
    job: async (jobId: string) => (await queue.bull.getJob(jobId))!,
    ended: (jobId: string) =>
      waitFor(`${jobId} to end`, async () => {
        const state = await queue.bull.getJobState(jobId)
        if (state !== 'completed' && state !== 'failed') throw new Error(state)
        const job = await queue.bull.getJob(jobId)
        return {
          state,
          result: job!.returnvalue as string,
          reason: job!.failedReason ?? '',
          attempts: job!.attemptsMade,
        }
      }),
  }
}

/** Indices of the archives that were checked lately. */
async function findChecked(store: Store, archives: readonly StoredArchive[]): Promise<number[]> {
  const { archives: stored } = await store.listRecords(project6)
  const lately = stored.filter(({ record }) => !record.verification.checkedAt.startsWith(longAgo))
  const paths = lately.map(({ archivePath }) => archivePath)
  return archives.flatMap(({ archivePath }, index) => (paths.includes(archivePath) ? [index] : []))
}

describe('a scheduled pass over the stored archives', () => {
  test('checks its share, the longest unchecked first, until so many passes have checked all', async () => {
    const { store, archives } = await storeSome(6)
    const verifier = await startVerifier(store, 3)
    await verifier.add('first')
    expect(await verifier.ended('first')).toMatchObject({ state: 'completed', result: '2 archives are intact' })
    expect(await findChecked(store, archives)).toEqual([0, 1])
    await verifier.add('second')
    await verifier.ended('second')
    expect(await findChecked(store, archives)).toEqual([0, 1, 2, 3])
    await verifier.add('third')
    await verifier.ended('third')
    expect(await findChecked(store, archives)).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('that finds damage goes on to its end, then fails and names it; trying again at once would change nothing', async () => {
    const { store, archives } = await storeSome(4)
    await flipByte(archives[1]!.archivePath, 100)
    const verifier = await startVerifier(store, 1)
    await verifier.add('pass')
    const { state, reason, attempts } = await verifier.ended('pass')
    expect({ state, attempts }).toEqual({ state: 'failed', attempts: 1 })
    expect(reason).toContain(`1 of 4 stored archives are damaged: project-6/${basename(archives[1]!.archivePath)}`)
    expect(await findChecked(store, archives)).toEqual([0, 1, 2, 3])
  })

  test('that was stopped goes on where it stopped, and still names what it had found before', async () => {
    const { store, archives } = await storeSome(4)
    await flipByte(archives[0]!.archivePath, 100)
    let isHeld = true
    let reached = false
    const verifier = await startVerifier(store, 1, async ({ name, path }) => {
      if (!isHeld || name !== 'handle.read' || path !== archives[2]!.archivePath) return
      reached = true
      await waitFor('the test', () => !isHeld)
    })
    await verifier.add('pass')
    await waitFor('the third archive', () => reached)
    const stopped = verifier.stop()
    isHeld = false
    await stopped
    expect(await findChecked(store, archives)).toEqual([0, 1])
    const secondBefore = (await verifier.job('pass')).data
    expect(await (await verifier.job('pass')).getState()).toBe('waiting')
    await verifier.start()
    const { reason } = await verifier.ended('pass')
    expect(reason).toContain(basename(archives[0]!.archivePath))
    expect(await findChecked(store, archives)).toEqual([0, 1, 2, 3])
    expect((await verifier.job('pass')).data).toEqual(secondBefore)
  })

  test('that is handled twice reads its share once', async () => {
    const { store, archives } = await storeSome(6)
    const verifier = await startVerifier(store, 3)
    const startedAt = new Date().toISOString()
    await verifier.add('once', { startedAt })
    await verifier.ended('once')
    await verifier.add('again', { startedAt })
    expect(await verifier.ended('again')).toMatchObject({ state: 'completed', result: '0 archives are intact' })
    expect(await findChecked(store, archives)).toEqual([0, 1])
  })

  test('is tried again when an archive could not be read, and is good when it then can', async () => {
    const { store, archives } = await storeSome(3)
    let isFaulty = true
    const verifier = await startVerifier(store, 1, ({ name, path }) => {
      if (isFaulty && name === 'handle.read' && path === archives[1]!.archivePath) throw systemError('EIO')
    })
    await verifier.add('pass')
    await waitFor('the first try to fail', async () => (await (await verifier.job('pass')).getState()) === 'delayed')
    // Read anew: a job that was read before its state does not yet tell its reason.
    const job = await verifier.job('pass')
    expect(job.failedReason).toContain(`1 could not be checked: project-6/${basename(archives[1]!.archivePath)}`)
    expect(await findChecked(store, archives)).toEqual([0, 2])
    isFaulty = false
    await job.promote()
    expect(await verifier.ended('pass')).toMatchObject({ state: 'completed', result: '1 archives are intact' })
    expect(await findChecked(store, archives)).toEqual([0, 1, 2])
  })
})
