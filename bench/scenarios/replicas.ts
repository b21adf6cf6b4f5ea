// Several downloaders against a server that gives each connection so much and no more.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runProduct } from '../support/run-product.ts'
import { inTurn, type Row, type Scenario } from '../support/scenario.ts'
import { type CvatFront, startFront } from '../support/start-front.ts'
import { type ServiceUsage, startServices } from '../support/start-services.ts'

const MB = 1_000_000
const sizes = {
  smoke: { files: 2, sizeMb: 1 },
  default: { files: 8, sizeMb: 100 },
  full: { files: 32, sizeMb: 200 },
}
const REPLICAS = 4
const BYTES_PER_SECOND = 50 * MB
const LEAST = 3.6

interface Fetched {
  /** From the first job that was taken to the last archive that was stored. */
  readonly ms: number
  readonly usages: readonly ServiceUsage[]
}

export const severalReplicas: Scenario = {
  name: 'replicas',
  about: `downloads by 1 and by ${REPLICAS} replicas of one download each, at 50 MB/s a connection`,
  needs: ['nginx', 'redis-server'],
  async run({ size, rounds, folder, signal, say }) {
    const { files, sizeMb } = sizes[size]
    say(`making ${files} files of ${sizeMb} MB`)
    const options = { folder, projects: files, sizeBytes: sizeMb * MB, bytesPerSecond: BYTES_PER_SECOND, signal }
    await using front = await startFront(options)
    say('fetching them')
    const run = (downloaders: number) => () => fetchAll(front, downloaders, files, folder, signal)
    // A smoke run starts few processes: that it runs is all that it shows.
    const replicas = size === 'smoke' ? 2 : REPLICAS
    const { first: many, second: one } = await inTurn(rounds, run(replicas), run(1))
    const bandwidth = (runs: readonly Fetched[]) => runs.map(({ ms }) => (files * sizeMb) / (ms / 1000))
    const rows: Row[] = [
      {
        what: `time of ${replicas} replicas`,
        aim: `≤ 1/${LEAST} ×`,
        unit: 's',
        values: many.map(({ ms }) => ms / 1000),
        baseline: { what: '1 replica', values: one.map(({ ms }) => ms / 1000) },
        limit: { of: 'ratio', most: 1 / LEAST },
        whenMissed: 'two cores serve, send and check all of it',
      },
      { what: '1 replica', aim: '', unit: 'MB/s', values: bandwidth(one) },
      { what: `${replicas} replicas`, aim: '', unit: 'MB/s', values: bandwidth(many) },
    ]
    const settings = { files, sizeMb, bytesPerSecondOfAConnection: BYTES_PER_SECOND, downloadsAReplica: 1 }
    return { settings, rows, details: { one, many } }
  },
}

async function fetchAll(
  front: CvatFront,
  downloader: number,
  files: number,
  folder: string,
  signal: AbortSignal,
): Promise<Fetched> {
  const directory = join(folder, 'backups')
  const env = {
    CVAT_URL: front.url,
    CVAT_ACCESS_TOKEN: front.simulator.token,
    CVAT_BACKUP_DIR: directory,
    CVAT_BACKUP_DISK_RESERVE: '0',
    CVAT_BACKUP_PARALLEL_EXPORTS: '8',
    CVAT_BACKUP_PARALLEL_DOWNLOADS: '1',
  }
  try {
    const counts = { scheduler: 1, exporter: 1, downloader, sweeper: 1 }
    await using services = await startServices({ folder: join(folder, 'services'), home: folder }, counts, env)
    await runProduct(['backup', '--json'], { env: { ...env, ...services.env }, cwd: folder, signal })
    const jobs = await services.downloads()
    if (jobs.length !== files) throw new Error(`${jobs.length} of ${files} were downloaded`)
    const from = Math.min(...jobs.map(({ startedMs }) => startedMs))
    const to = Math.max(...jobs.map(({ endedMs }) => endedMs))
    return { ms: to - from, usages: await services.stop() }
  } finally {
    for (const name of [directory, join(folder, 'services')]) await rm(name, { recursive: true, force: true })
  }
}
