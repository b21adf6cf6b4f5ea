// The product as it is deployed, with everything around it that can fail: its processes, a Redis, a simulated server, and
// wires that can be cut.

import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import type { RunSummary } from '#shared/coordination/summarise-run.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import type { Capacity } from '../simulator/capacity.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import type { World } from '../simulator/world.ts'
import { startRedis, type TestRedis } from '../support/redis-server.ts'
import { emptyWorld, login } from '../support/small-world.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  findMarked,
  MARK,
  type ProductProcess,
  readPeakMemory,
  type ServiceName,
  spawnCommand,
  spawnService,
} from './product-process.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

export const allServices: readonly ServiceName[] = ['scheduler', 'exporter', 'downloader', 'sweeper']
export const PARALLEL_EXPORTS = 4

export interface InstallationOptions {
  /** The test that it belongs to: at its end, also by a time-out, all that still runs is killed and the files removed. */
  readonly test: TestContext
  readonly world: World
  readonly capacity?: Partial<Capacity>
  readonly env?: Readonly<Record<string, string>>
  /** Nothing runs by the clock unless told. */
  readonly crontab?: string
  /** Where the archives go, when not into a temporary folder. */
  readonly backupDir?: string
  /** Who the product's processes are, when not the tests' user; the folders are theirs then. */
  readonly uid?: number
  /** `TEST_STRATEGY` unless told, else whole. */
  readonly strategy?: 'whole' | 'incremental' | undefined
  /** Off: the command line runs its own Redis and all services. */
  readonly separate?: boolean
}

export interface CommandEnd {
  readonly code: number | null
  readonly summary: RunSummary | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface Installation {
  readonly simulator: Simulator
  readonly world: World
  readonly redis: TestRedis
  readonly redisWire: TcpProxy
  readonly cvatWire: TcpProxy
  readonly directory: string
  readonly stateDir: string
  readonly store: Store
  readonly services: Map<ServiceName, ProductProcess>
  readonly mark: string
  start(name: ServiceName): Promise<void>
  /** All services, each in a process of its own. */
  startAll(): Promise<void>
  stopAll(signal?: NodeJS.Signals): Promise<void>
  /** Starts a command and gives its process. */
  command(...args: string[]): ProductProcess
  /** `cvat-backups backup --json …` to its end. */
  backup(...args: string[]): Promise<CommandEnd>
  /** All that the services have logged, dead ones included. */
  logs(): string
  /** The most memory that any process of ours has taken so far, looked at now and then; 0 where there is no /proc. */
  peakMemoryMegabytes(): number
}

/** Projects with a task each, and every third a loose task; files of about 40 kB. */
export function faultWorld(entities: number, { bytesPerFrame = 10_000, clockAheadMs = 0 } = {}): World {
  const world = emptyWorld()
  world.clock.advance(clockAheadMs)
  for (let i = 1; i <= entities; i++) {
    const projectId = i % 3 === 0 ? null : world.addProject({ name: `project ${i}` }).id
    world.addTask({ projectId, name: `task ${i}`, frames: 4, bytesPerFrame })
  }
  return world
}

export async function openInstallation(options: InstallationOptions): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'cvat-backups-fault-'))
  const directory = options.backupDir ?? join(folder, 'backups')
  await mkdir(directory, { recursive: true })
  const simulator = await startSimulator({
    world: options.world,
    capacity: {
      exportMs: 200,
      exportWorkers: PARALLEL_EXPORTS,
      basicCostMs: 0,
      anonymousPerMinute: 10_000,
      ...options.capacity,
    },
  })
  const redis = await startRedis()
  const redisWire = await startTcpProxy(redis.endpoint)
  const cvatWire = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(simulator.url).port) })
  const scheduleFile = join(folder, 'crontab')
  await writeFile(scheduleFile, options.crontab ?? '')
  const stateDir = join(folder, 'state')
  const env = {
    CVAT_URL: `http://127.0.0.1:${cvatWire.port}`,
    CVAT_USERNAME: login.username,
    CVAT_PASSWORD: login.password,
    CVAT_BACKUP_DIR: directory,
    CVAT_BACKUP_STATE_DIR: stateDir,
    CVAT_BACKUP_SCHEDULE_FILE: scheduleFile,
    // Whoever runs the tests may have little room: nothing here needs much.
    CVAT_BACKUP_DISK_RESERVE: '0',
    CVAT_BACKUP_PARALLEL_EXPORTS: String(PARALLEL_EXPORTS),
    BOARD_PORT: 'off',
    CVAT_BACKUP_STRATEGY: options.strategy ?? process.env.TEST_STRATEGY ?? 'whole',
    CVAT_BACKUP_INCREMENTAL_MIN_TASKS: '1',
    // Of use with snapshots only, and more to go wrong.
    CVAT_BACKUP_MEDIA_ONCE: 'yes',
    ...((options.separate ?? true) ? { REDIS_URL: `redis://127.0.0.1:${redisWire.port}` } : {}),
    [MARK]: folder,
    ...options.env,
  }
  const { uid } = options
  if (uid !== undefined) for (const path of [folder, directory]) await chown(path, uid, uid)
  const surroundings = { env, cwd: folder, uid }
  const processes: ProductProcess[] = []
  const services = new Map<ServiceName, ProductProcess>()
  const note = (process: ProductProcess) => {
    processes.push(process)
    return process
  }

  let peakMemoryMegabytes = 0
  const watch = setInterval(async () => {
    for (const process of processes) {
      if (process.hasEnded()) continue
      peakMemoryMegabytes = Math.max(peakMemoryMegabytes, await readPeakMemory(process.child.pid))
    }
  }, 500)

  options.test.onTestFinished(async () => {
    clearInterval(watch)
    await Promise.all(processes.map((process) => process.kill('SIGKILL')))
    const left = await findMarked(folder)
    for (const pid of left) process.kill(pid, 'SIGKILL')
    await Promise.all([redisWire.close(), cvatWire.close()])
    await Promise.all([simulator.close(), redis.close()])
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })

  const installation: Installation = {
    simulator,
    world: options.world,
    redis,
    redisWire,
    cvatWire,
    directory,
    stateDir,
    store: openStore({ directory }),
    services,
    mark: folder,
    async start(name) {
      const process = note(spawnService(name, surroundings))
      services.set(name, process)
      await process.untilLogged(name === 'serve' ? 'all services are ready' : `${name} is ready`)
    },
    async startAll() {
      await Promise.all(allServices.map((name) => installation.start(name)))
    },
    async stopAll(signal = 'SIGTERM') {
      await Promise.all([...services.values()].map((process) => process.kill(signal)))
      services.clear()
    },
    command: (...args) => note(spawnCommand(args, surroundings)),
    async backup(...args) {
      const process = installation.command('backup', '--json', ...args)
      const { code } = await process.exited
      return { code, summary: parseSummary(process.stdout()), stdout: process.stdout(), stderr: process.stderr() }
    },
    logs: () => processes.map((process) => process.stdout() + process.stderr()).join(''),
    peakMemoryMegabytes: () => peakMemoryMegabytes,
  }
  return installation
}

/** Waits until so many archives are stored: a moment in the middle of a run. */
export async function untilStored(installation: Installation, count: number, timeoutMs = 120_000): Promise<void> {
  const condition = async () => {
    let found = 0
    for await (const entity of installation.store.listEntities()) {
      found += (await installation.store.listRecords(entity)).archives.length
    }
    return found >= count
  }
  await waitFor(`${count} archives`, condition, { timeoutMs, everyMs: 50 })
}

function parseSummary(stdout: string): RunSummary | undefined {
  try {
    return JSON.parse(stdout) as RunSummary
  } catch {
    return undefined
  }
}
