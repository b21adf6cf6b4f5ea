// A simulated server, a backup directory and the settings to bring them together, for tests of whole processes.

import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openStore } from '#shared/store/open-store.ts'
import { isGood } from '#shared/store/record.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import type { Capacity } from '../simulator/capacity.ts'
import { startSimulator } from '../simulator/simulator.ts'
import type { World } from '../simulator/world.ts'
import { type Ended, findProcessesIn, type ProductProcess, runCli, startCli, startService } from './product-process.ts'
import { login } from './small-world.ts'
import { listArchives } from './start-stack.ts'
import { waitFor } from './wait-for.ts'

export interface InstallationOptions {
  readonly world: World
  readonly capacity?: Partial<Capacity>
  readonly env?: Readonly<Record<string, string | undefined>>
}

export type Installation = Awaited<ReturnType<typeof openInstallation>>

export async function openInstallation({ world, capacity, env = {} }: InstallationOptions) {
  const folder = await makeTemporaryFolder()
  const simulator = await startSimulator({
    world,
    capacity: { exportMs: 1, exportWorkers: 8, basicCostMs: 0, anonymousPerMinute: 100_000, ...capacity },
  })
  onTestFinished(() => simulator.close())
  const directory = join(folder, 'backups')
  const stateDir = join(folder, 'state')
  const settings = {
    CVAT_URL: simulator.url,
    CVAT_USERNAME: login.username,
    CVAT_PASSWORD: login.password,
    CVAT_BACKUP_DIR: directory,
    CVAT_BACKUP_STATE_DIR: stateDir,
    CVAT_BACKUP_PARALLEL_EXPORTS: '8',
    // Tests run side by side, and few look at the board.
    BOARD_PORT: 'off',
    TZ: 'UTC',
    ...env,
  }
  onTestFinished(async () => {
    // An embedded Redis outlives a killed process until the next one finds it; no test may leave one.
    for (const pid of await findProcessesIn(stateDir)) process.kill(pid, 'SIGKILL')
    await waitFor('no process to be left', async () => (await findProcessesIn(stateDir)).length === 0)
  })
  const options = (more: Readonly<Record<string, string | undefined>> = {}) => ({
    env: { ...settings, ...more },
    cwd: folder,
  })
  const store = openStore({ directory })

  return {
    folder,
    directory,
    stateDir,
    simulator,
    world: simulator.world,
    store,
    run: (args: readonly string[], more?: Record<string, string | undefined>): Promise<Ended> =>
      runCli(args, options(more)),
    start: (args: readonly string[], more?: Record<string, string | undefined>): ProductProcess =>
      startCli(args, options(more)),
    startService: (name: string, more?: Record<string, string | undefined>): ProductProcess =>
      startService(name, options(more)),
    archives: () => listArchives(store),
    /** Entities of all archives that are good, and what is wrong with the others or with the folder. */
    async inspect() {
      const good: string[] = []
      const faults: string[] = []
      for await (const entity of store.listEntities()) {
        const { archives, unrecognised } = await store.listRecords(entity)
        for (const { record } of archives) {
          if (isGood(record)) good.push(`${entity.type} ${entity.id}`)
          else faults.push(`${entity.type} ${entity.id}: ${JSON.stringify(record.verification.problems)}`)
        }
        faults.push(...unrecognised.map(({ path, reason }) => `${path}: ${reason}`))
      }
      return { good: good.sort(), faults }
    },
    /** Exports that the server has taken since the last call, as `project 3`. */
    newExports: newExportsOf(simulator),
  }
}

function newExportsOf(simulator: Awaited<ReturnType<typeof startSimulator>>) {
  let seen = 0
  return (): string[] => {
    const fresh = simulator.stats.exports.slice(seen)
    seen = simulator.stats.exports.length
    return fresh.map(({ entity }) => `${entity.type} ${entity.id}`).sort()
  }
}
