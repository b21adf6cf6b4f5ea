// A model of the export queue, second by second but without waiting: which limit and which order bring a backup to its end,
// and what each costs the users. `node bench/model-parallelism.ts` prints the table that docs/performance.md quotes.
//
// The server: workers that take exports in the order in which they were asked for. We: so many exports queued or running at
// once, an end noticed by the product's own pauses, and some time from there to the next export.

import { seededChance } from '../test/faults/seeded-random.ts'
import { longTail, lowerBoundMs, type PlannedProject, planWorkload } from './support/workload.ts'

const WORKERS = 4
const BYTES_PER_SECOND = 200_000_000
const USERS = 60
/** From noticing an end to the next export's request: a job, a slot, three requests to observe. Measured: 0.1 to 0.2 s. */
const TURN_MS = 150
const SHORTEST_PAUSE_MS = 300
const PAUSE_SHARE = 0.05
const ROUNDS = 20

interface Policy {
  /** Ours queued or running at once. */
  readonly most: number
  /** Ours that are queued and have no worker yet; the rule that finds the server's capacity by itself. */
  readonly mostQueued: number
  readonly order: 'by id' | 'long first'
}

interface Export {
  readonly isOurs: boolean
  readonly workMs: number
  postedMs: number
  startedMs: number
  endedMs: number
  /** When the client knows of its start, and of its end. */
  startSeenMs: number
  endSeenMs: number
}

const policies: [string, Policy][] = [
  ...[1, 2, 4, 6, 8, 16].flatMap((most): [string, Policy][] => [
    [`${most}, by id`, { most, mostQueued: most, order: 'by id' }],
    [`${most}, long first`, { most, mostQueued: most, order: 'long first' }],
  ]),
  ...[1, 2, 3].map((mostQueued): [string, Policy] => [
    `as many as have workers, and ${mostQueued} queued, long first`,
    { most: 64, mostQueued, order: 'long first' },
  ]),
]
const planned = planWorkload(longTail)
const boundMs = lowerBoundMs(planned, WORKERS, BYTES_PER_SECOND)
const lines = [
  '| exports at once, order | time of all exports ÷ lower bound | users: time to the file ÷ without backup |',
  '|---|---|---|',
]
const alone = mean(Array.from({ length: ROUNDS }, (_, round) => play([], undefined, round, true).waitMs))
for (const [name, policy] of policies) {
  const makespans = Array.from({ length: ROUNDS }, (_, round) => play(planned, policy, round, false).endMs / boundMs)
  const waits = Array.from({ length: ROUNDS }, (_, round) => play(planned, policy, round, true).waitMs / alone)
  lines.push(`| ${name} | ${mean(makespans).toFixed(2)} | ${mean(waits).toFixed(2)} |`)
}
process.stdout.write(`${lines.join('\n')}\n`)

/** One backup, alone or beside users who come within a minute. */
function play(all: readonly PlannedProject[], policy: Policy | undefined, seed: number, withUsers: boolean) {
  const chance = seededChance(seed + 1)
  const waiting = [...all]
  if (policy?.order === 'long first') waiting.sort((a, b) => b.sizeBytes - a.sizeBytes)
  const users = withUsers ? Array.from({ length: USERS }, () => chance.next() * 60_000).sort((a, b) => a - b) : []
  const freeAt = Array.from({ length: WORKERS }, () => 0)
  const exports: Export[] = []
  const post = (isOurs: boolean, workMs: number, postedMs: number) => {
    const worker = freeAt.indexOf(Math.min(...freeAt))
    const startedMs = Math.max(postedMs, freeAt[worker]!)
    const endedMs = startedMs + workMs
    freeAt[worker] = endedMs
    const seen = (atMs: number) => {
      let nowMs = postedMs
      while (nowMs < atMs)
        nowMs += Math.max(SHORTEST_PAUSE_MS, (nowMs - postedMs) * PAUSE_SHARE) * (0.8 + chance.next() * 0.2)
      return nowMs
    }
    exports.push({
      isOurs,
      workMs,
      postedMs,
      startedMs,
      endedMs,
      startSeenMs: seen(startedMs),
      endSeenMs: seen(endedMs) + TURN_MS,
    })
  }
  for (let nowMs = 0; waiting.length > 0 || users.length > 0; nowMs += 10) {
    while (users.length > 0 && users[0]! <= nowMs) {
      users.shift()
      post(false, planned[Math.floor(chance.next() * planned.length)]!.exportMs, nowMs)
    }
    while (policy && waiting.length > 0) {
      const ours = exports.filter(({ isOurs, endSeenMs }) => isOurs && endSeenMs > nowMs)
      const queued = ours.filter(({ startSeenMs }) => startSeenMs > nowMs)
      if (ours.length >= policy.most || queued.length >= policy.mostQueued) break
      post(true, waiting.shift()!.exportMs, nowMs)
    }
  }
  const waits = exports.filter(({ isOurs }) => !isOurs).map(({ postedMs, endedMs }) => endedMs - postedMs)
  return { endMs: Math.max(...exports.map(({ endedMs }) => endedMs)), waitMs: waits.length > 0 ? mean(waits) : 0 }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
