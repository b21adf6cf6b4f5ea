import { describe, expect, onTestFinished, test } from 'vitest'
import { adoptRunningExports, waitForSlot } from '#services/exporter/wait-for-slot.ts'
import { foreignHolder } from '#shared/coordination/export-slots.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { smallWorld } from '../../support/small-world.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openExporter, requestIdOf } from './exporter-fixture.ts'

const redis = useRedis()
expectNoLeaks()

async function openSlots(options: Parameters<typeof openExporter>[1] = {}) {
  const exporter = await openExporter(redis, { world: smallWorld({ projects: 4 }), ...options })
  const stopping = new AbortController()
  onTestFinished(() => stopping.abort())
  const { cvat, slots, world, simulator } = exporter
  return {
    ...exporter,
    signal: stopping.signal,
    wait: (holder: string, limit = 1) => waitForSlot(holder, { slots, cvat, limit }, stopping.signal),
    holders: async () => (await slots.list()).map(({ holder }) => holder).sort(),
    /** Leaves an export running at the server, as an exporter that died does. */
    leaveRunning(id: number): string {
      const entity = { type: 'project', id } as const
      simulator.faults.addExport({ entity, times: 1, fate: { kind: 'hold' } })
      const order = { entity, kind: 'backup', format: null, fileName: null, base: simulator.url } as const
      return simulator.exports.post(order, world.findUser('admin')!).id
    },
    /** A slot that was taken so long ago, by whom whoever asks nothing is known. */
    async takeLongAgo(holder: string, requestId: string, ageMs: number) {
      const { redis: client, prefix } = exporter.connection
      const value = JSON.stringify({ requestId, takenAtMs: Date.now() - ageMs })
      await client.hset(`${prefix}:export-slots`, holder, value)
    },
  }
}

describe('who waits for a slot', () => {
  test('gets it as soon as one is given back', async () => {
    const { wait, slots, holders } = await openSlots()
    await wait('project-1.backup')
    const waiting = wait('project-2.backup')
    await slots.giveBack('project-1.backup')
    await waiting
    expect(await holders()).toEqual(['project-2.backup'])
  })

  test('stops waiting when the service stops', async () => {
    const { slots, cvat } = await openSlots()
    await slots.take('project-1.backup', 1)
    const stopping = new AbortController()
    const waiting = waitForSlot('project-2.backup', { slots, cvat, limit: 1 }, stopping.signal)
    stopping.abort(new Error('the service stops'))
    await expect(waiting).rejects.toThrow()
    expect(await slots.list()).toHaveLength(1)
  })

  test('gets the slot of an export that ended while nobody looked', async () => {
    const { wait, takeLongAgo, holders } = await openSlots()
    await takeLongAgo('project-1.backup', requestIdOf({ type: 'project', id: 1 }), 0)
    await wait('project-2.backup')
    expect(await holders()).toEqual(['project-2.backup'])
  })

  test('does not get that of an export that still runs, however old', async () => {
    const { wait, takeLongAgo, leaveRunning, simulator, holders } = await openSlots()
    await takeLongAgo('project-1.backup', leaveRunning(1), 3600_000)
    let got = false
    void wait('project-2.backup').then(
      () => {
        got = true
      },
      () => undefined,
    )
    const listed = () => simulator.stats.requestCount('GET /api/requests') >= 2
    await waitFor('the server to be asked what it is busy with', listed)
    expect(got).toBe(false)
    expect(await holders()).toEqual(['project-1.backup'])
  })

  test('does not get that of an exporter that may be about to ask, but that of one that died before it asked', async () => {
    const { wait, takeLongAgo, simulator, holders } = await openSlots()
    await takeLongAgo('project-1.backup', '', 30_000)
    await takeLongAgo('project-3.backup', '', 61_000)
    await wait('project-2.backup', 2)
    expect(await holders()).toEqual(['project-1.backup', 'project-2.backup'])
    expect(simulator.stats.requestCount('GET /api/requests')).toBe(2)
  })

  test('does not get that of an export whose answer was lost and that runs all the same', async () => {
    const { wait, takeLongAgo, leaveRunning, holders } = await openSlots()
    leaveRunning(3)
    await takeLongAgo('project-1.backup', '', 61_000)
    // The same digits, but not the same project.
    await takeLongAgo('project-3.backup', '', 61_000)
    await takeLongAgo('project-33.backup', '', 61_000)
    await wait('project-2.backup', 3)
    expect(await holders()).toEqual(['project-2.backup', 'project-3.backup'])
  })
})

describe('an exporter that starts on an empty Redis', () => {
  test('takes slots for the exports that an earlier life has left running', async () => {
    const { slots, cvat, leaveRunning, signal, holders } = await openSlots()
    const ids = [leaveRunning(1), leaveRunning(2)]
    expect(await adoptRunningExports({ slots, cvat }, 2, signal)).toBe(2)
    expect(await holders()).toEqual(ids.map(foreignHolder).sort())
    expect(await slots.take('project-3.backup', 2)).toBe(false)
  })

  test('takes no more than there are, and none twice', async () => {
    const { slots, cvat, leaveRunning, signal } = await openSlots()
    for (const id of [1, 2, 3]) leaveRunning(id)
    expect(await adoptRunningExports({ slots, cvat }, 2, signal)).toBe(2)
    expect(await adoptRunningExports({ slots, cvat }, 2, signal)).toBe(0)
    expect(await slots.list()).toHaveLength(2)
  })

  test('leaves everything as it is where slots are known', async () => {
    const { slots, cvat, leaveRunning, signal, holders } = await openSlots()
    leaveRunning(1)
    await slots.take('project-1.backup', 2)
    expect(await adoptRunningExports({ slots, cvat }, 2, signal)).toBe(0)
    expect(await holders()).toEqual(['project-1.backup'])
  })

  test('keeps the limit while those run, and attaches where its own job is about one of them', async () => {
    const stack = await openSlots({ parallelExports: 2 })
    const left = [stack.leaveRunning(1), stack.leaveRunning(2)]
    await stack.start('exporter')
    await stack.start('downloader')
    await stack.start('scheduler')
    const runId = await stack.request()
    await waitFor('the exporter to look at the server', async () => (await stack.slots.list()).length === 2)
    await waitFor('jobs to wait for slots', async () => (await stack.queues.exports.bull.getActiveCount()) === 2)
    for (const id of left) stack.simulator.exports.finish(id)
    expect(await stack.ended(runId)).toMatchObject({ done: 4, failed: 0 })
    expect(stack.simulator.stats.outstanding.max).toBe(2)
    expect(await stack.slots.list()).toEqual([])
  })
})
