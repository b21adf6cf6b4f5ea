// Whatever connections, handlers and the server's file do: a download that ends holds one file of the server, whole.

import { createHash, hash as hashOnce } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FetchDeps, fetchFile } from '#services/downloader/fetch-file.ts'
import type { Download, DownloadOptions } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { openTestStore } from '../shared/store/store-fixture.ts'

interface Connection {
  /** The server's file is another one from this connection on. */
  readonly change: 'none' | 'bytes' | 'touched'
  readonly ranges: boolean
  /** Share of the rest after which the connection breaks. */
  readonly breaksAt: number
  /** With a clean end instead of an error, and without a length. */
  readonly endsCleanly: boolean
  readonly refuses: 'no' | '416' | '502'
  /** Answers a range with the rest of another file, though it was asked for this one. */
  readonly lies: boolean
}

interface Handler {
  readonly connections: readonly Connection[]
  /** Of the received bytes of this handler's first file: where it is stopped. */
  readonly stopsAt: number | undefined
}

const SIZES = [0, 1, 70_000, 200_000, 200_000, 400_001, 400_001]

const connection: fc.Arbitrary<Connection> = fc.record({
  change: fc.constantFrom('none', 'none', 'none', 'bytes', 'touched'),
  ranges: fc.constantFrom(true, true, true, false),
  breaksAt: fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10),
  endsCleanly: fc.constantFrom(false, false, true),
  refuses: fc.constantFrom('no', 'no', 'no', '416', '502'),
  lies: fc.boolean(),
})
const handler: fc.Arbitrary<Handler> = fc.record({
  connections: fc.array(connection, { minLength: 1, maxLength: 6, size: 'max' }),
  stopsAt: fc.option(fc.nat(400_000), { nil: undefined }),
})

/** A server with one file, which serves a list of connections as told and all further ones well. */
class Server {
  #version = 0
  #touched = 0
  readonly #sizes: readonly number[]
  plan: Connection[] = []

  constructor(sizes: readonly number[]) {
    this.#sizes = sizes
  }

  get content(): Buffer {
    return this.contentOf(this.#version)
  }

  contentOf(version: number): Buffer {
    const size = this.#sizes[version % this.#sizes.length]!
    return Buffer.alloc(size, hashOnce('sha256', `version ${version}`, 'buffer'))
  }

  open({ offset = 0, ifRange }: DownloadOptions): Download {
    const told = this.plan.shift()
    if (told?.change === 'bytes') this.#version += 1
    if (told?.change === 'touched') this.#touched += 1
    if (told?.refuses === '502') throw new BackupError('502', { code: 'server-error', retryable: true })
    const lies = told?.lies === true && told.ranges && offset > 0
    const content = lies ? this.contentOf(this.#version + 1) : this.content
    const etag = `"${this.#version}-${this.#touched}"`
    const isSame = offset > 0 && (ifRange === etag || lies)
    if (offset > 0 && (told?.refuses === '416' || (isSame && offset >= content.length))) {
      throw new BackupError('416', { code: 'range-not-satisfiable', retryable: false })
    }
    const acceptsRanges = told?.ranges ?? true
    const start = isSame && acceptsRanges ? offset : 0
    const rest = content.subarray(start)
    const end = told ? Math.floor(rest.length * told.breaksAt) : rest.length
    const hidesLength = told?.endsCleanly === true && start === 0
    return {
      status: start > 0 ? 206 : 200,
      totalBytes: hidesLength ? undefined : content.length,
      offset: start,
      etag: acceptsRanges ? (lies ? '"other"' : etag) : undefined,
      lastModified: undefined,
      acceptsRanges,
      contentType: 'application/zip',
      body: Readable.from(send(rest, end, told?.endsCleanly ?? true)),
    }
  }
}

async function* send(rest: Buffer, end: number, endsCleanly: boolean): AsyncGenerator<Buffer> {
  for (let at = 0; at < end; at += 30_000) yield rest.subarray(at, Math.min(end, at + 30_000))
  if (!endsCleanly && end < rest.length) throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
}

test('a download that ends holds one file of the server, whole, whatever broke before', async () => {
  const store = await openTestStore()
  let run = 0
  let resumed = 0
  const property = fc.asyncProperty(
    fc.array(handler, { maxLength: 5, size: 'max' }),
    fc.array(fc.constantFrom(...SIZES), { minLength: 1, maxLength: 3 }),
    async (handlers, sizes) => {
      run += 1
      const wanted = { backupId: `run-${run}.project-1.backup`, resultUrl: '/x', askedAt: '2026-11-22T20:34:44.500Z' }
      const server = new Server(sizes)
      const cvat: FetchDeps['cvat'] = {
        async openDownload(_, options) {
          const download = server.open(options)
          if (download.status === 206) resumed += 1
          return download
        },
      }
      // The last handler meets no fault: it has to come to an end.
      for (const { connections, stopsAt } of [...handlers, { connections: [], stopsAt: undefined }]) {
        server.plan = [...connections]
        const isLast = connections.length === 0 && stopsAt === undefined
        const stopping = new AbortController()
        const deps: FetchDeps = {
          cvat,
          store,
          room: { promise: async () => ({ advance: async () => undefined, [Symbol.dispose]: () => undefined }) },
          onProgress: (received) => {
            if (stopsAt !== undefined && received >= stopsAt) stopping.abort(new Error('stopped'))
          },
        }
        const fetched = await fetchFile(wanted, deps, stopping.signal).catch((error: unknown) => {
          if (isLast) throw error
          return undefined
        })
        if (!fetched) continue
        await using partial = fetched.partial
        const bytes = await readFile(partial.path)
        expect(fetched.sizeBytes).toBe(bytes.length)
        expect(fetched.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
        const version = /^"(\d+)-/.exec(partial.origin?.etag ?? '')?.[1]
        if (version !== undefined) expect(bytes.equals(server.contentOf(Number(version)))).toBe(true)
        // A clean end that hides the length is for the inspection to find out: a beginning of the file, nothing else.
        else expect(server.content.subarray(0, bytes.length).equals(bytes)).toBe(true)
        if (isLast && version === undefined) expect(bytes.length).toBe(server.content.length)
        if (isLast) await partial.discard()
      }
      expect(await store.discardPartials(wanted.backupId)).toBe(0)
    },
  )
  await fc.assert(property, { numRuns: 150 })
  expect(resumed).toBeGreaterThan(10)
})
