// What a month of nightly snapshots takes on the disk, with and without CVAT_BACKUP_MEDIA_ONCE, and what a night costs.

import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { runProduct } from '../support/run-product.ts'
import type { Row, Scenario } from '../support/scenario.ts'
import { startSimulatorProcess } from '../support/start-simulator-process.ts'

const shape = { frames: 20, bytesPerFrame: 20_000, shapesPerFrame: 10 }
const sizes = {
  smoke: { tasks: 4, nights: 3, changed: [1] },
  default: { tasks: 50, nights: 30, changed: [1] },
  full: { tasks: 200, nights: 30, changed: [4, 20, 200] },
}

interface Month {
  /** Of the whole backup directory, after each night. */
  readonly diskBytes: readonly number[]
  readonly nightMs: readonly number[]
}

export const mediaOnce: Scenario = {
  name: 'media-once',
  about: 'what 30 nights of snapshots take on the disk, with the media of tasks kept once and not',
  async run({ size, rounds, folder, signal, say }) {
    const { tasks, nights, changed } = sizes[size]
    const found = new Map<string, Month[]>()
    for (let round = 0; round < rounds; round++) {
      for (const count of changed) {
        for (const once of round % 2 === 0 ? ['no', 'yes'] : ['yes', 'no']) {
          say(`${count} of ${tasks} tasks a night, media once: ${once}`)
          const month = await measure({ tasks, nights, count, once, folder, signal })
          const key = `${count} ${once}`
          found.set(key, [...(found.get(key) ?? []), month])
        }
      }
    }
    const rows = changed.flatMap((count): Row[] => {
      const what = `${Math.round((100 * count) / tasks)} % of ${tasks} tasks a night`
      const row = (name: string, unit: string, take: (month: Month) => number): Row => ({
        ...{ what: `${what}: ${name}`, aim: '', unit, values: found.get(`${count} yes`)!.map(take) },
        baseline: { what: 'whole archives of tasks', values: found.get(`${count} no`)!.map(take) },
      })
      return [
        row(`${nights} nights on the disk`, '× the first', ({ diskBytes }) => diskBytes.at(-1)! / diskBytes[0]!),
        row('a night', 's', ({ nightMs }) => median(nightMs.slice(1)) / 1000),
      ]
    })
    return { settings: { tasks, nights, ...shape }, rows, details: Object.fromEntries(found) }
  },
}

async function measure(options: {
  readonly tasks: number
  readonly nights: number
  readonly count: number
  readonly once: string
  readonly folder: string
  readonly signal: AbortSignal
}): Promise<Month> {
  const { tasks, nights, count, once, folder, signal } = options
  await using simulator = await startSimulatorProcess({
    seed: { projects: 1, tasksPerProject: tasks, ...shape },
    exportWorkers: 2,
  })
  const directory = join(folder, 'backups')
  const env = {
    CVAT_URL: simulator.url,
    CVAT_ACCESS_TOKEN: simulator.token,
    CVAT_BACKUP_DIR: directory,
    CVAT_BACKUP_STATE_DIR: join(folder, 'state'),
    CVAT_BACKUP_STRATEGY: 'incremental',
    CVAT_BACKUP_MEDIA_ONCE: once,
    // Nothing goes.
    CVAT_BACKUP_TTL: '8760',
  }
  const month = { diskBytes: [] as number[], nightMs: [] as number[] }
  try {
    for (let night = 0; night < nights; night++) {
      if (night > 0) {
        simulator.annotate(Array.from({ length: count }, (_, index) => (((night - 1) * count + index) % tasks) + 1))
      }
      // Told after what was annotated: so that this is done when the backup begins.
      await simulator.report()
      const { wallMs } = await runProduct(['backup', '--json'], { env, cwd: folder, signal })
      month.nightMs.push(wallMs)
      month.diskBytes.push(await sumFiles(directory))
    }
    return month
  } finally {
    for (const path of [directory, join(folder, 'state')]) await rm(path, { recursive: true, force: true })
  }
}

async function sumFiles(path: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  }
  return bytes
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
