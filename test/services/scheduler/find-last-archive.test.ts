import { expect, test } from 'vitest'
import { findLastArchive } from '#services/scheduler/find-last-archive.ts'
import { digestObservation } from '#shared/model/change-digest.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { Observation } from '#shared/model/observation.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { Problem } from '#shared/store/record.ts'
import { observe } from '../../shared/store/plan-backup.ts'
import {
  backupOfProject6,
  openTestStore,
  prepareCommit,
  project6,
  serverUrl,
} from '../../shared/store/store-fixture.ts'

const before = observe(3)
const later = '2026-11-22T21:00:00.000000Z'
/** The task has changed, its project has not. */
const present: Observation = { ...before, tasks: before.tasks.map((task) => ({ ...task, updatedDate: later })) }
const task101: EntityRef = { type: 'task', id: 101 }
const stale: Problem = { code: 'stale', message: 'old', taskId: 101 }

interface Plan {
  readonly entity?: EntityRef
  readonly observation?: Observation
  readonly problems?: readonly Problem[]
  readonly level?: 'sound' | 'complete' | 'fresh'
  readonly serverUrl?: string
}

let seconds = 0

/** Stores archives, one a second. */
async function keep(store: Store, ...plans: Plan[]): Promise<void> {
  for (const { entity = project6, observation = present, problems = [], level = 'complete', serverUrl: url } of plans) {
    const at = new Date(Date.UTC(2026, 10, 22, 21, 0, seconds++)).toISOString()
    const backupId = `run-${seconds}.${entity.type}-${entity.id}.backup`
    const input = await prepareCommit(store, { backupId, entity, createdAt: at, ...(url && { serverUrl: url }) })
    await store.commitArchive({ ...input, observation, inspection: { ...input.inspection, level, problems } })
  }
}

async function find(...plans: Plan[]) {
  const store = await openTestStore()
  await keep(store, ...plans)
  const { last } = await findLastArchive(backupOfProject6, digestObservation(present), store, serverUrl)
  return last && { isPresent: last.digest.newestTaskDate === later, stale: last.stale && idsOf(last.stale) }
}

function idsOf({ covered, uncovered }: { covered: readonly { id: number }[]; uncovered: readonly { id: number }[] }) {
  return { covered: covered.map(({ id }) => id), uncovered: uncovered.map(({ id }) => id) }
}

const own: Observation = { ...present, updatedDate: later }

test('a good archive of the present state is the one, though a stale one is newer', async () => {
  expect(await find({ level: 'fresh' }, { problems: [stale] })).toEqual({ isPresent: true, stale: undefined })
})

test('a stale archive of the present state counts before a good one of an earlier state', async () => {
  const archives: Plan[] = [{ observation: before }, { problems: [stale] }]
  expect(await find(...archives)).toEqual({ isPresent: true, stale: { covered: [], uncovered: [101] } })
  const withOwn: Plan[] = [...archives, { entity: task101, observation: own }]
  expect(await find(...withOwn)).toEqual({ isPresent: true, stale: { covered: [101], uncovered: [] } })
})

test('an own archive that is stale itself, or of an earlier state, covers nothing', async () => {
  const uncovered = { isPresent: true, stale: { covered: [], uncovered: [101] } }
  expect(await find({ problems: [stale] }, { entity: task101, observation: own, problems: [stale] })).toEqual(uncovered)
  expect(await find({ problems: [stale] }, { entity: task101, observation: before })).toEqual(uncovered)
})

test('an archive that still holds a task which has left needs nothing else', async () => {
  const left = { code: 'stale', message: 'left' }
  expect(await find({ problems: [left] })).toEqual({ isPresent: true, stale: { covered: [], uncovered: [] } })
})

test.each<[string, Plan]>([
  ['another server', { problems: [stale], serverUrl: 'https://other.example.org' }],
  ['an earlier state', { problems: [stale], observation: before }],
  ['a damaged file', { problems: [stale, { code: 'bit-rot', message: 'rotten' }] }],
  ['an incomplete file', { problems: [stale], level: 'sound' }],
])('a stale archive of %s shows nothing', async (_, plan) => {
  expect(await find(plan)).toBeUndefined()
  expect(await find({ observation: before }, plan)).toEqual({ isPresent: false, stale: undefined })
})
