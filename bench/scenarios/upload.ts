// The upload of a restore: the composed archive in parts, as CVAT takes it, against curl that sends as many bytes in as
// large parts.

import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { runCurl } from '../support/run-curl.ts'
import { runProduct } from '../support/run-product.ts'
import { inTurn, type Row, type Scenario } from '../support/scenario.ts'
import { type SimulatorProcess, startSimulatorProcess } from '../support/start-simulator-process.ts'

const MB = 1_000_000
const sizesMb = { smoke: 3, default: 1_500, full: 8_000 }
/** CVAT_RESTORE_CHUNK's default. */
const CHUNK_BYTES = 64 * MB
const BYTES_PER_FRAME = 400_000
/** 0.85 of the speed. */
const MOST_RATIO = 1 / 0.85

interface Uploaded {
  /** From the first byte of the first part to the answer to the last one, as the server saw it. */
  readonly ms: number
  readonly parts: number
}

interface Restored extends Uploaded {
  readonly restoreMs: number
  readonly peakRssMb: number
  readonly cpuMs: number
}

export const upload: Scenario = {
  name: 'upload',
  about: 'the upload of a restore to a simulated server',
  needs: ['curl'],
  async run({ size, rounds, folder, signal, say }) {
    const sizeMb = sizesMb[size]
    const directory = join(folder, 'backups')
    say(`storing an archive of ${sizeMb} MB`)
    await storeArchive(directory, sizeMb * MB, folder, signal)
    const chunks = await cutArchive(directory, join(folder, 'chunks'))
    say('uploading it')
    const { first, second } = await inTurn(
      rounds,
      () => uploadByProduct(directory, folder, signal),
      () => uploadByCurl(chunks, signal),
    )
    const seconds = (uploads: readonly Uploaded[]) => uploads.map(({ ms }) => ms / 1000)
    const rows: Row[] = [
      {
        ...{ what: `${sizeMb} MB: time of the upload`, aim: '≤ 1.18 × (0.85 of its speed)', unit: 's' },
        values: seconds(first),
        baseline: { what: '`curl`, parts as large', values: seconds(second) },
        limit: { of: 'ratio', most: MOST_RATIO },
        whenMissed: 'one thread reads, checks and sends the parts, and the collector takes a fifth of its time',
      },
      {
        ...{ what: 'time of the restore, checked before and compared after', aim: '', unit: 's' },
        values: first.map(({ restoreMs }) => restoreMs / 1000),
      },
      { what: 'peak memory', aim: '', unit: 'MB', values: first.map(({ peakRssMb }) => peakRssMb) },
    ]
    return { settings: { sizeMb, partMb: CHUNK_BYTES / MB }, rows, details: { product: first, curl: second } }
  },
}

/** Nothing of one measurement is to be on the disk during the next. */
function startTarget(): Promise<SimulatorProcess> {
  return startSimulatorProcess({ seed: {}, exportWorkers: 1, mayWrite: true })
}

async function storeArchive(directory: string, sizeBytes: number, cwd: string, signal: AbortSignal): Promise<void> {
  const frames = Math.max(1, Math.round(sizeBytes / BYTES_PER_FRAME))
  const seed = { projects: 1, tasksPerProject: 1, frames, bytesPerFrame: Math.round(sizeBytes / frames) }
  await using source = await startSimulatorProcess({ seed, exportWorkers: 1 })
  const env = {
    CVAT_URL: source.url,
    CVAT_ACCESS_TOKEN: source.token,
    CVAT_BACKUP_DIR: directory,
    CVAT_BACKUP_STATE_DIR: join(cwd, 'state'),
    CVAT_BACKUP_DISK_RESERVE: '0',
  }
  await runProduct(['backup'], { env, cwd, signal })
}

async function cutArchive(directory: string, into: string): Promise<string[]> {
  const folder = join(directory, 'project-1')
  const name = (await readdir(folder)).find((file) => file.endsWith('.zip'))
  if (name === undefined) throw new Error('there is no archive')
  await mkdir(into)
  const archive = join(folder, name)
  const { size } = await stat(archive)
  const chunks: string[] = []
  for (let start = 0; start < size; start += CHUNK_BYTES) {
    const chunk = join(into, `${chunks.length}`)
    const end = Math.min(start + CHUNK_BYTES, size) - 1
    await pipeline(createReadStream(archive, { start, end }), createWriteStream(chunk))
    chunks.push(chunk)
  }
  return chunks
}

async function uploadByProduct(directory: string, folder: string, signal: AbortSignal): Promise<Restored> {
  await using target = await startTarget()
  const env = {
    CVAT_RESTORE_URL: target.url,
    CVAT_RESTORE_ACCESS_TOKEN: target.token,
    CVAT_RESTORE_CHUNK: `${CHUNK_BYTES}`,
    CVAT_BACKUP_DIR: directory,
  }
  const run = await runProduct(['restore', 'project-1', '--yes', '--again', '--json'], { env, cwd: folder, signal })
  const { uploads } = await target.report()
  return { ...uploads, restoreMs: run.wallMs, peakRssMb: run.peakRssMb, cpuMs: run.cpuMs }
}

/** One curl for all parts, so that its connection is kept, too. */
async function uploadByCurl(chunks: readonly string[], signal: AbortSignal): Promise<Uploaded> {
  await using target = await startTarget()
  const headers = { authorization: `Bearer ${target.token}`, 'tus-resumable': '1.0.0' }
  const sizes = await Promise.all(chunks.map(async (chunk) => (await stat(chunk)).size))
  const length = String(sizes.reduce((sum, bytes) => sum + bytes, 0))
  const answer = await fetch(`${target.url}/api/projects/backup/`, {
    method: 'POST',
    headers: { ...headers, 'upload-length': length, 'upload-metadata': `filename ${btoa('a.zip')}` },
    signal,
  })
  const location = answer.headers.get('location')
  if (answer.status !== 201 || location === null) throw new Error(`the upload was not created: ${answer.status}`)
  let offset = 0
  const parts = chunks.flatMap((chunk, index) => {
    const more = { ...headers, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) }
    offset += sizes[index]!
    const words = Object.entries({ ...more, expect: '' }).flatMap(([name, value]) => ['-H', `${name}: ${value}`.trim()])
    return [...(index === 0 ? [] : ['--next', '--silent', '--fail']), '-X', 'PATCH', '-T', chunk, ...words, location]
  })
  await runCurl(parts, signal)
  return (await target.report()).uploads
}
