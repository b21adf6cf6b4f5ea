// The product's own processes, killed and stopped in the middle of a large download.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, type TestContext, test } from 'vitest'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { type Installation, openInstallation } from '../../faults/installation.ts'
import { emptyWorld } from '../../support/small-world.ts'
import { waitFor } from '../../support/wait-for.ts'

const MB = 1_000_000
const SIZE_MB = 50
const STOP_MB = 30
const route = '/api/projects/{id}/backup/download'

/** An installation whose first download stands still after 30 of 50 MB. */
async function openWithStall(context: TestContext, separate: boolean) {
  const world = emptyWorld()
  const { id } = world.addProject({ name: 'large' })
  world.addTask({ projectId: id, name: 'pictures', frames: SIZE_MB, bytesPerFrame: MB })
  const installation = await openInstallation({ test: context, world, separate, capacity: { exportMs: 10 } })
  const stall = installation.simulator.faults.add({ route, fault: { kind: 'stall', afterBytes: STOP_MB * MB } })
  return { installation, stall }
}

async function partials({ directory }: Installation): Promise<string[]> {
  return readdir(join(directory, '.cvat-backups/partial')).catch(() => [])
}

async function untilPartBytes(installation: Installation, bytes: number): Promise<void> {
  await waitFor(
    `${bytes} bytes on the disk`,
    async () => {
      const part = (await partials(installation)).find((name) => name.endsWith('.part'))
      return part && (await stat(join(installation.directory, '.cvat-backups/partial', part))).size >= bytes
    },
    { timeoutMs: 60_000 },
  )
}

test('a downloader that is stopped hands a large download over: the next one fetches the rest alone', async (context) => {
  const { installation, stall } = await openWithStall(context, true)
  await installation.startAll()
  const run = installation.backup()
  await untilPartBytes(installation, STOP_MB * MB)
  const stopped = await installation.services.get('downloader')!.kill('SIGTERM')
  expect(stopped.code).toBe(0)
  stall.remove()
  installation.simulator.stats.bytesSent = 0
  await installation.start('downloader')
  expect((await run).summary).toMatchObject({ done: 1, failed: 0 })
  expect(installation.simulator.stats.bytesSent).toBeLessThan((SIZE_MB - STOP_MB + 1) * MB)
  expect(await partials(installation)).toEqual([])
}, 180_000)

test('a downloader that is killed loses nothing of a large download', async (context) => {
  const { installation, stall } = await openWithStall(context, true)
  await installation.startAll()
  const run = installation.backup()
  await untilPartBytes(installation, STOP_MB * MB)
  await installation.services.get('downloader')!.kill('SIGKILL')
  await expireLocks(installation)
  stall.remove()
  installation.simulator.stats.bytesSent = 0
  await installation.start('downloader')
  expect((await run).summary).toMatchObject({ done: 1, failed: 0 })
  expect(installation.simulator.stats.bytesSent).toBeLessThan((SIZE_MB - STOP_MB + 1) * MB)
  expect(await partials(installation)).toEqual([])
}, 180_000)

test('`backup` that was interrupted leaves nothing that the next one does not remove', async (context) => {
  const { installation, stall } = await openWithStall(context, false)
  const interrupted = installation.command('backup', '--json')
  await untilPartBytes(installation, STOP_MB * MB)
  await interrupted.kill('SIGINT')
  stall.remove()
  const { code, summary } = await installation.backup()
  expect(code).toBe(0)
  expect(summary).toMatchObject({ done: 1, failed: 0 })
  expect(await partials(installation)).toEqual([])
}, 180_000)

/** As if the half minute had passed after which a dead worker's jobs are given to others. */
async function expireLocks({ redis }: Installation): Promise<void> {
  const connection = await connectRedis(redis.address)
  try {
    const locks = await connection.keys('*:downloads:*:lock')
    expect(locks).toHaveLength(1)
    const [, queue, jobId] = /^(.*:downloads):(.*):lock$/.exec(locks[0]!)!
    await connection.del(locks[0]!, `${queue}:stalled-check`)
    await connection.sadd(`${queue}:stalled`, jobId!)
  } finally {
    connection.disconnect()
  }
}
