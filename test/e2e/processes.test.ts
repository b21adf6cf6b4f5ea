// The services as processes of their own, several of most, as containers run them.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { connectRedis, type RedisClient } from '#shared/redis/connect-redis.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { openInstallation } from '../support/installation.ts'
import type { ProductProcess } from '../support/product-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { login, smallWorld } from '../support/small-world.ts'
import { waitFor } from '../support/wait-for.ts'

expectNoLeaks()

const replicas = ['scheduler', 'exporter', 'exporter', 'downloader', 'downloader', 'downloader', 'sweeper']
const parallelExports = 3

async function startReplicas(world: Parameters<typeof openInstallation>[0]['world']) {
  const server = await startRedis()
  onTestFinished(() => server.close())
  const redis = await connectRedis(server.address)
  onTestFinished(() => redis.disconnect())
  const installation = await openInstallation({
    world,
    capacity: { exportMs: 10 },
    env: {
      REDIS_URL: server.address.url,
      CVAT_BACKUP_PARALLEL_EXPORTS: String(parallelExports),
      LOG_LEVEL: 'trace',
      LOG_FORMAT: 'json',
    },
  })
  const crontab = join(installation.folder, 'crontab')
  await writeFile(crontab, '0 0 1 1 * backup --mode p\n')
  const start = (name: string) => installation.startService(name, { CVAT_BACKUP_SCHEDULE_FILE: crontab })
  // One after another where they would only get in each other's way on a small machine.
  const services: { name: string; process: ProductProcess }[] = []
  for (const name of replicas) services.push({ name, process: start(name) })
  await Promise.all(services.map(({ name, process }) => process.says(`${name} is ready`)))
  return { ...installation, server, redis, services, startService: start }
}

test('seven processes back up a server as one does, hide its secrets, and stop when they are told', {
  timeout: 600_000,
}, async () => {
  const stack = await startReplicas(smallWorld({ projects: 24, looseTasks: 6 }))
  const ended = await stack.run(['backup'])
  expect(ended).toMatchObject({ code: 0 })
  expect(ended.stdout).toContain('30 backed up')
  expect(await stack.inspect()).toMatchObject({ good: { length: 30 }, faults: [] })
  expect(stack.simulator.stats.exports).toHaveLength(30)
  expect(stack.simulator.stats.outstanding.max).toBeLessThanOrEqual(parallelExports)
  expect(await stack.run(['backup'])).toMatchObject({ code: 0, stdout: expect.stringContaining('30 unchanged') })

  // The simulated server has given this key at the login; both must be nowhere.
  const secrets = [login.password, stack.world.findUser(login.username)!.loginKey!]
  expect(secrets[1]).toMatch(/^\w{40}$/)
  const said = stack.services.map(({ process }) => process.output()).join('') + ended.stdout + ended.stderr
  const texts = [said, ...(await readEverything(stack.redis)), ...(await readRecords(stack.directory))]
  for (const secret of [...secrets, Buffer.from(`${login.username}:${login.password}`).toString('base64')]) {
    expect(texts.filter((text) => text.includes(secret))).toEqual([])
  }

  // Work in every stage, then the order to stop.
  stack.world.renameProject(1, 'downloads for ever')
  for (let id = 2; id <= 12; id++) stack.world.renameProject(id, `exports for ever ${id}`)
  stack.simulator.faults.add({
    route: '/api/projects/{id}/backup/download',
    fault: { kind: 'stall', afterBytes: 500 },
  })
  stack.simulator.faults.addExport({ entity: { type: 'project', id: 12 }, fate: { kind: 'hold' } })
  const follower = stack.start(['backup'])
  await waitFor('downloads to be in their middle', () => stack.simulator.stats.downloads.current >= 3)
  const startedAt = performance.now()
  for (const { process } of stack.services) process.kill('SIGTERM')
  for (const { name, process } of stack.services) {
    expect({ name, ...(await process.ended) }).toMatchObject({ name, code: 0 })
  }
  expect(performance.now() - startedAt).toBeLessThan(10_000)
  const active = await Promise.all(
    ['exports', 'downloads'].map((name) => stack.redis.llen(`{cvat-backups}:${name}:active`)),
  )
  expect(active).toEqual([0, 0])

  // Others take the work up, and the one who asked for it hears its end.
  stack.simulator.faults.clear()
  stack.simulator.exports.finish('action=export&target=project&target_id=12&user_id=1&subresource=backup')
  for (const name of ['scheduler', 'exporter', 'downloader', 'sweeper']) stack.startService(name)
  expect(await follower.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('12 backed up') })
  expect(await stack.inspect()).toMatchObject({ good: { length: 42 }, faults: [] })
  expect(stack.simulator.stats.outstanding.max).toBeLessThanOrEqual(parallelExports)
})

test('the work of killed processes is finished by the others', { timeout: 600_000 }, async () => {
  const stack = await startReplicas(smallWorld({ projects: 12 }))
  stack.simulator.exports.pause()
  const follower = stack.start(['backup'])
  // And noted: an exporter that dies between asking and noting asks once more, which costs an export and nothing else.
  await waitFor('exports to be at the server', async () => {
    const active = await stack.redis.lrange('{cvat-backups}:exports:active', 0, -1)
    const jobs = await Promise.all(active.map((id) => stack.redis.hget(`{cvat-backups}:exports:${id}`, 'data')))
    return jobs.filter((data) => data?.includes('"requestId"')).length === parallelExports
  })
  const [downloader, ...otherDownloaders] = stack.services.filter(({ name }) => name === 'downloader')
  const exportersAndScheduler = stack.services.filter(({ name }) => name === 'exporter' || name === 'scheduler')
  const victims = [downloader!, ...exportersAndScheduler].map(({ process }) => process)
  for (const victim of victims) victim.kill('SIGKILL')
  await Promise.all(victims.map((victim) => victim.ended))
  // As if half a minute had passed: the locks of the dead expire. Nobody who lives has one yet.
  for (const key of await stack.redis.keys('{cvat-backups}:*:lock')) await stack.redis.del(key)
  for (const name of ['scheduler', 'exporter', 'exporter']) stack.startService(name)
  stack.simulator.exports.resume()
  expect(await follower.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('12 backed up') })
  expect(await stack.inspect()).toMatchObject({ good: { length: 12 }, faults: [] })
  expect(stack.simulator.stats.exports).toHaveLength(12)
  expect(stack.simulator.stats.outstanding.max).toBeLessThanOrEqual(parallelExports)
  expect(otherDownloaders.map(({ process }) => process.hasEnded())).toEqual([false, false])
})

/** Every key and value of Redis as text. */
async function readEverything(redis: RedisClient): Promise<string[]> {
  const texts: string[] = []
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key)
    const value =
      type === 'hash'
        ? await redis.hgetall(key)
        : type === 'list'
          ? await redis.lrange(key, 0, -1)
          : type === 'set'
            ? await redis.smembers(key)
            : type === 'zset'
              ? await redis.zrange(key, 0, -1)
              : type === 'stream'
                ? await redis.xrange(key, '-', '+')
                : await redis.get(key)
    texts.push(`${key} ${JSON.stringify(value)}`)
  }
  expect(texts.length).toBeGreaterThan(50)
  return texts
}

async function readRecords(directory: string): Promise<string[]> {
  const files = await readdir(directory, { recursive: true })
  const records = files.filter((name) => /\.(nd)?json$/.test(name))
  expect(records.length).toBeGreaterThan(30)
  return Promise.all(records.map((name) => readFile(join(directory, name), 'utf8')))
}
