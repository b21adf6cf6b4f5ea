import { rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { useRedis } from '../../support/redis-server.ts'
import { startStack } from '../../support/start-stack.ts'

const redis = useRedis()

test('a run whose summary cannot be written ends all the same, and the log has it', async () => {
  const stack = await startStack(redis)
  const runs = join(stack.directory, '.cvat-backups', 'runs')
  await rmdir(runs)
  await writeFile(runs, 'a file where the folder should be')

  expect(await stack.backUp()).toMatchObject({ ok: true, done: 1 })

  const line = stack.logs.lines.find(({ msg }) => msg.includes('its summary could not be written'))
  expect(line).toMatchObject({ level: 'error', done: 1, err: { code: 'not-a-directory' } })
})
