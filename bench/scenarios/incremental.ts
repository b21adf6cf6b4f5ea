// What a backup of one project costs, whole and incremental, by how many of its tasks have changed since the last one.

import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { listMembers } from '../../test/support/list-members.ts'
import { type ProductRun, runProduct } from '../support/run-product.ts'
import type { Row, Scenario } from '../support/scenario.ts'
import { type MemberFact, type SimulatorReport, startSimulatorProcess } from '../support/start-simulator-process.ts'

const sizes = {
  smoke: { tasks: 6, frames: 2, bytesPerFrame: 1_000 },
  default: { tasks: 100, frames: 20, bytesPerFrame: 100_000 },
  full: { tasks: 200, frames: 250, bytesPerFrame: 100_000 },
}
/** The first of them that is not 0 is one task. */
const SHARES = { smoke: [0.1], default: [0, 0.01, 0.1, 1], full: [0, 0.005, 0.01, 0.1] }
/** A whole backup costs the same whatever has changed: at full size one of 5 GB shows it. */
const MOST_WHOLE = { smoke: 1, default: 1, full: 0.005 }
const STRATEGIES = ['incremental', 'whole'] as const
/**
 * 0.43 s of a worker for a tiny project, measured on CVAT 2.64.1 with two workers; 200 MB/s for reading, CRC-32 and writing
 * is assumed.
 */
const EXPORT_COST = { fixedMs: 430, bytesPerSecond: 200e6 }

type Strategy = (typeof STRATEGIES)[number]

interface Backup {
  readonly run: ProductRun
  readonly report: SimulatorReport
  /** Of the files that are new in the backup directory. */
  readonly storedBytes: number
}

export const incremental: Scenario = {
  name: 'incremental',
  about: 'a project’s next backup, whole and incremental, after 0, 1, 10 and 100 % of its tasks were annotated',
  async run({ size, rounds, folder, signal, say }) {
    const { tasks, ...rest } = sizes[size]
    const found = new Map<string, Backup[]>()
    const differing: number[] = []
    for (let round = 0; round < rounds; round++) {
      for (const strategy of round % 2 === 0 ? STRATEGIES : [...STRATEGIES].reverse()) {
        await using simulator = await startSimulatorProcess({
          seed: { projects: 1, tasksPerProject: tasks, ...rest },
          exportWorkers: 2,
          ...(size !== 'smoke' && { exportCost: EXPORT_COST }),
        })
        const directory = join(folder, 'backups')
        const env = {
          CVAT_URL: simulator.url,
          CVAT_ACCESS_TOKEN: simulator.token,
          CVAT_BACKUP_DIR: directory,
          CVAT_BACKUP_STATE_DIR: join(folder, 'state'),
          CVAT_BACKUP_STRATEGY: strategy,
          CVAT_BACKUP_INCREMENTAL_MIN_TASKS: '1',
          // Of whole archives only the newest stays, or those of the full size would fill a disk.
          CVAT_BACKUP_TTL: '0',
          CVAT_MIN_NUM_BACKUPS: strategy === 'whole' ? '1' : '10',
        }
        const moments: (readonly MemberFact[])[] = []
        const backUp = async (share: string) => {
          say(`${strategy}, ${share}`)
          const before = await listFiles(directory)
          await simulator.report()
          const run = await runProduct(['backup', '--json'], { env, cwd: folder, signal })
          const report = await simulator.report()
          let storedBytes = 0
          for (const [path, bytes] of await listFiles(directory)) if (!before.has(path)) storedBytes += bytes
          const backup = { run, report, storedBytes }
          found.set(`${strategy} ${share}`, [...(found.get(`${strategy} ${share}`) ?? []), backup])
          say(`${report.exports} exports, ${megabytes(report.bytesSent)} sent, ${megabytes(storedBytes)} stored`)
        }
        try {
          await backUp('first')
          if (strategy === 'incremental') moments.push(await simulator.members(1))
          for (const share of SHARES[size]) {
            if (strategy === 'whole' && share > MOST_WHOLE[size]) break
            simulator.annotate(Array.from({ length: Math.ceil(share * tasks) }, (_, index) => index + 1))
            await backUp(format(share))
            if (strategy !== 'incremental' || share === 0 || moments.length !== 1) continue
            moments.push(await simulator.members(1))
            say('both snapshots assembled, against the server’s own archives of their moments')
            differing.push(await countDiffering(moments, { directory, env, folder, signal }))
          }
        } finally {
          for (const path of [directory, join(folder, 'state')]) await rm(path, { recursive: true, force: true })
        }
      }
    }
    const shares = ['first', ...SHARES[size].map(format)]
    return {
      settings: { tasks, ...rest, exportWorkers: 2, exportFixedMs: EXPORT_COST.fixedMs, exportMbPerSecond: 200 },
      rows: [
        ...shares.flatMap((share) => rowsOf(share, (strategy) => found.get(`${strategy} ${share}`))),
        {
          what: 'members of the first two snapshots, assembled, that are not as in the server’s own archives',
          ...{ aim: '0', unit: '', values: differing, limit: { of: 'value', most: 0 } },
        },
      ],
      details: Object.fromEntries(
        [...found].map(([name, backups]) => [
          name,
          backups.map(
            ({ run: { stdout: _, ...usage }, report: { urls, cpuMs: serverCpuMs, ...report }, storedBytes }) => ({
              ...usage,
              ...report,
              serverCpuMs,
              requests: urls.length,
              storedBytes,
            }),
          ),
        ]),
      ),
    }
  },
}

function rowsOf(share: string, of: (strategy: Strategy) => readonly Backup[] | undefined): Row[] {
  const whole = of('whole')
  const row = (what: string, unit: string, take: (backup: Backup) => number): Row => ({
    what: `${share === 'first' ? 'first backup' : `${share} changed`}: ${what}`,
    ...{ aim: '', unit, values: (of('incremental') ?? []).map(take) },
    ...(whole && { baseline: { what: 'whole', values: whole.map(take) } }),
  })
  return [
    row('exports', '', ({ report }) => report.exports),
    row('bytes from the server', 'MB', ({ report }) => report.bytesSent / 1e6),
    row('bytes stored', 'MB', ({ storedBytes }) => storedBytes / 1e6),
    row('requests', '', ({ report }) => report.urls.length),
    row('server’s export time', 's', ({ report }) => report.exportMs / 1000),
    row('time', 's', ({ run }) => run.wallMs / 1000),
  ]
}

/** By name, size, CRC-32 and place; a list that is longer counts, too. */
async function countDiffering(
  moments: readonly (readonly MemberFact[])[],
  {
    directory,
    env,
    folder,
    signal,
  }: { directory: string; env: Record<string, string>; folder: string; signal: AbortSignal },
): Promise<number> {
  const names = (await readdir(join(directory, 'project-1'))).filter((name) => /-snapshot-.*\.zip$/.test(name)).sort()
  if (names.length !== moments.length) throw new Error(`${names.length} snapshots, not ${moments.length}`)
  let differing = 0
  for (const [index, expected] of moments.entries()) {
    const path = join(folder, 'assembled.zip')
    await runProduct(['assemble', join('project-1', names[index]!), '-o', path], { env, cwd: folder, signal })
    const members = await listMembers(path)
    await rm(path)
    const length = Math.max(members.length, expected.length)
    for (let at = 0; at < length; at++) if (!isDeepStrictEqual(members[at], expected[at])) differing++
  }
  return differing
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

function format(share: number): string {
  return `${share * 100} %`
}

/** With their sizes; none in a folder that is not there. */
async function listFiles(path: string): Promise<Map<string, number>> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true }).catch(() => [])
  const files = new Map<string, number>()
  for (const entry of entries.filter((one) => one.isFile())) {
    const file = join(entry.parentPath, entry.name)
    files.set(file, (await stat(file)).size)
  }
  return files
}
