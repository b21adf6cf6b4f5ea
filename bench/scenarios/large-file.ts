// One large file: from the first byte to the verified archive, against curl that only writes it down.

import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runCurl } from '../support/run-curl.ts'
import { runProduct } from '../support/run-product.ts'
import { type Bench, inTurn, type Row, type Scenario } from '../support/scenario.ts'
import { type CvatFront, startFront } from '../support/start-front.ts'
import { startServices, warmUp } from '../support/start-services.ts'

const MB = 1_000_000
/** The smaller one is there for the memory, which is to be the same. */
const sizesMb = { smoke: [3], default: [80, 1_500], full: [80, 8_000] }
const MOST_MB = 150
/** 0.90 of the speed. */
const MOST_RATIO = 1 / 0.9

interface Fetched {
  /** From taking the job to the archive under its final name. */
  readonly ms: number
  readonly peakRssMb: number
  readonly cpuMs: number
}

export const largeFile: Scenario = {
  name: 'large-file',
  about: 'one file from a local nginx to a verified archive',
  needs: ['nginx', 'curl', 'redis-server'],
  async run(bench) {
    const { size, rounds, folder, signal, say } = bench
    const rows: Row[] = []
    const details: Record<string, readonly Fetched[]> = {}
    for (const sizeMb of sizesMb[size]) {
      say(`making a file of ${sizeMb} MB`)
      const there = join(folder, `${sizeMb}`)
      {
        await using front = await startFront({ folder: there, projects: 1, sizeBytes: sizeMb * MB, signal })
        const home = folder
        if (size !== 'smoke')
          await warmUp({ folder: join(there, 'warm-up'), home }, envOf(front, join(there, 'nothing')))
        say(`fetching ${sizeMb} MB`)
        const { first, second } = await inTurn(
          rounds,
          () => fetchByProduct(front, there, bench),
          () => fetchByCurl(front, join(there, 'curl.zip'), signal),
        )
        details[sizeMb] = first
        rows.push(...rowsOf(sizeMb, first, second, sizeMb === sizesMb[size].at(-1)))
      }
      await rm(there, { recursive: true })
    }
    const settings = { sizesMb: sizesMb[size].join(', '), services: 'a process each' }
    return { settings, rows, details }
  },
}

function rowsOf(sizeMb: number, ours: readonly Fetched[], curl: readonly Curl[], isLarge: boolean): Row[] {
  const seconds = (values: readonly number[]) => values.map((ms) => ms / 1000)
  const times = seconds(ours.map(({ ms }) => ms))
  const time: Row = {
    what: `${sizeMb} MB: time, verified and brought to the disk`,
    aim: isLarge ? '≤ 1.11 × (0.90 of its speed)' : '',
    unit: 's',
    values: times,
    baseline: { what: '`curl -o`', values: seconds(curl.map(({ ms }) => ms)) },
    ...(isLarge
      ? {
          limit: { of: 'ratio', most: MOST_RATIO } as const,
          whenMissed: 'the file is brought to the disk and then read back and checked, which curl does not do',
        }
      : {}),
  }
  const synced: Row = {
    ...{ what: `${sizeMb} MB: the same`, aim: '', unit: 's', values: times },
    baseline: { what: '`curl -o` and `sync`', values: seconds(curl.map(({ syncedMs }) => syncedMs)) },
  }
  const memory: Row = {
    ...{ what: `${sizeMb} MB: peak memory of the downloader`, aim: `≤ ${MOST_MB} MB`, unit: 'MB' },
    values: ours.map(({ peakRssMb }) => peakRssMb),
    limit: { of: 'value', most: MOST_MB },
    whenMissed: 'packets that were taken lie outside the heap until the collector comes, up to 64 MB of them',
  }
  return isLarge ? [time, synced, memory] : [time, memory]
}

async function fetchByProduct(front: CvatFront, folder: string, { signal, folder: home }: Bench): Promise<Fetched> {
  const directory = join(folder, 'backups')
  const env = envOf(front, directory)
  const counts = { scheduler: 1, exporter: 1, downloader: 1, sweeper: 1 }
  try {
    await sync()
    await using services = await startServices({ folder: join(folder, 'services'), home }, counts, env)
    const command = { env: { ...env, ...services.env }, cwd: folder, signal }
    await runProduct(['backup', '--json'], command)
    const [job, ...others] = await services.downloads()
    if (!job || others.length > 0) throw new Error(`there were ${others.length + (job ? 1 : 0)} downloads, not one`)
    const { cpuMs, peakRssMb } = (await services.stop()).find(({ service }) => service === 'downloader')!
    return { ms: job.endedMs - job.startedMs, cpuMs, peakRssMb }
  } finally {
    for (const name of [directory, join(folder, 'services')]) await rm(name, { recursive: true, force: true })
  }
}

function envOf({ url, simulator }: CvatFront, directory: string) {
  return {
    CVAT_URL: url,
    CVAT_ACCESS_TOKEN: simulator.token,
    CVAT_BACKUP_DIR: directory,
    CVAT_BACKUP_DISK_RESERVE: '0',
  }
}

interface Curl {
  readonly ms: number
  readonly syncedMs: number
}

async function fetchByCurl(front: CvatFront, file: string, signal: AbortSignal): Promise<Curl> {
  try {
    await sync()
    const startedAt = performance.now()
    const ms = await runCurl(['-o', file, front.urlOf(1)], signal)
    await sync(file)
    return { ms, syncedMs: performance.now() - startedAt }
  } finally {
    await rm(file, { force: true })
  }
}

/** Brings a file to the disk, or everything: nobody is to wait for what an earlier measurement has left. */
async function sync(...files: string[]): Promise<void> {
  await promisify(execFile)('sync', files)
}
