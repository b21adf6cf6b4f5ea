// How long a whole backup takes against what the server can do, and against scripts of the official SDK.

import { backUpWorkload, type WorkloadRun } from '../support/back-up-workload.ts'
import { findSdkPython, runSdkScript } from '../support/run-sdk-script.ts'
import type { Bench, Row, Scenario } from '../support/scenario.ts'
import { type SimulatorProcess, startSimulatorProcess } from '../support/start-simulator-process.ts'
import {
  LIGHT_TAIL_BYTES_PER_SECOND,
  LONG_TAIL_BYTES_PER_SECOND,
  lightTail,
  longTail,
  lowerBoundMs,
  planWorkload,
  type WorkloadSeed,
} from '../support/workload.ts'

const projects = { smoke: 6, default: 60, full: 200 }
const EXPORT_WORKERS = 4
const PARALLEL_DOWNLOADS = 4
/** As our own shortest pause between two looks at an export. */
const POLL_SECONDS = 0.3
/** One after another takes five seconds a project: a sample of this many stands for all. */
const SAMPLE = { smoke: 1, default: 12, full: 20 }
/** What a person sets who knows how many workers the server has, and one who has room for more. */
const LIMITS = [EXPORT_WORKERS, 16]

export const makespan: Scenario = {
  name: 'makespan',
  about: 'the first backup of projects of very different sizes',
  async run(bench) {
    const { size, rounds, say } = bench
    const workload: WorkloadSeed =
      size === 'smoke'
        ? { projects: projects.smoke, exportMs: [10, 50], sizeBytes: [1_000, 100_000] }
        : { ...(size === 'full' ? longTail : lightTail), projects: projects[size] }
    const planned = planWorkload(workload)
    const bytesPerSecond = size === 'full' ? LONG_TAIL_BYTES_PER_SECOND : LIGHT_TAIL_BYTES_PER_SECOND
    const setup = { workload, exportWorkers: EXPORT_WORKERS, bandwidthBytesPerSecond: bytesPerSecond }
    await using server = await startSimulatorProcess(setup)
    const python = await findSdkPython()
    const boundMs = lowerBoundMs(planned, EXPORT_WORKERS, bytesPerSecond)
    const ours = new Map<number, WorkloadRun[]>(LIMITS.map((limit) => [limit, []]))
    const [likeOurs, pooled, single]: [number[], number[], number[]] = [[], [], []]
    const script = (options: { threads: number; pollSeconds?: number; only?: number[] }) =>
      runSdkScript(python!, server, { ...options, cwd: bench.folder, signal: bench.signal })
    for (let round = 0; round < rounds; round++) {
      const sides = LIMITS.map((limit) => async () => {
        say(`ours, at most ${limit} exports`)
        ours.get(limit)!.push(await backUp(limit, planned.length, server, bench))
      })
      if (python !== undefined) {
        sides.push(async () => {
          say(`a script with ${EXPORT_WORKERS} threads that looks every ${POLL_SECONDS} s`)
          const run = await script({ threads: EXPORT_WORKERS, pollSeconds: POLL_SECONDS })
          likeOurs.push(run.wallMs)
        })
      }
      for (const side of round % 2 === 0 ? sides : sides.reverse()) await side()
    }
    if (python !== undefined) {
      say(`a script with ${EXPORT_WORKERS} threads`)
      pooled.push((await script({ threads: EXPORT_WORKERS })).wallMs)
      const only = sampleOf(planned, SAMPLE[size])
      say(`a script, one after another, ${only.length} of ${planned.length} projects`)
      const { projectMs } = await script({ threads: 1, only })
      single.push((projectMs.reduce((sum, ms) => sum + ms, 0) / projectMs.length) * planned.length)
    }
    const best = ours.get(LIMITS.at(-1)!)!
    const inSeconds = (values: readonly number[]) => values.map((ms) => ms / 1000)
    const times = (runs: readonly WorkloadRun[]) => inSeconds(runs.map(({ wallMs }) => wallMs))
    const against = (what: string, ms: readonly number[], aim: string, most: number): Row[] =>
      ms.length === 0
        ? []
        : [
            {
              ...{ what: `all stored, against ${what}`, aim, unit: 's', values: times(best) },
              baseline: { what, values: best.map((_, round) => inSeconds(ms)[round % ms.length]!) },
              limit: { of: 'ratio', most },
              whenMissed:
                'the start of the process is in it, and the last file is loaded and read back after the last export; with less than two cores of its own, more waits',
            },
          ]
    const exportsOver: Row = {
      what: 'from the first request to the end of the last export, against the lower bound',
      ...{ aim: '≤ 1.08 ×', unit: 's', values: inSeconds(best.map((run) => detailsOf(run).exportsEndedMs)) },
      baseline: { what: 'the lower bound of the server', values: best.map(() => boundMs / 1000) },
      limit: { of: 'ratio', most: 1.08 },
      whenMissed: 'the process that looks and asks waits for its turn where others take most of two cores',
    }
    const rows: Row[] = [
      ...against('the lower bound of the server', [boundMs], '≤ 1.08 ×', 1.08),
      exportsOver,
      ...against(`${EXPORT_WORKERS} threads of the SDK, a look every ${POLL_SECONDS} s (B')`, likeOurs, '< 1 ×', 1),
      ...against(`${EXPORT_WORKERS} threads of the SDK (B), once`, pooled, '< 1 ×', 1),
      ...against('the SDK, one after another (A), from a sample', single, '≤ 1/3 ×', 1 / 3),
      ...LIMITS.slice(0, -1).map(
        (limit): Row => ({
          ...{
            what: `all stored, at most ${limit} exports at once`,
            aim: '',
            unit: 's',
            values: times(ours.get(limit)!),
          },
          baseline: { what: 'the lower bound', values: ours.get(limit)!.map(() => boundMs / 1000) },
        }),
      ),
      { what: 'requests for each', aim: '', unit: '', values: best.map((run) => run.requests / planned.length) },
      { what: 'CPU time', aim: '', unit: 's', values: best.map(({ cpuMs }) => cpuMs / 1000) },
      { what: 'peak memory', aim: '', unit: 'MB', values: best.map(({ peakRssMb }) => peakRssMb) },
    ]
    return {
      settings: {
        ...{ projects: planned.length, exportWorkers: EXPORT_WORKERS, bytesPerSecond },
        ...{ bytes: planned.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), lowerBoundMs: Math.round(boundMs) },
        ...{ exportMs: workload.exportMs.join(' to '), sizeBytes: workload.sizeBytes.join(' to ') },
        ...{ parallelExports: LIMITS.at(-1)!, parallelDownloads: PARALLEL_DOWNLOADS, sample: SAMPLE[size] },
      },
      rows,
      details: Object.fromEntries([...ours].map(([limit, runs]) => [limit, runs.map(detailsOf)])),
    }
  },
}

function backUp(limit: number, count: number, server: SimulatorProcess, { folder, signal }: Bench) {
  const env = {
    CVAT_BACKUP_PARALLEL_EXPORTS: String(limit),
    CVAT_BACKUP_PARALLEL_DOWNLOADS: String(PARALLEL_DOWNLOADS),
  }
  return backUpWorkload(server, { projects: count, env, folder, signal })
}

/** Spread evenly over the export times. Ids count from 1 in the order of the plan. */
function sampleOf(planned: readonly { exportMs: number }[], count: number): number[] {
  const byTime = planned.map(({ exportMs }, index) => ({ exportMs, id: index + 1 }))
  byTime.sort((a, b) => a.exportMs - b.exportMs)
  return Array.from({ length: count }, (_, i) => byTime[Math.floor(((i + 0.5) / count) * byTime.length)]!.id)
}

/** When the first export was asked for and the last one ended, after the start of the first; and how busy workers were. */
function detailsOf({ stdout: _, stderr: __, exports, ...run }: WorkloadRun) {
  const begin = Math.min(...exports.map(({ postedMs }) => postedMs))
  const spans = exports.map(({ projectId, postedMs, startedMs, endedMs, downloadedMs }) => ({
    ...{ projectId, postedMs: postedMs - begin, startedMs: startedMs! - begin, endedMs: endedMs! - begin },
    downloadedMs: downloadedMs! - begin,
  }))
  return { ...run, exportsEndedMs: Math.max(...spans.map(({ endedMs }) => endedMs)), spans }
}
