// One first backup of all projects of a simulated server, and what the server saw of it.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type ProductRun, runProduct } from './run-product.ts'
import type { ExportTimes, SimulatorProcess } from './start-simulator-process.ts'

export interface WorkloadRun extends ProductRun {
  readonly requests: number
  readonly exports: readonly ExportTimes[]
}

export interface WorkloadOptions {
  readonly projects: number
  readonly env: Readonly<Record<string, string>>
  readonly folder: string
  readonly signal: AbortSignal
}

/** The backup directory is empty before and afterwards. */
export async function backUpWorkload(server: SimulatorProcess, options: WorkloadOptions): Promise<WorkloadRun> {
  const { projects, folder, signal } = options
  const [directory, stateDir] = [join(folder, 'backups'), join(folder, 'state')]
  const env = {
    CVAT_URL: server.url,
    CVAT_ACCESS_TOKEN: server.token,
    CVAT_BACKUP_DIR: directory,
    CVAT_BACKUP_STATE_DIR: stateDir,
    ...options.env,
  }
  await server.report()
  const before = (await server.times()).length
  try {
    const run = await runProduct(['backup', '--json'], { env, cwd: folder, signal, keepOutput: true })
    const { done } = JSON.parse(run.stdout) as { done: number }
    if (done !== projects) throw new Error(`${done} of ${projects} were backed up: ${run.stdout.slice(0, 2_000)}`)
    const exports = (await server.times()).slice(before)
    return { ...run, requests: (await server.report()).urls.length, exports }
  } finally {
    for (const made of [directory, stateDir]) await rm(made, { recursive: true, force: true })
  }
}
