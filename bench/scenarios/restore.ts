// One archive to another server, of three sizes: what a restore takes in memory, and what its bytes cost.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type ProductRun, runProduct } from '../support/run-product.ts'
import type { Row, Scenario } from '../support/scenario.ts'
import { startSimulatorProcess } from '../support/start-simulator-process.ts'

/** Megabytes, which is the number of pictures too: each has one. */
const sizes = { smoke: [1], default: [80, 1_000], full: [80, 1_000, 4_000, 8_000] }
/** The same for all, so that nothing but the archive grows. */
const PART_MB = 16
const MOST_MB = 220
/** V8 collects buffers that nobody holds any more when there are 64 MiB of them. */
const MOST_BUFFERS_MB = 72
const MOST_GROWTH = 1.1

export const restore: Scenario = {
  name: 'restore',
  about: 'restore of one project to another server, from 80 MB to 8 GB',
  async run({ size, rounds, folder, signal, say }) {
    const runs = new Map<number, ProductRun[]>(sizes[size].map((megabytes) => [megabytes, []]))
    const backups: Record<string, number> = {}
    for (const [megabytes, found] of runs) {
      const directory = join(folder, 'backups')
      say(`backing up ${megabytes} MB`)
      const backup = await backUp(megabytes, directory, folder, signal)
      backups[`backup of ${megabytes} MB, peak memory in MB`] = Math.round(backup.peakRssMb)
      for (let round = 0; round < rounds; round++) {
        say(`restoring ${megabytes} MB`)
        found.push(await restoreAll(directory, folder, signal))
      }
      await rm(directory, { recursive: true, force: true })
    }
    const [smallest] = [...runs]
    return {
      settings: { partMb: PART_MB, pictureMb: 1 },
      rows: [...runs].flatMap(([megabytes, found]) => rowsOf(megabytes, found, smallest!)),
      details: {
        ...backups,
        runs: [...runs].map(([megabytes, found]) => ({ megabytes, found: found.map(withoutText) })),
      },
    }
  },
}

function rowsOf(
  megabytes: number,
  found: readonly ProductRun[],
  [least, smallest]: readonly [number, readonly ProductRun[]],
): Row[] {
  const heap = { what: `${megabytes} MB: peak of the JavaScript heap`, unit: 'MB', values: found.map(heapOf) }
  const baseline = { what: `${least} MB`, values: smallest.map(heapOf) }
  const isSmallest = megabytes === least
  return [
    {
      ...{ what: `${megabytes} MB: peak memory`, aim: `≤ ${MOST_MB} MB`, unit: 'MB' },
      values: found.map(({ peakRssMb }) => peakRssMb),
      limit: { of: 'value', most: MOST_MB },
    },
    isSmallest
      ? { ...heap, aim: '' }
      : { ...heap, aim: `≤ ${MOST_GROWTH} ×`, baseline, limit: { of: 'ratio', most: MOST_GROWTH } },
    {
      ...{ what: `${megabytes} MB: peak of buffers`, aim: `≤ ${MOST_BUFFERS_MB} MB`, unit: 'MB' },
      values: found.map(({ peakBuffersMb }) => peakBuffersMb),
      limit: { of: 'value', most: MOST_BUFFERS_MB },
    },
    { what: `${megabytes} MB: CPU time`, aim: '', unit: 's', values: found.map(({ cpuMs }) => cpuMs / 1000) },
    { what: `${megabytes} MB: time`, aim: '', unit: 's', values: found.map(({ wallMs }) => wallMs / 1000) },
  ]
}

function heapOf({ peakHeapMb }: ProductRun): number {
  return peakHeapMb
}

async function backUp(megabytes: number, directory: string, cwd: string, signal: AbortSignal): Promise<ProductRun> {
  const seed = { projects: 1, tasksPerProject: 1, frames: megabytes, bytesPerFrame: 1_000_000 }
  await using server = await startSimulatorProcess({ seed, exportWorkers: 1 })
  const env = { CVAT_URL: server.url, CVAT_ACCESS_TOKEN: server.token, CVAT_BACKUP_DIR: directory }
  return await runProduct(['backup'], { env: { ...env, CVAT_BACKUP_STATE_DIR: join(cwd, 'state') }, cwd, signal })
}

/** Onto an empty server, in a process of its own. */
async function restoreAll(directory: string, cwd: string, signal: AbortSignal): Promise<ProductRun> {
  await using target = await startSimulatorProcess({ seed: { projects: 0 }, exportWorkers: 1, mayWrite: true })
  const env = {
    CVAT_BACKUP_DIR: directory,
    CVAT_RESTORE_URL: target.url,
    CVAT_RESTORE_ACCESS_TOKEN: target.token,
    CVAT_RESTORE_CHUNK: `${PART_MB} MB`,
  }
  return await runProduct(['restore', '--all'], { env, cwd, signal })
}

function withoutText({ stdout: _, stderr: __, ...rest }: ProductRun) {
  return rest
}
