import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { FetchDeps, FetchedFile } from '#services/downloader/fetch-file.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { openStore } from '#shared/store/open-store.ts'
import { interfere, systemError } from '../../shared/store/interfere.ts'
import { sha256 } from '../../shared/store/store-fixture.ts'
import { troubledAnswers } from '../../simulator/faults.ts'
import { waitFor } from '../../support/wait-for.ts'
import { backupId, downloadRoute, type FetchFixture, openFetch } from './fetch-fixture.ts'

const MB = 1_000_000
const nginx416 = { status: 416, contentType: 'text/html', headers: {}, origin: 'nginx' } as const

function partialFolder(fetching: FetchFixture): string {
  return join(fetching.store.directory, '.cvat-backups/partial')
}

async function partials(fetching: FetchFixture): Promise<string[]> {
  return (await readdir(partialFolder(fetching))).sort()
}

async function partBytes(fetching: FetchFixture): Promise<number> {
  const name = (await partials(fetching)).find((found) => found.endsWith('.part'))
  return name ? (await stat(join(partialFolder(fetching), name))).size : 0
}

/** The bytes on the disk are a sound archive, and those that the in-stream hash has seen. */
async function expectSound(fetched: FetchedFile): Promise<void> {
  const inspection = await inspectArchive(fetched.partial.path, { entityType: 'project', content: { kind: 'backup' } })
  expect(inspection.problems).toEqual([])
  expect(inspection.sha256).toBe(fetched.sha256)
}

/** A handler that a stop ends after so many bytes. */
async function stopAfter(fetching: FetchFixture, afterBytes: number): Promise<void> {
  const stopping = new AbortController()
  const onProgress = (received: number) => received >= afterBytes && stopping.abort(new Error('the service stops'))
  await expect(fetching.fetch(stopping.signal, { onProgress })).rejects.toThrow('the service stops')
  await waitFor('the server to notice', () => fetching.simulator.stats.downloads.current === 0)
}

/** The same store on a disk that fails once, at the nth operation of that name on a partial file. */
function openFailingOnce({ store }: FetchFixture, name: string, nth = 1) {
  const failed: string[] = []
  let count = 0
  const files = interfere((operation) => {
    if (operation.name !== name || !operation.path.endsWith('.part') || ++count !== nth) return
    failed.push(operation.path)
    throw systemError('EIO')
  })
  return { store: openStore({ directory: store.directory, files }), failed }
}

function spawnFetch({ store, simulator, wanted }: FetchFixture): ChildProcess {
  const script = join(import.meta.dirname, 'fetch-child.ts')
  const child = spawn(process.execPath, [script, store.directory, simulator.url, wanted.resultUrl, wanted.askedAt], {
    stdio: 'inherit',
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

describe('a download whose handler has gone', () => {
  test('by a stop goes on where it was: no byte comes twice', async () => {
    const fetching = await openFetch()
    await stopAfter(fetching, 300_000)
    const kept = await partBytes(fetching)
    expect(kept).toBeGreaterThanOrEqual(300_000)
    fetching.simulator.stats.bytesSent = 0
    const fetched = await fetching.fetch()
    expect(fetching.simulator.stats.bytesSent).toBe(fetching.sizeBytes - kept)
    await expectSound(fetched)
    expect(await partials(fetching)).toHaveLength(2)
  })

  test.each(['SIGKILL', 'SIGTERM'] as const)('by %s in the middle of 50 MB gets the rest alone', async (signal) => {
    const fetching = await openFetch({ frames: 50, bytesPerFrame: MB })
    const { faults, stats } = fetching.simulator
    const stall = faults.add({ route: downloadRoute, fault: { kind: 'stall', afterBytes: 30 * MB } })
    const child = spawnFetch(fetching)
    await waitFor('30 MB on the disk', async () => (await partBytes(fetching)) === 30 * MB)
    child.kill(signal)
    await once(child, 'exit')
    stall.remove()
    stats.bytesSent = 0
    await expectSound(await fetching.fetch())
    expect(stats.bytesSent).toBe(fetching.sizeBytes - 30 * MB)
  })

  test('while it was being verified needs no byte more', async () => {
    const fetching = await openFetch()
    const first = await fetching.fetch()
    fetching.simulator.stats.bytesSent = 0
    fetching.simulator.exports.cache.remove()
    const second = await fetching.fetch()
    expect(fetching.simulator.stats.bytesSent).toBe(0)
    expect(second.sha256).toBe(first.sha256)
    expect(second.partial.path).not.toBe(first.partial.path)
    await expectSound(second)
  })

  // The kernel tells of lost pages once, and shows them as written afterwards.
  test.each(['handle.sync', 'handle.close'])('by an I/O error at %s begins again', async (name) => {
    const fetching = await openFetch()
    const { store, failed } = openFailingOnce(fetching, name)
    await expect(fetching.fetch(undefined, { store })).rejects.toMatchObject({ code: 'disk-error', retryable: true })
    expect(failed).toHaveLength(1)
    fetching.simulator.stats.bytesSent = 0
    await expectSound(await fetching.fetch())
    expect(fetching.simulator.stats.bytesSent).toBe(fetching.sizeBytes)
  })

  test('by an I/O error while writing puts nothing more into that file', async () => {
    const fetching = await openFetch()
    const { store, failed } = openFailingOnce(fetching, 'handle.write', 2)
    const fetched = await fetching.fetch(undefined, { store })
    expect(failed).toHaveLength(1)
    expect(fetched.partial.path).not.toBe(failed[0])
    await expectSound(fetched)
    expect(await partials(fetching)).toHaveLength(2)
  })

  test('begins again when the server has touched the file since', async () => {
    const fetching = await openFetch()
    await stopAfter(fetching, 300_000)
    await fetching.exportAgain()
    fetching.simulator.stats.bytesSent = 0
    await expectSound(await fetching.fetch())
    expect(fetching.simulator.stats.bytesSent).toBe(fetching.sizeBytes)
    expect(await partials(fetching)).toHaveLength(2)
  })

  test('begins again for another export, even of equal bytes', async () => {
    const fetching = await openFetch()
    await stopAfter(fetching, 300_000)
    const later = new Date(Date.parse(fetching.wanted.askedAt) + 1).toISOString()
    expect(await fetching.store.takePartial({ backupId, askedAt: later })).toBeUndefined()
    expect(await partials(fetching)).toEqual([])
  })

  test('begins again where the server knows no ranges', async () => {
    const fetching = await openFetch({ capacity: { rangesSupported: false } })
    await stopAfter(fetching, 300_000)
    expect(await partials(fetching)).toEqual([])
    await expectSound(await fetching.fetch())
  })

  test.each(['', '{"formatVersion":1', '{"formatVersion":1,"etag":"W/\\"weak\\""}', '[]'])(
    'begins again when what its bytes are of is told by %j',
    async (text) => {
      const fetching = await openFetch()
      await stopAfter(fetching, 300_000)
      const origin = (await partials(fetching)).find((name) => name.endsWith('.origin'))!
      await writeFile(join(partialFolder(fetching), origin), text)
      fetching.simulator.stats.bytesSent = 0
      await expectSound(await fetching.fetch())
      expect(fetching.simulator.stats.bytesSent).toBe(fetching.sizeBytes)
    },
  )

  test('begins again after 416, which says that the file is shorter now', async () => {
    const fetching = await openFetch()
    await stopAfter(fetching, 300_000)
    const refusal = fetching.simulator.faults.add({
      route: downloadRoute,
      nth: 1,
      fault: { kind: 'answer', answer: { ...nginx416, body: Buffer.from('<html></html>') } },
    })
    await expectSound(await fetching.fetch())
    expect(refusal.hits).toBe(1)
  })

  test.each([
    ['another ETag', { etag: '"other-file"' }],
    ['another size', { 'content-range': 'bytes 0-1/2' }],
  ])('never takes the rest of a file with %s', async (_, headers) => {
    const fetching = await openFetch()
    await stopAfter(fetching, 300_000)
    const kept = await partBytes(fetching)
    const range = `bytes ${kept}-${fetching.sizeBytes - 1}/${fetching.sizeBytes + 1}`
    const rewritten = 'etag' in headers ? headers : { 'content-range': range }
    const whole = fetching.simulator.stats.requestCount(`GET ${downloadRoute}`, 200)
    const rewrite = fetching.simulator.faults.add({
      route: downloadRoute,
      nth: 1,
      fault: { kind: 'rewrite', headers: rewritten },
    })
    await expectSound(await fetching.fetch())
    expect(rewrite.hits).toBe(1)
    expect(fetching.simulator.stats.requestCount(`GET ${downloadRoute}`, 200)).toBe(whole + 1)
  })

  test('leaves nothing behind when it meets an expired file', async () => {
    const fetching = await openFetch()
    await stopAfter(fetching, 300_000)
    fetching.simulator.exports.cache.remove()
    await expect(fetching.fetch()).rejects.toMatchObject({ code: 'file-expired', retryable: false })
    expect(await partials(fetching)).toEqual([])
  })

  test('keeps what it has while a proxy answers with a page, and goes on from there', async () => {
    const fetching = await openFetch()
    await stopAfter(fetching, 300_000)
    const kept = await partBytes(fetching)
    const answer = troubledAnswers.loginPage()
    const page = fetching.simulator.faults.add({ route: downloadRoute, fault: { kind: 'answer', answer } })
    await expect(fetching.fetch()).rejects.toMatchObject({ code: 'unexpected-answer', retryable: true })
    page.remove()
    const before = fetching.simulator.stats.bytesSent
    await expectSound(await fetching.fetch())
    expect(fetching.simulator.stats.bytesSent - before).toBeLessThan(fetching.sizeBytes - kept + 100_000)
  })
})

describe('a download that goes badly', () => {
  test('on a disk that is full for the last of its bytes, which came while others were written, is told', async () => {
    const fetching = await openFetch({ frames: 3 })
    const { stats } = fetching.simulator
    let writes = 0
    const files = interfere(async ({ name, path }) => {
      if (name !== 'handle.write' || !path.endsWith('.part')) return
      if (++writes === 2) throw systemError('ENOSPC')
      await waitFor('everything to be sent', () => stats.bytesSent === fetching.sizeBytes)
    })
    const store = openStore({ directory: fetching.store.directory, files })
    await expect(fetching.fetch(undefined, { store })).rejects.toMatchObject({ code: 'disk-full' })
    expect(writes).toBe(2)
    // Its room is given back.
    expect(await partials(fetching)).toEqual([])
    await expectSound(await fetching.fetch())
  })

  test('keeps what had come when the connection broke, though it was not written yet', async () => {
    const fetching = await openFetch({ frames: 5 })
    const { faults, stats } = fetching.simulator
    const fault = { kind: 'cut', afterBytes: 300_000, framing: 'content-length' } as const
    const cut = faults.add({ route: downloadRoute, times: 1, fault })
    let writes = 0
    const files = interfere(async ({ name, path }) => {
      if (name !== 'handle.write' || !path.endsWith('.part') || ++writes > 1) return
      await waitFor('the connection to break', () => cut.hits === 1 && stats.downloads.current === 0)
    })
    const store = openStore({ directory: fetching.store.directory, files })
    await expectSound(await fetching.fetch(undefined, { store }))
    expect(stats.requestCount(`GET ${downloadRoute}`, 206)).toBe(1)
    // The cut may take what was still on its way.
    expect(stats.bytesSent).toBeLessThanOrEqual(fetching.sizeBytes + 300_000)
  })

  test('without ranges, at the same place each time, ends after a few tries', async () => {
    const fetching = await openFetch({ capacity: { rangesSupported: false } })
    fetching.simulator.faults.add({ route: downloadRoute, fault: { kind: 'reset', afterBytes: 500_000 } })
    await expect(fetching.fetch()).rejects.toMatchObject({ retryable: true })
    expect(fetching.simulator.stats.bytesSent).toBeLessThan(4 * 500_000)
    expect(await partials(fetching)).toEqual([])
  })

  test('a few bytes a connection ends, too, and leaves them for later', async () => {
    const fetching = await openFetch()
    fetching.simulator.faults.add({
      route: downloadRoute,
      fault: { kind: 'cut', afterBytes: 20_000, framing: 'content-length' },
    })
    await expect(fetching.fetch()).rejects.toMatchObject({ retryable: true })
    const kept = await partBytes(fetching)
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThanOrEqual(60_000)
  })

  test('but comes on with each connection is brought to its end', async () => {
    const fetching = await openFetch()
    fetching.simulator.faults.add({
      route: downloadRoute,
      fault: { kind: 'cut', afterBytes: 150_000, framing: 'content-length' },
    })
    await expectSound(await fetching.fetch())
    // What was on its way when a connection broke comes again.
    expect(fetching.simulator.stats.bytesSent).toBeLessThan(2 * fetching.sizeBytes)
  })

  test('by silence goes on over a new connection', async () => {
    const fetching = await openFetch({ bodyMs: 300 })
    const stall = fetching.simulator.faults.add({
      route: downloadRoute,
      times: 2,
      fault: { kind: 'stall', afterBytes: 200_000 },
    })
    await expectSound(await fetching.fetch())
    expect(stall.hits).toBe(2)
    expect(fetching.simulator.stats.bytesSent).toBeLessThan(fetching.sizeBytes + 200_000)
  })

  test('slowly, but without silence, is left alone', async () => {
    const fetching = await openFetch({ frames: 2, bytesPerFrame: 40_000, bodyMs: 800 })
    fetching.simulator.faults.add({ route: downloadRoute, fault: { kind: 'drip', bytesPerSecond: 60_000 } })
    const startedMs = performance.now()
    await expectSound(await fetching.fetch())
    expect(performance.now() - startedMs).toBeGreaterThan(1_000)
    expect(fetching.simulator.stats.requestCount(`GET ${downloadRoute}`, 206)).toBe(0)
  })
})

describe('two handlers of one backup', () => {
  test('never get the same file: one takes over, the other begins', async () => {
    const fetching = await openFetch()
    await stopAfter(fetching, 300_000)
    const { askedAt } = fetching.wanted
    const taken = await Promise.all(
      Array.from({ length: 8 }, () => fetching.store.takePartial({ backupId, askedAt }).catch(() => undefined)),
    )
    for (const partial of taken) await partial?.[Symbol.asyncDispose]()
    expect(taken.filter((partial) => partial !== undefined).length).toBeLessThanOrEqual(1)
  })

  test('one of them believed dead: it wakes up, and the archive that the other has stored stays as it is', async () => {
    const fetching = await openFetch()
    const zombie = await pauseInTheMiddle(fetching)
    const fetched = await fetching.fetch()
    await expectSound(fetched)
    const stored = join(fetching.store.directory, 'stored.zip')
    await rename(fetched.partial.path, stored)
    const before = sha256(await readFile(stored))
    // Its own connection is of a file that the server has exported anew since.
    await fetching.exportAgain()
    zombie.wake()
    const late = await zombie.ended
    expect(late.partial.path).not.toBe(stored)
    expect(sha256(await readFile(stored))).toBe(before)
    await expectSound(late)
  })

  test('one of them believed dead: what it still writes is what belongs there', async () => {
    const fetching = await openFetch()
    const zombie = await pauseInTheMiddle(fetching)
    const { askedAt } = fetching.wanted
    const taken = (await fetching.store.takePartial({ backupId, askedAt }))!
    await taken[Symbol.asyncDispose]()
    zombie.wake({ breakConnection: false })
    // It writes to its end, then cannot find the file under the name that it knows: so it cannot store it.
    const late = await zombie.ended
    await expect(stat(late.partial.path)).rejects.toMatchObject({ code: 'ENOENT' })
    const fetched = await fetching.fetch()
    await expectSound(fetched)
    expect(fetched.sha256).toBe(late.sha256)
    await late.partial.discard()
    await expectSound(fetched)
  })
})

/** A handler that stands still with the file open and some of it written, as a paused machine does. */
async function pauseInTheMiddle(fetching: FetchFixture) {
  const waking = Promise.withResolvers<{ breakConnection: boolean }>()
  let isFirst = true
  const cvat: FetchDeps['cvat'] = {
    async openDownload(...args) {
      const download = await fetching.cvat.openDownload(...args)
      if (!isFirst) return download
      isFirst = false
      return { ...download, body: Readable.from(pausing(download.body, waking.promise), { objectMode: true }) }
    },
  }
  const ended = fetching.fetch(AbortSignal.timeout(60_000), { cvat })
  ended.catch(() => undefined)
  await waitFor('the first bytes', async () => (await partBytes(fetching)) > 0)
  return { ended, wake: (how = { breakConnection: true }) => waking.resolve(how) }
}

async function* pausing(body: Readable, waking: Promise<{ breakConnection: boolean }>): AsyncGenerator<Buffer> {
  let received = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    yield chunk
    received += chunk.length
    if (received < 200_000) continue
    const { breakConnection } = await waking
    if (breakConnection) throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
  }
}
