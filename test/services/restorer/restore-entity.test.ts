import { describe, expect, it, onTestFinished } from 'vitest'
import { restoreEntity } from '#services/restorer/restore-entity.ts'
import type { RestoreDeps } from '#services/restorer/restore-work.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'
import { seedBulk } from '../../simulator/seed-bulk.ts'
import type { Simulator } from '../../simulator/simulator.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import type { World } from '../../simulator/world.ts'
import { collectLogs } from '../../support/collect-logs.ts'
import { useRedis } from '../../support/redis-server.ts'
import { emptyWorld, smallWorld } from '../../support/small-world.ts'
import { openTestClient, type Stack, startStack } from '../../support/start-stack.ts'

const redis = useRedis()

describe('restoring onto an empty server', () => {
  it('brings every project and task back as it was', async () => {
    const world = smallWorld({ projects: 3, looseTasks: 2 })
    seedBulk(world, { projects: 4, tasksPerProject: 3, frames: 4 })
    const { stack, target, deps, restore } = await start(world)
    const archives = await stack.archives()
    for (const { entity } of archives) {
      const result = await restore(entity)
      expect({ entity, ...result }).toMatchObject({ differences: [] })
    }
    expect(target.world.projects.size).toBe(world.projects.size)
    expect([...target.world.projects.values()].map(({ name }) => name).sort()).toEqual(
      [...world.projects.values()].map(({ name }) => name).sort(),
    )
    expect(deps.target.url).toBe(target.url)
  })
})

async function start(world: World) {
  const stack = await startStack(redis, { world })
  await stack.backUp()
  const target = await startSimulator({ world: emptyWorld(), capacity: { exportMs: 1, basicCostMs: 0 } })
  onTestFinished(() => target.close())
  const cvat = openTestClient(target.url)
  onTestFinished(() => cvat.close())
  const deps: RestoreDeps = {
    store: stack.store,
    target: { url: target.url, cvat },
    chunkBytes: 100_000,
    importTimeoutMs: 60_000,
    now: () => new Date(),
  }
  const restore = async (entity: EntityRef, more: Partial<RestorePayload> = {}) =>
    restoreEntity(await payloadFor(stack, target, entity, more), context(), deps)
  return { stack, target, deps, restore }
}

async function payloadFor(
  stack: Stack,
  target: Simulator,
  entity: EntityRef,
  more: Partial<RestorePayload>,
): Promise<RestorePayload> {
  const [archive] = (await stack.store.listRecords(entity)).archives
  const { record } = archive!
  return {
    restoreId: 'test',
    entity,
    archive: { fileName: record.archive.fileName, sha256: record.archive.sha256 },
    name: record.observation.name,
    targetUrl: target.url,
    organization: null,
    repair: false,
    ...more,
  }
}

function context() {
  return { signal: new AbortController().signal, logger: collectLogs([]).logger, progress: async () => {} }
}
