import { readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest'
import { startDownloader } from '#services/downloader/service.ts'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { openStore } from '#shared/store/open-store.ts'
import { followRun } from '../../../cli/follow-run.ts'
import { sha256 } from '../../shared/store/store-fixture.ts'
import { useRedis } from '../../support/redis-server.ts'
import { mountSmallDisk } from '../../support/small-disk.ts'
import { emptyWorld } from '../../support/small-world.ts'
import { type Stack, type StackOptions, startStack } from '../../support/start-stack.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
const MB = 1024 * 1024
const fullDisk = { checkEveryMs: 40, limitMs: 3600_000 }
const downloads = '/api/projects/{id}/backup/download'

/** A project per size. */
function worldOf(...sizesMb: number[]) {
  const world = emptyWorld()
  for (const size of sizesMb) {
    const { id } = world.addProject({ name: `${size} MB` })
    world.addTask({ projectId: id, name: 'pictures', frames: size, bytesPerFrame: MB })
  }
  return world
}

async function startOnSmallDisk(context: TestContext, sizeMb: number, options: StackOptions) {
  const disk = await mountSmallDisk(context, sizeMb * MB)
  const stack = await startStack(redis, { fullDisk, directory: disk.path, ...options })
  return { disk, stack }
}

async function untilWaiting(stack: Stack, jobs: number): Promise<void> {
  await waitFor(`${jobs} downloads to wait`, async () => (await waitingDownloads(stack)).length === jobs)
}

async function waitingDownloads({ queues }: Stack) {
  const delayed = await queues.downloads.bull.getDelayed()
  return delayed.filter((job) => JSON.stringify(job?.progress).includes('waiting for disk space'))
}

function linesAbout({ logs }: Stack, text: string) {
  return logs.lines.filter(({ msg }) => msg.includes(text))
}

/** A download that failed and will be tried again. */
async function untilFailedOnce({ queues }: Stack) {
  return waitFor('a try to fail', async () => {
    const delayed = await queues.downloads.bull.getDelayed()
    return delayed.find((job) => job?.failedReason)
  })
}

const leftovers = (stack: Stack) => readdir(join(stack.directory, '.cvat-backups/partial'))

describe('a full disk', () => {
  test('lets downloads wait, keeps what is there, says so once, and goes on by itself', async (context) => {
    const { disk, stack } = await startOnSmallDisk(context, 20, { world: worldOf(3, 3, 3) })
    expect(await stack.backUp({ entities: [{ type: 'project', id: 1 }] })).toMatchObject({ done: 1 })
    const [old] = await stack.archives()
    const before = sha256(await readFile(old!.archivePath))
    await disk.fill(15 * MB)

    const runId = await stack.request({ full: true })
    const said: string[] = []
    const { ledger, queues } = stack
    const view = { onEvents() {}, onAccount() {}, say: (text: string) => void said.push(text), close() {} }
    const followed = followRun(runId, { ledger, view, ...queues }, AbortSignal.timeout(60_000))
    await waitFor('the follower to be told', () => said.length > 0)
    await waitFor('many looks at the disk', () => linesAbout(stack, 'postponed').length > 10)
    const [line, ...more] = linesAbout(stack, 'the backup directory is full')
    expect(more).toEqual([])
    expect(line).toMatchObject({
      level: 'error',
      directory: disk.path,
      neededBytes: expect.any(Number),
      freeBytes: expect.any(Number),
      reserveBytes: 0,
    })
    expect(await leftovers(stack)).toEqual([])
    expect(sha256(await readFile(old!.archivePath))).toBe(before)

    await disk.free()
    expect(await followed).toMatchObject({ done: 3, failed: 0 })
    expect(said).toEqual([
      expect.stringMatching(/^the backup directory is full: .*\("\d MB", 3\.\d MB needed, \d\.\d MB free\)$/),
      'there is room for the downloads again',
    ])
    expect(linesAbout(stack, 'there is room again')).toHaveLength(1)
    expect(await leftovers(stack)).toEqual([])
    for (const job of await stack.queues.downloads.bull.getCompleted()) expect(job.attemptsMade).toBe(1)
  })

  test('lets a snapshot wait, too, while tasks are taken out of an archive of the whole project', async (context) => {
    const { disk, stack: before } = await startOnSmallDisk(context, 20, {
      world: worldOf(5),
      incremental: { strategy: 'whole', minTasks: 1 },
    })
    expect(await before.backUp()).toMatchObject({ done: 1 })
    before.world.renameProject(1, 'renamed')
    const stack = await startStack(redis, {
      ...{ fullDisk, directory: disk.path, simulator: before.simulator },
      incremental: { strategy: 'incremental', minTasks: 1 },
    })
    await disk.fill(12 * MB)
    const runId = await stack.request()
    await waitFor('the snapshot to wait', async () => {
      const [job] = await stack.queues.snapshots.bull.getDelayed()
      return JSON.stringify(job?.progress).includes('waiting for disk space')
    })
    await waitFor('many looks at the disk', () => linesAbout(stack, 'postponed').length > 10)
    await disk.free()
    expect(await stack.ended(runId)).toMatchObject({ done: 1, failed: 0 })
    for (const job of await stack.queues.snapshots.bull.getCompleted()) expect(job.attemptsMade).toBe(1)
    expect(stack.simulator.stats.exports).toHaveLength(1)
  })

  test('waiting costs the server one look at each file', async (context) => {
    const { disk, stack } = await startOnSmallDisk(context, 20, { world: worldOf(3, 3) })
    await disk.fill(18 * MB)
    const runId = await stack.request()
    await untilWaiting(stack, 2)
    const asked = stack.simulator.stats.requestCount(`GET ${downloads}`)
    await waitFor('many looks at the disk', () => linesAbout(stack, 'postponed').length > 10)
    expect(stack.simulator.stats.requestCount(`GET ${downloads}`)).toBe(asked)
    expect(asked).toBeLessThanOrEqual(2)
    await disk.free()
    expect(await stack.ended(runId)).toMatchObject({ done: 2 })
  })

  test('that refuses a write, where nothing tells how full it is, stops all downloads until there is room', async (context) => {
    const { disk, stack } = await startOnSmallDisk(context, 20, {
      world: worldOf(8, 1, 1, 1),
      services: ['scheduler', 'exporter', 'sweeper'],
    })
    await disk.fill(14 * MB)
    const statfs = () => Promise.reject(Object.assign(new Error('ENOSYS'), { code: 'ENOSYS' }))
    const files = { ...realFiles, statfs } as unknown as FileOperations
    const downloader = await startDownloader({
      connection: await redis.connect(stack.connection.prefix),
      cvat: stack.cvat,
      store: openStore({ directory: disk.path, files }),
      logger: stack.logs.logger,
      parallelDownloads: 1,
      serverUrl: stack.simulator.url,
      diskReserveBytes: 0,
      driftMs: 0,
      fullDisk,
    })
    onTestFinished(() => downloader.close())
    const runId = await stack.request({ entities: [{ type: 'project', id: 1 }] })
    await untilWaiting(stack, 1)
    expect(linesAbout(stack, 'the backup directory is full')).toHaveLength(1)
    await disk.free()
    expect(await stack.ended(runId)).toMatchObject({ done: 1, failed: 0 })
  })

  test('holds up only the file that does not fit, while smaller ones are stored', async (context) => {
    const { disk, stack } = await startOnSmallDisk(context, 24, { world: worldOf(12, 2, 2), parallelDownloads: 1 })
    await disk.fill(12 * MB)
    const runId = await stack.request()
    await waitFor('the small ones', async () => (await stack.archives()).length === 2)
    await untilWaiting(stack, 1)
    await disk.free()
    expect(await stack.ended(runId)).toMatchObject({ done: 3, failed: 0 })
    expect(linesAbout(stack, 'the backup directory is full')).toHaveLength(1)
  })

  test('for too long fails the backups, in the end, with what to do', async (context) => {
    const { disk, stack } = await startOnSmallDisk(context, 16, {
      world: worldOf(3, 3, 3),
      parallelDownloads: 1,
      diskReserveBytes: 4 * MB,
      fullDisk: { checkEveryMs: 20, limitMs: 300 },
    })
    await disk.fill(13 * MB)
    const summary = await stack.backUp()
    expect(summary).toMatchObject({ done: 0, failed: 3 })
    for (const failure of summary.failures) {
      expect(failure).toMatchObject({ code: 'disk-full', hint: expect.stringContaining('CVAT_BACKUP_DISK_RESERVE') })
      expect(failure.reason).toContain(disk.path)
    }
    await disk.free()
    expect(await stack.backUp()).toMatchObject({ done: 3, failed: 0 })
  })

  test('in the middle of a download, filled by somebody else, gives the room back and waits', async (context) => {
    const { disk, stack } = await startOnSmallDisk(context, 24, { world: worldOf(8) })
    stack.simulator.faults.add({ route: downloads, nth: 1, fault: { kind: 'drip', bytesPerSecond: 4 * MB } })
    const runId = await stack.request()
    await waitFor('the download to begin', async () => (await leftovers(stack)).length === 2)
    await disk.fill(22 * MB).catch(() => undefined)
    await untilWaiting(stack, 1)
    expect(await leftovers(stack)).toEqual([])
    await disk.free()
    expect(await stack.ended(runId)).toMatchObject({ done: 1, failed: 0 })
  })

  test('is shared: two downloads that fit one by one, but not together, are stored one after the other', async (context) => {
    const { disk, stack } = await startOnSmallDisk(context, 24, { world: worldOf(10, 10), parallelDownloads: 2 })
    stack.simulator.capacity.bandwidthBytesPerSecond = 40 * MB
    await disk.fill(10 * MB)
    const runId = await stack.request()
    await waitFor('the first one', async () => (await stack.archives()).length === 1)
    await untilWaiting(stack, 1)
    expect(stack.simulator.stats.bytesSent).toBeLessThan(19 * MB)
    await disk.free()
    expect(await stack.ended(runId)).toMatchObject({ done: 2, failed: 0 })
  })
})

describe('a backup directory', () => {
  test('that becomes read-only is told with its path, tried again, and written once it can be', async (context) => {
    const { disk, stack } = await startOnSmallDisk(context, 24, { world: worldOf(1) })
    await disk.remount('ro')
    const runId = await stack.request()
    const failed = await untilFailedOnce(stack)
    expect(failed.failedReason).toMatch(/EROFS/)
    expect(failed.failedReason).toContain(disk.path)
    await disk.remount('rw')
    await failed.promote()
    expect(await stack.ended(runId)).toMatchObject({ done: 1, failed: 0 })
  })

  test('that is unmounted while a download runs is not made anew on the disk below', async (context) => {
    const { disk, stack } = await startOnSmallDisk(context, 24, { world: worldOf(4) })
    stack.simulator.faults.add({ route: downloads, nth: 1, fault: { kind: 'reset', afterBytes: MB } })
    stack.simulator.faults.add({ route: downloads, nth: 2, fault: { kind: 'delay', ms: 300 } })
    await stack.request()
    await waitFor('the download to begin', async () => (await leftovers(stack)).length === 2)
    await disk.unmount()
    const failed = await untilFailedOnce(stack)
    await failed.promote()
    await waitFor('a second try to fail', async () => {
      const job = await stack.queues.downloads.bull.getJob(failed.id!)
      return (job?.attemptsMade ?? 0) >= 2
    })
    const job = await stack.queues.downloads.bull.getJob(failed.id!)
    expect(job?.failedReason).toMatch(/ENOENT/)
    expect(await readdir(disk.path)).toEqual([])
  })

  test('that is moved away while the service runs is not made anew, and used again once it is back', async () => {
    const stack = await startStack(redis, { world: worldOf(1), fullDisk })
    const away = `${stack.directory}-away`
    stack.simulator.exports.pause()
    const runId = await stack.request()
    await waitFor('the export to be asked for', () => stack.simulator.stats.exports.length > 0)
    await rename(stack.directory, away)
    stack.simulator.exports.resume()
    const failed = await untilFailedOnce(stack)
    expect(failed.failedReason).toContain(stack.directory)
    await expect(readdir(stack.directory)).rejects.toMatchObject({ code: 'ENOENT' })
    await rename(away, stack.directory)
    await failed.promote()
    expect(await stack.ended(runId)).toMatchObject({ done: 1, failed: 0 })
  })
})
