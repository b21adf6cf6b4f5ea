// How soon an export's end is noticed, and how many requests that takes. Hours pass on a virtual clock: the product's own
// polling, a server that answers at once.

import type { CvatClient } from '#shared/cvat/client.ts'
import type { ExportRequest } from '#shared/cvat/export-request.ts'
import { pollRequest } from '#shared/cvat/poll-request.ts'
import { seededChance } from '../../test/faults/seeded-random.ts'
import { backUpWorkload } from '../support/back-up-workload.ts'
import type { Row, Scenario } from '../support/scenario.ts'
import { startSimulatorProcess } from '../support/start-simulator-process.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
/** How long an export takes; with each, half as long to twice as long by chance, since clients do not know it either. */
const LENGTHS = { '1 s': SECOND, '1 min': MINUTE, '1 h': HOUR }
const samples = { smoke: 20, default: 200, full: 1_000 }
const projects = { smoke: 4, default: 40, full: 40 }
/** After a killed worker, measured: a call of the list notices later than this, and a poll by id much later. */
const ABANDONED_AFTER_MS = 90 * SECOND
const MOST_STUCK_MS = 2 * MINUTE
const LOST_SHARE = 0.05
const LOST_MS = SECOND

export const polling: Scenario = {
  name: 'polling',
  about: 'from the end of an export until its download begins',
  async run({ size, rounds, folder, signal, say }) {
    const rows: Row[] = []
    const chance = seededChance(9)
    for (const [name, lengthMs] of Object.entries(LENGTHS)) {
      say(`exports of ${name}, on a virtual clock`)
      const exports = await follow(samples[size], () => ({ endsMs: lengthMs * 2 ** (2 * chance.next() - 1) }))
      // One is as large as the other where the export takes 20 s.
      const judged = exports.map(({ lostMs, endsMs }) => lostMs / Math.max(LOST_MS, LOST_SHARE * endsMs))
      rows.push({
        ...{ what: `${name}: time lost, the most, as a share of what may be lost`, aim: '≤ 5 % or 1 s', unit: '×' },
        ...{ values: [Math.max(...judged)], limit: { of: 'value', most: 1 } },
      })
      rows.push({ what: `${name}: time lost`, aim: '', unit: 's', values: exports.map(({ lostMs }) => lostMs / 1000) })
      rows.push({ what: `${name}: requests by id`, aim: '', unit: '', values: exports.map(({ polls }) => polls) })
      rows.push({ what: `${name}: calls of the list`, aim: '', unit: '', values: exports.map(({ lists }) => lists) })
    }
    say('exports whose worker is killed, on a virtual clock')
    const stuck = await follow(samples[size], () => {
      const killedMs = chance.next() * HOUR
      return { endsMs: Number.POSITIVE_INFINITY, killedMs }
    })
    const stuckMs = stuck.map(({ lostMs }) => lostMs)
    rows.push({
      ...{ what: 'worker killed within the first hour: freed after, the most', aim: '≤ 120 s', unit: 's' },
      ...{ values: [Math.max(...stuckMs) / 1000], limit: { of: 'value', most: MOST_STUCK_MS / 1000 } },
    })
    say('exports of 1 s, by the clock')
    await using server = await startSimulatorProcess({
      seed: { projects: projects[size], tasksPerProject: 1, frames: 1, bytesPerFrame: 1_000 },
      ...{ exportWorkers: 4, exportMs: size === 'smoke' ? 50 : SECOND },
    })
    const lost: number[] = []
    const requests: number[] = []
    for (let round = 0; round < rounds; round++) {
      server.annotate(Array.from({ length: projects[size] }, (_, index) => index + 1))
      const run = await backUpWorkload(server, {
        ...{ projects: projects[size], folder, signal },
        env: { CVAT_BACKUP_PARALLEL_EXPORTS: '4', CVAT_BACKUP_PARALLEL_DOWNLOADS: '4' },
      })
      const gaps = run.exports.map(({ endedMs, downloadedMs }) => downloadedMs! - endedMs!).sort((a, b) => a - b)
      lost.push(gaps[gaps.length >> 1]! / 1000)
      requests.push(run.requests / projects[size])
    }
    rows.push({
      ...{ what: '1 s, all of the product: from the end to the download, median', aim: '≤ 1 s', unit: 's' },
      ...{ values: lost, limit: { of: 'value', most: 1 } },
      whenMissed: 'all of the product is one process, which waits for its turn where others take most of two cores',
    })
    rows.push({ what: '1 s, all of the product: requests for each', aim: '', unit: '', values: requests })
    return {
      settings: { samples: samples[size], projects: projects[size], exportWorkers: 4, parallelExports: 4 },
      rows,
    }
  },
}

interface Fate {
  readonly endsMs: number
  readonly killedMs?: number
}

async function follow(count: number, draw: () => Fate) {
  const exports = []
  for (let index = 0; index < count; index++) exports.push(await followOne(draw()))
  return exports
}

/** The product's own loop against a server of which only the times matter. */
async function followOne({ endsMs, killedMs }: Fate) {
  let nowMs = 0
  let isAbandoned = false
  let [polls, lists] = [0, 0]
  const status = () => (isAbandoned ? 'failed' : nowMs >= endsMs ? 'finished' : 'started')
  const cvat: Pick<CvatClient, 'getRequest' | 'refreshRequests'> = {
    getRequest: async () => {
      polls++
      return { status: status(), operation: 'export:backup' } as ExportRequest
    },
    refreshRequests: async () => {
      lists++
      if (killedMs !== undefined && nowMs >= killedMs + ABANDONED_AFTER_MS) isAbandoned = true
    },
  }
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms
    },
  }
  const limits = { askedAtMs: 0, timeoutMs: 24 * HOUR, timeoutSetting: 'CVAT_BACKUP_REQUEST_TIMEOUT_HOURS' }
  await pollRequest('request', { cvat, clock, ...limits }, new AbortController().signal)
  return { endsMs, lostMs: nowMs - (killedMs ?? endsMs), polls, lists }
}
