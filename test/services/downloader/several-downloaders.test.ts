import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { useRedis } from '../../support/redis-server.ts'
import { smallWorld } from '../../support/small-world.ts'
import { startStack } from '../../support/start-stack.ts'

const redis = useRedis()

// In one process they have the same process id and host name, as downloaders in containers (1 each) may.
test('downloaders that cannot be told apart by their process share a backup directory', async () => {
  const stack = await startStack(redis, { world: smallWorld({ projects: 12, looseTasks: 3 }), parallelDownloads: 2 })
  for (const name of ['second', 'third']) await stack.start('downloader', name)
  expect(await stack.backUp()).toMatchObject({ ok: true, done: 15 })
  // The same backups once more, so that each downloader meets what the others have stored.
  expect(await stack.backUp({ full: true })).toMatchObject({ ok: true, done: 15 })
  expect(new Set((await stack.archives()).map(({ entity }) => `${entity.type} ${entity.id}`)).size).toBe(15)
  expect(await readdir(join(stack.directory, '.cvat-backups', 'partial'))).toEqual([])
})
