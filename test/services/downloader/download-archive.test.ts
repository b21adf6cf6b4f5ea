import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isGood } from '#shared/store/record.ts'
import { troubledAnswers } from '../../simulator/faults.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { emptyWorld } from '../../support/small-world.ts'
import { openDownloader, project1 } from './downloader-fixture.ts'
import { downloadRoute } from './fetch-fixture.ts'

const redis = useRedis()
expectNoLeaks()

type Downloader = Awaited<ReturnType<typeof openDownloader>>

/** A project of about 60 kB, so that connections can break in its middle. */
function mediumWorld() {
  const world = emptyWorld()
  const { id } = world.addProject({ name: 'medium' })
  world.addTask({ projectId: id, name: 'with frames', frames: 3, bytesPerFrame: 20_000 })
  return world
}

async function partials({ directory }: Downloader): Promise<string[]> {
  return readdir(join(directory, '.cvat-backups/partial'))
}

async function expectOneVerifiedArchive(downloader: Downloader) {
  const archives = await downloader.archives()
  expect(archives).toHaveLength(1)
  const [{ archivePath, record }] = archives as [(typeof archives)[0]]
  expect(isGood(record)).toBe(true)
  expect(
    createHash('sha256')
      .update(await readFile(archivePath))
      .digest('hex'),
  ).toBe(record.archive.sha256)
  expect(await partials(downloader)).toEqual([])
  return record
}

describe('a download', () => {
  test('becomes a verified archive with its record, a sweep of its entity and an outcome', async () => {
    const downloader = await openDownloader(redis, { world: mediumWorld() })
    const payload = await downloader.finishExport()
    expect(await downloader.handle(payload)).toMatch(/\.zip$/)
    const record = await expectOneVerifiedArchive(downloader)
    expect(record).toMatchObject({
      createdAt: payload.askedAt,
      observation: payload.observation,
      server: { url: downloader.simulator.url, version: '2.64.1' },
      origin: { runId: 'run-1', backupId: payload.backupId, attempts: 1 },
    })
    expect(await downloader.sweepJobs()).toEqual([{ entity: project1 }])
    expect(await downloader.outcomes()).toMatchObject([{ result: 'done', sizeBytes: record.archive.sizeBytes }])
  })

  test('run twice ends with one archive, downloaded once', async () => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    const first = await downloader.handle(payload)
    expect(await downloader.handle(payload)).toBe(first)
    await expectOneVerifiedArchive(downloader)
    expect(downloader.simulator.stats.requestCount(`GET ${downloadRoute}`)).toBe(1)
  })

  test('run twice at once ends with one archive', async () => {
    const downloader = await openDownloader(redis, { world: mediumWorld() })
    const payload = await downloader.finishExport()
    await Promise.allSettled([downloader.handle(payload), downloader.handle(payload)])
    await downloader.handle(payload)
    await expectOneVerifiedArchive(downloader)
  })

  test('that was killed before it could tell tells when it is run again', async () => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    const killed = new Error('killed')
    const dying = { ...downloader.queues.sweeps, add: () => Promise.reject(killed) }
    await expect(downloader.handle(payload, { deps: { sweeps: dying } })).rejects.toBe(killed)
    expect(await downloader.outcomes()).toEqual([])
    await downloader.handle(payload)
    expect(await downloader.outcomes()).toHaveLength(1)
    await expectOneVerifiedArchive(downloader)
  })

  test('that was killed between its archive and its cleaning up is cleaned up when it is run again', async () => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    const killed = new Error('killed')
    const dying = { ...downloader.queues.sweeps, add: () => Promise.reject(killed) }
    await expect(downloader.handle(payload, { deps: { sweeps: dying } })).rejects.toBe(killed)
    await (await downloader.store.createPartial(payload.backupId)).finish()
    await downloader.handle(payload)
    await expectOneVerifiedArchive(downloader)
  })

  test('that is stopped in its middle leaves no archive, and goes on from there', async () => {
    const downloader = await openDownloader(redis, { world: mediumWorld() })
    const payload = await downloader.finishExport()
    const stall = downloader.simulator.faults.add({
      route: downloadRoute,
      times: 1,
      fault: { kind: 'stall', afterBytes: 20_000 },
    })
    const stopping = new AbortController()
    const handled = downloader.handle(payload, { signal: stopping.signal })
    const stopped = expect(handled).rejects.toThrow('the service stops')
    await downloader.simulator.exports.whenIdle()
    await expect.poll(() => downloader.progress.length).toBeGreaterThan(0)
    stopping.abort(new Error('the service stops'))
    await stopped
    stall.remove()
    expect(await downloader.archives()).toEqual([])
    expect(await partials(downloader)).toHaveLength(2)
    await downloader.handle(payload)
    await expectOneVerifiedArchive(downloader)
    expect(downloader.simulator.stats.requestCount(`GET ${downloadRoute}`, 206)).toBe(1)
  })

  test('that loses its job when Redis is emptied leaves nothing: nobody comes back to it', async () => {
    const downloader = await openDownloader(redis, { world: mediumWorld() })
    const payload = await downloader.finishExport()
    const { faults, exports } = downloader.simulator
    faults.add({ route: downloadRoute, times: 1, fault: { kind: 'stall', afterBytes: 20_000 } })
    const lost = new AbortController()
    const handled = downloader.handle(payload, { signal: lost.signal })
    const ended = expect(handled).rejects.toThrow('the job was given to another worker')
    await exports.whenIdle()
    await expect.poll(() => downloader.progress.length).toBeGreaterThan(0)
    const { redis: client, prefix } = downloader.connection
    await client.del(...(await client.keys(`${prefix}:claim*`)))
    lost.abort(new Error('the job was given to another worker'))
    await ended
    expect(await partials(downloader)).toEqual([])
  })

  test('removes what earlier attempts of its own have left, and nothing of others', async () => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    await (await downloader.store.createPartial(payload.backupId)).finish()
    await (await downloader.store.createPartial('run-2.project-2.backup')).finish()
    await downloader.handle(payload)
    expect(await partials(downloader)).toMatchObject([expect.stringContaining('run-2.project-2')])
  })

  test('of a series that another backup is about steps back', async () => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    const series = 'project-1.backup'
    await downloader.claims.hold({ series, backupId: 'other', runId: 'run-0', queue: 'exports', jobId: 'other' })
    expect(await downloader.handle(payload)).toBe('superseded by other')
    expect(await downloader.archives()).toEqual([])
  })
})

describe('a connection that breaks', () => {
  test.each([
    ['with a reset', { kind: 'reset', afterBytes: 25_000 } as const],
    ['by falling silent', { kind: 'stall', afterBytes: 25_000 } as const],
    ['with a clean end too early', { kind: 'cut', afterBytes: 25_000, framing: 'content-length' } as const],
  ])('%s is gone on from where it broke, by Range', async (_, fault) => {
    const downloader = await openDownloader(redis, { world: mediumWorld() })
    const payload = await downloader.finishExport()
    downloader.simulator.faults.add({ route: downloadRoute, times: 2, fault })
    await downloader.handle(payload)
    const record = await expectOneVerifiedArchive(downloader)
    expect(downloader.simulator.stats.requestCount(`GET ${downloadRoute}`, 206)).toBe(2)
    expect(downloader.simulator.stats.bytesSent).toBeLessThan(record.archive.sizeBytes * 1.5)
  })

  test('while another export has touched the file begins again: the server says that it is another', async () => {
    const downloader = await openDownloader(redis, { world: mediumWorld() })
    const payload = await downloader.finishExport()
    downloader.simulator.faults.add({ route: downloadRoute, times: 1, fault: { kind: 'reset', afterBytes: 25_000 } })
    downloader.simulator.faults.add({
      route: downloadRoute,
      nth: 2,
      fault: {
        kind: 'run',
        action: () => {
          downloader.world.clock.advance(60_000)
          downloader.simulator.exports.cache.touch(
            downloader.simulator.exports.find(payload.requestId)!.file!,
            3600_000,
          )
        },
      },
    })
    await downloader.handle(payload)
    await expectOneVerifiedArchive(downloader)
    expect(downloader.simulator.stats.requestCount(`GET ${downloadRoute}`, 200)).toBe(2)
  })

  test('with a clean end that hides the length is found out, and tried again by the queue', async () => {
    const downloader = await openDownloader(redis, { world: mediumWorld() })
    const payload = await downloader.finishExport()
    downloader.simulator.faults.add({
      route: downloadRoute,
      fault: { kind: 'cut', afterBytes: 25_000, framing: 'chunked' },
    })
    await expect(downloader.handle(payload)).rejects.toMatchObject({ retryable: true })
    expect(await downloader.archives()).toEqual([])
    expect(await partials(downloader)).toEqual([])
    downloader.simulator.faults.clear()
    await downloader.handle(payload)
    await expectOneVerifiedArchive(downloader)
  })

  test.each([true, false])('at the same place each time is given up after a few tries (ranges: %s)', async (ranges) => {
    const downloader = await openDownloader(redis, { world: mediumWorld(), capacity: { rangesSupported: ranges } })
    const payload = await downloader.finishExport()
    downloader.simulator.faults.add({
      route: downloadRoute,
      fault: { kind: 'reset', afterBytes: ranges ? 0 : 25_000 },
    })
    await expect(downloader.handle(payload)).rejects.toMatchObject({ retryable: true })
    expect(downloader.simulator.stats.requestCount(`GET ${downloadRoute}`)).toBeLessThan(20)
    expect(await partials(downloader)).toEqual([])
  })

  test('where the server knows no ranges begins again', async () => {
    const downloader = await openDownloader(redis, { world: mediumWorld(), capacity: { rangesSupported: false } })
    const payload = await downloader.finishExport()
    downloader.simulator.faults.add({ route: downloadRoute, times: 1, fault: { kind: 'reset', afterBytes: 25_000 } })
    await downloader.handle(payload)
    await expectOneVerifiedArchive(downloader)
  })
})

describe('an answer that is no archive', () => {
  test('but a page is refused without an archive', async () => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    const page = troubledAnswers.loginPage()
    downloader.simulator.faults.add({ route: downloadRoute, fault: { kind: 'answer', answer: page } })
    await expect(downloader.handle(payload)).rejects.toMatchObject({
      code: 'unexpected-answer',
      message: expect.stringContaining('a page instead of a file'),
    })
    expect(await downloader.archives()).toEqual([])
    expect(await partials(downloader)).toEqual([])
  })

  test('but a page that says it is a zip is refused without an archive', async () => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    const answer = { ...troubledAnswers.loginPage(), contentType: 'application/zip' }
    downloader.simulator.faults.add({ route: downloadRoute, fault: { kind: 'answer', answer } })
    await expect(downloader.handle(payload)).rejects.toMatchObject({ code: 'not-a-zip', retryable: true })
    expect(await downloader.archives()).toEqual([])
    expect(await partials(downloader)).toEqual([])
  })

  test('but another server error is tried again', async () => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    downloader.simulator.faults.add({
      route: downloadRoute,
      times: 2,
      fault: { kind: 'answer', answer: troubledAnswers.badGateway() },
    })
    await downloader.handle(payload)
    await expectOneVerifiedArchive(downloader)
  })

  test('from another origin is not fetched from there', async () => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    const elsewhere = payload.resultUrl.replace(downloader.simulator.url, 'http://127.0.0.1:9')
    await downloader.handle({ ...payload, resultUrl: elsewhere })
    await expectOneVerifiedArchive(downloader)
  })
})

describe('a file that has gone from the server', () => {
  test.each([
    ['since it was cleaned away', (downloader: Downloader) => downloader.simulator.exports.cache.remove()],
    ["since CVAT's Redis was emptied", (downloader: Downloader) => downloader.simulator.exports.forgetAll()],
  ])('%s is exported again, by a job of its own', async (_, lose) => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    lose(downloader)
    expect(await downloader.handle(payload)).toContain('exporting again')
    expect(await downloader.exportJobs()).toMatchObject([
      [`${payload.backupId}.x1`, { backupId: payload.backupId, reexports: 1 }],
    ])
    expect(await downloader.claims.read('project-1.backup')).toMatchObject({
      queue: 'exports',
      jobId: `${payload.backupId}.x1`,
    })
    expect(await downloader.outcomes()).toEqual([])
  })

  test('again and again is given up after five more exports', async () => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    downloader.simulator.exports.cache.remove()
    await expect(downloader.handle({ ...payload, reexports: 5 })).rejects.toMatchObject({ code: 'file-expired' })
    expect(await downloader.exportJobs()).toEqual([])
  })
})

describe('an archive that lacks what the server said it has', () => {
  async function downloadIncomplete() {
    const downloader = await openDownloader(redis, { world: mediumWorld() })
    downloader.world.removeMedia(1)
    const payload = await downloader.finishExport()
    const error = await downloader.handle(payload).catch((caught: unknown) => caught)
    return { downloader, payload, error }
  }

  test('is kept and marked, and the backup fails with the task named', async () => {
    const { downloader, error } = await downloadIncomplete()
    expect(error).toMatchObject({
      code: 'incomplete',
      retryable: false,
      message: expect.stringMatching(/task 1|with frames/i),
      hint: expect.stringContaining('media'),
    })
    const archives = await downloader.archives()
    expect(archives).toHaveLength(1)
    expect(isGood(archives[0]!.record)).toBe(false)
    expect(archives[0]!.record.verification.problems).toMatchObject([{ taskId: 1 }])
    expect(await downloader.store.newestGood(archives[0]!.record.series, downloader.simulator.url)).toBeUndefined()
    expect(await downloader.outcomes()).toEqual([])
  })

  test('is not downloaded a second time when its job is retried by hand: it is exported again', async () => {
    const { downloader, payload } = await downloadIncomplete()
    // As a kill right behind the commit leaves it; the export may fail, and then no download cleans up.
    await (await downloader.store.createPartial(payload.backupId)).finish()
    expect(await downloader.handle(payload)).toContain('exporting again')
    expect(await partials(downloader)).toEqual([])
    expect(await downloader.exportJobs()).toMatchObject([[`${payload.backupId}.x1`, { reexports: 1 }]])
    expect(downloader.simulator.stats.requestCount(`GET ${downloadRoute}`)).toBe(1)
  })
})

describe('a disk that gives back other bytes than were written', () => {
  test('is found out, and no archive comes of it', async () => {
    const downloader = await openDownloader(redis, { world: mediumWorld() })
    const payload = await downloader.finishExport()
    const { store } = downloader
    const lying = {
      ...store,
      async createPartial(...args: Parameters<typeof store.createPartial>) {
        const partial = await store.createPartial(...args)
        return Object.assign(Object.create(partial) as typeof partial, {
          // The same length and still a zip, but one byte between its members' data is another.
          async finish() {
            await partial.finish()
            const bytes = await readFile(partial.path)
            bytes[bytes.length - 1] = bytes.at(-1)! ^ 1
            await writeFile(partial.path, bytes)
          },
        })
      },
    }
    await expect(downloader.handle(payload, { deps: { store: lying } })).rejects.toMatchObject({ retryable: true })
    expect(await downloader.archives()).toEqual([])
    expect(await partials(downloader)).toEqual([])
    await downloader.handle(payload)
    await expectOneVerifiedArchive(downloader)
  })
})
