// What a CVAT server, or the network before it, can do to a run in the middle. One process does the whole backup here.

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, type TestContext } from 'vitest'
import type { Answer } from '../simulator/answers.ts'
import { type CallRule, type RuleHandle, troubledAnswers } from '../simulator/faults.ts'
import { emptyWorld } from '../support/small-world.ts'
import { waitFor } from '../support/wait-for.ts'
import { assertNothingLost, type Expected, type Findings } from './assert-nothing-lost.ts'
import { faultWorld, type Installation, isIncremental, openInstallation, untilStored } from './installation.ts'
import type { Chance } from './seeded-random.ts'

export interface CvatFault {
  readonly name: string
  /**
   * Before the run. The rules that it gives back must have acted by the run's end: a fault that never happens proves
   * nothing.
   */
  readonly arrange?: (installation: Installation, chance: Chance) => readonly Pick<RuleHandle, 'hits'>[]
  /** Once some archives are stored. */
  readonly strike?: (installation: Installation, chance: Chance) => Promise<void>
  readonly failing?: readonly string[]
  /** The first run may fail as long as it says so; the one after it has everything. */
  readonly needsSecondRun?: boolean
  /** How far the server's clock is ahead of ours. */
  readonly clockAheadMs?: number
}

const download = /\/(backup|dataset)\/download$/
const STALL_SECONDS = 2

export async function strikeCvat(
  test: TestContext,
  fault: CvatFault,
  entities: number,
  chance: Chance,
): Promise<Findings> {
  const installation = await openInstallation({
    test,
    separate: false,
    world: faultWorld(entities, { bytesPerFrame: 40_000, clockAheadMs: fault.clockAheadMs ?? 0 }),
    capacity: { exportMs: () => chance.between(20, 300), bandwidthBytesPerSecond: 4_000_000 },
    env: { CVAT_BACKUP_STALL_TIMEOUT_SECONDS: String(STALL_SECONDS) },
  })
  const rules = fault.arrange?.(installation, chance) ?? []
  let backup = installation.backup()
  if (fault.strike) {
    await untilStored(installation, chance.between(1, Math.floor(entities / 3)))
    await fault.strike(installation, chance)
  }
  const { summary, code } = await backup
  for (const { hits } of rules) expect(hits, 'times that the fault happened').toBeGreaterThan(0)
  installation.simulator.faults.clear()
  const expected: Expected = { summary, failing: fault.failing ?? [] }
  if (!fault.needsSecondRun) return assertNothingLost(installation, expected)
  if (summary?.ok === false && code !== 1) throw new Error(`A run with failures ended with ${code}`)
  backup = installation.backup()
  return assertNothingLost(installation, { ...expected, summary: (await backup).summary })
}

/** Answers of a server in trouble, for so long; and for longer where nothing was asked meanwhile. */
export function troubleFor(forMs: number): CvatFault[] {
  const { serverError, badGateway, unavailable, gatewayTimeout, tooManyRequests, loginPage } = troubledAnswers
  const answer = (name: string, share: number, makers: readonly (() => Answer)[]): CvatFault => ({
    name,
    strike: async ({ simulator }, chance) => {
      const rules = makers.map((make) =>
        simulator.faults.add({
          fault: { kind: 'answer', answer: make() },
          where: () => chance.next() < share / makers.length,
        }),
      )
      await sleep(forMs)
      await waitFor('a call in the time of trouble', () => rules.some(({ hits }) => hits > 0), { timeoutMs: 60_000 })
      for (const rule of rules) rule.remove()
    },
  })
  return [
    answer('500, 502, 503 and 504 pages now and then', 0.5, [serverError, badGateway, unavailable, gatewayTimeout]),
    answer('nothing but 502 pages', 1, [badGateway]),
    answer('429 with Retry-After', 0.5, [() => tooManyRequests(1)]),
    { ...answer('200 with an HTML page', 0.5, [loginPage]), needsSecondRun: true },
    {
      name: 'nobody listens',
      strike: async ({ cvatWire }) => {
        cvatWire.setMode('refuse')
        cvatWire.cutAll()
        await sleep(forMs)
        cvatWire.setMode('pass')
      },
    },
    {
      name: 'silence on every connection, then resets',
      strike: async ({ cvatWire }) => {
        cvatWire.setMode('silence')
        await sleep(forMs)
        cvatWire.setMode('pass')
        cvatWire.cutAll()
      },
    },
  ]
}

/** Connections and bodies that break. */
export const brokenBodies: readonly CvatFault[] = [
  {
    name: 'connections reset at random bytes',
    arrange: ({ cvatWire }, chance) => {
      cvatWire.faultOf = () =>
        chance.next() < 0.5 ? { kind: 'reset', afterBytes: chance.between(500, 150_000) } : undefined
      return [cvatWire]
    },
  },
  {
    name: 'downloads fall silent at random bytes',
    arrange: ({ simulator }, chance) => breakBodies(simulator.faults, 'stall', 4, chance),
  },
  {
    name: 'bodies cut short with a clean end',
    arrange: ({ simulator }, chance) => breakBodies(simulator.faults, 'cut', 5, chance),
  },
  {
    name: 'bodies cut short, their length hidden',
    arrange: ({ simulator }, chance) => breakBodies(simulator.faults, 'hidden-cut', 3, chance),
  },
  {
    name: 'slow drip',
    arrange: ({ simulator }) => [
      simulator.faults.add({ path: download, times: 4, fault: { kind: 'drip', bytesPerSecond: 60_000 } }),
    ],
  },
]

/**
 * Exports that go wrong, and people who change things meanwhile. Every third entity is `task-N`, the others are projects, the
 * second one with task 2.
 */
export const serverEvents: readonly CvatFault[] = [
  {
    name: 'login token revoked',
    strike: async ({ world }) => world.revokeLoginKey('admin'),
  },
  {
    name: 'worker process killed',
    arrange: ({ simulator }) => [simulator.faults.addExport({ fate: { kind: 'kill-horse' }, nth: [2, 5] })],
  },
  {
    name: 'all export requests forgotten',
    strike: async ({ simulator }) => simulator.exports.forgetAll(),
  },
  {
    name: 'files expired before they were fetched',
    arrange: ({ simulator }) => {
      const fault = { kind: 'run', action: () => simulator.exports.cache.remove() } as const
      return [simulator.faults.add({ path: download, nth: [2, 4], fault })]
    },
  },
  {
    name: 'project deleted meanwhile',
    arrange: ({ simulator, world }) => runOnExportOf(simulator.faults, 2, () => world.deleteProject(2)),
    failing: isIncremental ? ['project-2', 'task-2'] : ['project-2'],
  },
  {
    name: 'project renamed meanwhile',
    arrange: ({ simulator, world }) => runOnExportOf(simulator.faults, 2, () => world.renameProject(2, 'new name')),
  },
  {
    name: '403 on one project',
    arrange: ({ simulator }) => {
      const answer = troubledAnswers.denied()
      return [simulator.faults.add({ entity: { type: 'project', id: 2 }, fault: { kind: 'answer', answer } })]
    },
    failing: ['project-2'],
  },
  { name: "server's clock two hours ahead", clockAheadMs: 2 * 3_600_000 },
  { name: "server's clock two hours behind", clockAheadMs: -2 * 3_600_000 },
  {
    name: 'server upgraded meanwhile',
    strike: async (installation) => {
      installation.cvatWire.setMode('refuse')
      installation.cvatWire.cutAll()
      installation.world.version = '2.70.0'
      installation.simulator.exports.forgetAll()
      await sleep(1_000)
      installation.cvatWire.setMode('pass')
    },
  },
]

/** The whole worker is gone: CVAT notices only when its list is called after 90 s, so this one takes its time. */
export const workerGone: CvatFault = {
  name: 'export worker gone',
  arrange: ({ simulator }) => [simulator.faults.addExport({ fate: { kind: 'kill-worker' }, nth: 2 })],
}

/** One archive of so many megabytes over connections that are reset every now and then: memory is to stay as it is. */
export async function breakLargeFile(test: TestContext, megabytes: number, chance: Chance): Promise<Findings> {
  const world = emptyWorld()
  const { id } = world.addProject({ name: 'large' })
  world.addTask({ projectId: id, name: 'pictures', frames: megabytes, bytesPerFrame: 1_000_000 })
  const installation = await openInstallation({ test, separate: false, world })
  const least = Math.floor(megabytes / 20)
  installation.cvatWire.faultOf = () => ({
    kind: 'reset',
    afterBytes: chance.between(least, megabytes / 5) * 1_000_000,
  })
  const { summary } = await installation.backup()
  expect(installation.cvatWire.hits, 'connections that were reset').toBeGreaterThan(3)
  return assertNothingLost(installation, { summary })
}

type FaultList = Installation['simulator']['faults']

function breakBodies(
  faults: FaultList,
  how: 'stall' | 'cut' | 'hidden-cut',
  times: number,
  chance: Chance,
): RuleHandle[] {
  return Array.from({ length: times }, (_, index) => {
    const afterBytes = chance.between(0, 120_000)
    const framing = how === 'hidden-cut' ? 'chunked' : 'content-length'
    const fault = how === 'stall' ? { kind: how, afterBytes } : ({ kind: 'cut', afterBytes, framing } as const)
    return faults.add({ path: download, nth: index * 2 + 1, fault } satisfies CallRule)
  })
}

/** Of project 2, or task 2, which is in it. */
function runOnExportOf(faults: FaultList, id: number, action: () => void): RuleHandle[] {
  // Of a project that is backed up task by task, its one task is exported.
  const entity = { type: isIncremental ? 'task' : 'project', id } as const
  return [faults.add({ method: 'POST', entity, times: 1, fault: { kind: 'run', action } })]
}
