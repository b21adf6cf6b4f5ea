// What people who export their own projects feel of a backup that runs at the same time.

import { setTimeout as sleep } from 'node:timers/promises'
import { backUpWorkload } from '../support/back-up-workload.ts'
import type { Row, Scenario } from '../support/scenario.ts'
import { type ExportTimes, type SimulatorProcess, startSimulatorProcess } from '../support/start-simulator-process.ts'
import type { UserLoad } from '../support/start-users.ts'
import {
  LIGHT_TAIL_BYTES_PER_SECOND,
  LONG_TAIL_BYTES_PER_SECOND,
  lightTail,
  longTail,
  type WorkloadSeed,
} from '../support/workload.ts'

const projects = { smoke: 6, default: 40, full: 200 }
const USERS = { smoke: 4, default: 60, full: 60 }
const EXPORT_WORKERS = 4
/** The setting that leaves the server to its users, and one that takes all of its workers. */
const LIMITS = [1, EXPORT_WORKERS]
const POLITE = LIMITS[0]!
const MOST_GROWTH = 1.1

interface Arrivals extends UserLoad {
  readonly name: string
}

export const besideUsers: Scenario = {
  name: 'beside-users',
  about: "a backup beside users' exports",
  async run({ size, rounds, folder, signal, say }) {
    const workload: WorkloadSeed =
      size === 'smoke'
        ? { projects: projects.smoke, exportMs: [10, 50], sizeBytes: [1_000, 100_000] }
        : { ...(size === 'full' ? longTail : lightTail), projects: projects[size] }
    const count = USERS[size]
    const isSmoke = size === 'smoke'
    // The first come when the backup is under way.
    const afterMs = isSmoke ? 1_000 : 8_000
    const kinds: Arrivals[] = [
      { name: 'within 5 s', count, afterMs, withinMs: isSmoke ? 100 : 5_000 },
      { name: 'within 1 min', count, afterMs, withinMs: isSmoke ? 500 : 60_000 },
    ]
    const bytesPerSecond = size === 'full' ? LONG_TAIL_BYTES_PER_SECOND : LIGHT_TAIL_BYTES_PER_SECOND
    const setup = { workload, exportWorkers: EXPORT_WORKERS, bandwidthBytesPerSecond: bytesPerSecond }
    const waits = new Map<string, number[]>()
    const shares = new Map<number, { most: number[]; atOnce: number[] }>()
    for (const limit of LIMITS) shares.set(limit, { most: [], atOnce: [] })
    for (let round = 0; round < rounds; round++) {
      for (const arrivals of kinds) {
        for (const limit of round % 2 === 0 ? [0, ...LIMITS] : [...LIMITS, 0]) {
          const key = `${arrivals.name} ${limit}`
          say(`${count} users ${arrivals.name}, ${limit === 0 ? 'no backup' : `at most ${limit} exports of ours`}`)
          await using server = await startSimulatorProcess(setup)
          server.startUsers(arrivals)
          const env = { CVAT_BACKUP_PARALLEL_EXPORTS: String(limit), CVAT_BACKUP_PARALLEL_DOWNLOADS: '4' }
          if (limit > 0) await backUpWorkload(server, { projects: workload.projects, env, folder, signal })
          const times = await waitForUsers(server, count, signal)
          waits.set(key, [...(waits.get(key) ?? []), meanWait(times)])
          if (limit > 0) {
            const { most, atOnce } = shareOf(times)
            shares.get(limit)!.most.push(most)
            shares.get(limit)!.atOnce.push(atOnce)
          }
        }
      }
    }
    const rows = kinds.flatMap(({ name }) =>
      LIMITS.map((limit): Row => {
        const isPolite = limit === POLITE
        return {
          what: `${count} users ${name}: from asking to the file, at most ${limit} of ours`,
          ...{ aim: isPolite ? '≤ 1.1 ×' : '', unit: 's', values: waits.get(`${name} ${limit}`)! },
          baseline: { what: 'no backup', values: waits.get(`${name} 0`)! },
          ...(isPolite
            ? {
                limit: { of: 'ratio', most: MOST_GROWTH } as const,
                whenMissed: 'who comes while our longest export runs finds one worker less',
              }
            : {}),
        }
      }),
    )
    for (const limit of LIMITS) {
      const { most, atOnce } = shares.get(limit)!
      rows.push({
        ...{ what: `at most ${limit} of ours: the most queued or running at once`, aim: `≤ ${limit}`, unit: '' },
        ...{ values: atOnce, limit: { of: 'value', most: limit } },
      })
      rows.push({
        what: `at most ${limit} of ours: of all that was queued or running`,
        aim: '',
        unit: '%',
        values: most,
      })
    }
    return {
      settings: {
        ...{ projects: workload.projects, users: count, exportWorkers: EXPORT_WORKERS },
        ...{ bytesPerSecond, exportMs: workload.exportMs.join(' to ') },
      },
      rows,
      details: Object.fromEntries(waits),
    }
  },
}

/** Until the last one has its file. */
async function waitForUsers(server: SimulatorProcess, count: number, signal: AbortSignal) {
  for (;;) {
    const times = await server.times()
    const ended = times.filter(({ isOurs, endedMs }) => !isOurs && endedMs !== null)
    if (ended.length === count) return times
    await sleep(100, undefined, { signal })
  }
}

/** Seconds from asking for an export until it can be downloaded. */
function meanWait(times: readonly ExportTimes[]): number {
  const users = times.filter(({ isOurs }) => !isOurs)
  return users.reduce((sum, { postedMs, endedMs }) => sum + endedMs! - postedMs, 0) / users.length / 1000
}

/** Ours at once, and their share of what is queued or running, over the time in which there is something of the users'. */
function shareOf(times: readonly ExportTimes[]): { atOnce: number; most: number } {
  const steps = times.flatMap(({ isOurs, postedMs, endedMs }) => [
    { atMs: postedMs, isOurs, by: 1 },
    { atMs: endedMs!, isOurs, by: -1 },
  ])
  // What ends makes room before what begins in the same millisecond.
  steps.sort((a, b) => a.atMs - b.atMs || a.by - b.by)
  const counts = { ours: 0, users: 0 }
  let [atOnce, oursMs, allMs, lastMs] = [0, 0, 0, 0]
  for (const { atMs, isOurs, by } of steps) {
    if (counts.users > 0) {
      oursMs += counts.ours * (atMs - lastMs)
      allMs += (counts.ours + counts.users) * (atMs - lastMs)
    }
    counts[isOurs ? 'ours' : 'users'] += by
    atOnce = Math.max(atOnce, counts.ours)
    lastMs = atMs
  }
  return { atOnce, most: allMs === 0 ? 0 : (oursMs / allMs) * 100 }
}
