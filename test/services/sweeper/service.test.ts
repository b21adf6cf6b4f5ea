import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startSweeper } from '#services/sweeper/service.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import { openStore } from '#shared/store/open-store.ts'
import { interfere, systemError } from '../../shared/store/interfere.ts'
import { storeArchive } from '../../shared/store/store-fixture.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { smallWorld } from '../../support/small-world.ts'
import { type Stack, startStack } from '../../support/start-stack.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

const projects: readonly EntityRef[] = [1, 2, 3].map((id) => ({ type: 'project', id }))
const rules = { ttlMs: 0, minBackups: 1 }

/** Three archives of each of three projects, of which the rules keep one. */
async function openSwept() {
  const stack = await startStack(redis, { services: [], rules })
  for (const entity of projects) {
    for (const day of [11, 12, 13]) {
      const backupId = `run-${day}.project-${entity.id}.backup`
      const createdAt = `2024-11-${day}T12:00:00.000Z`
      await storeArchive(stack.store, { entity, createdAt, backupId, seed: backupId })
    }
  }
  return stack
}

async function counts({ store }: Stack): Promise<number[]> {
  const listings = await Promise.all(projects.map((entity) => store.listRecords(entity)))
  return listings.map(({ archives }) => archives.length)
}

describe('the sweeper', () => {
  test('sweeps after a download that entity and no other', async () => {
    const stack = await openSwept()
    await stack.start('sweeper')
    await stack.queues.sweeps.add({ name: 'x', jobId: 'x', payload: { entity: projects[1]! } })
    await waitFor('the sweep to end', async () => (await stack.queues.sweeps.bull.getJobState('x')) === 'completed')
    expect(await counts(stack)).toEqual([3, 1, 3])
    const removals = () => stack.logs.lines.filter(({ msg }) => msg === 'archive removed')
    // A removal is logged after it was done.
    await waitFor('a word about both', () => removals().length >= 2)
    expect(removals()).toHaveLength(2)
  })

  test('sweeps everything when no entity is named', async () => {
    const stack = await openSwept()
    await stack.start('sweeper')
    await stack.queues.sweeps.add({ name: 'all', jobId: 'all', payload: {} })
    await waitFor('the sweep to end', async () => (await stack.queues.sweeps.bull.getJobState('all')) === 'completed')
    expect(await counts(stack)).toEqual([1, 1, 1])
    expect((await stack.queues.sweeps.bull.getJob('all'))?.returnvalue).toBe('6 removed of 3 entities')
  })

  test('goes on past a folder that it cannot read, says which, and fails in the end', async () => {
    const stack = await openSwept()
    const files = interfere(({ name, path }) => {
      if (name === 'readdir' && path.endsWith('project-2')) throw systemError('EIO')
    })
    const sweeper = await startSweeper({
      connection: await redis.connect(stack.connection.prefix),
      store: openStore({ directory: stack.directory, files }),
      logger: stack.logs.logger,
      rules,
      verifyPasses: 1,
    })
    onTestFinished(() => sweeper.close())
    await stack.queues.sweeps.add({ name: 'all', jobId: 'all', payload: {}, options: { attempts: 1 } })
    await waitFor('the sweep to end', async () => (await stack.queues.sweeps.bull.getJobState('all')) === 'failed')
    expect(await counts(stack)).toEqual([1, 3, 1])
    expect((await stack.queues.sweeps.bull.getJob('all'))?.failedReason).toContain('project-2')
  })

  test('removes what dead downloads have left, and nothing of one that goes on', async () => {
    const stack = await openSwept()
    for (const backupId of ['dead.project-1.backup', 'alive.project-2.backup']) {
      await (await stack.store.createPartial(backupId)).finish()
    }
    const series = 'project-2.backup'
    const backupId = `alive.${series}`
    await stack.claims.hold({ series, backupId, runId: 'alive', queue: 'downloads', jobId: backupId })
    await stack.start('sweeper')
    await stack.queues.sweeps.add({ name: 'all', jobId: 'all', payload: {} })
    await waitFor('the sweep to end', async () => (await stack.queues.sweeps.bull.getJobState('all')) === 'completed')
    const left = await readdir(join(stack.directory, '.cvat-backups/partial'))
    expect(left).toEqual([expect.stringContaining('alive.project-2')])
  })

  test('that is stopped in the middle hands its job back', async () => {
    const stack = await openSwept()
    const started = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const files = interfere(async ({ name }) => {
      if (name !== 'unlink') return
      started.resolve()
      await go.promise
    })
    const sweeper = await startSweeper({
      connection: await redis.connect(stack.connection.prefix),
      store: openStore({ directory: stack.directory, files }),
      logger: stack.logs.logger,
      rules,
      verifyPasses: 1,
    })
    await stack.queues.sweeps.add({ name: 'all', jobId: 'all', payload: {} })
    await started.promise
    const closed = sweeper.close()
    go.resolve()
    await closed
    expect(await stack.queues.sweeps.bull.getJobState('all')).toBe('waiting')
    await stack.start('sweeper')
    await waitFor('the sweep to end', async () => (await stack.queues.sweeps.bull.getJobState('all')) === 'completed')
    expect(await counts(stack)).toEqual([1, 1, 1])
  })
})

test('a run keeps of each entity as many archives as the rules say', async () => {
  const stack = await startStack(redis, { world: smallWorld({ projects: 2 }), rules: { ttlMs: 0, minBackups: 2 } })
  for (let times = 1; times <= 3; times++) {
    expect(await stack.backUp({ full: true })).toMatchObject({ done: 2, failed: 0 })
    // Names of archives tell the second, and no two runs of a person come closer.
    stack.world.renameProject(1, `renamed ${times}`)
  }
  await waitFor('the sweeps', async () => (await stack.archives()).length === 4)
})
