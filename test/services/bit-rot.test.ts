import { expect, test } from 'vitest'
import { isGood } from '#shared/store/record.ts'
import { flipByte } from '../shared/store/damage.ts'
import { useRedis } from '../support/redis-server.ts'
import { startStack } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'

const redis = useRedis()

test('an archive that the disk has damaged is found by the next pass and backed up anew by the next run', async () => {
  const stack = await startStack(redis, { verifyPasses: 1 })
  expect(await stack.backUp()).toMatchObject({ failed: 0 })
  const before = await stack.archives()
  expect(await stack.backUp()).toMatchObject({ done: 0, failed: 0 })

  const [victim] = before
  await flipByte(victim!.archivePath, 100)
  // Nobody has looked yet: the record still says that all is well.
  expect(await stack.backUp()).toMatchObject({ done: 0 })
  await stack.queues.verifications.add({ name: 'pass', jobId: 'pass', payload: {} })
  await waitFor(
    'the pass to fail',
    async () => (await stack.queues.verifications.bull.getJobState('pass')) === 'failed',
  )
  const marked = (await stack.archives()).filter(({ record }) => !isGood(record))
  expect(marked.map(({ archivePath }) => archivePath)).toEqual([victim!.archivePath])

  expect(await stack.backUp()).toMatchObject({ done: 1, failed: 0 })
  const after = await stack.archives()
  expect(after).toHaveLength(before.length + 1)
  expect(after.map(({ archivePath }) => archivePath)).toContain(victim!.archivePath)
  expect(await stack.backUp()).toMatchObject({ done: 0, failed: 0 })
})
