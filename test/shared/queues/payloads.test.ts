import { expect, test } from 'vitest'
import { allQueues } from '#shared/queues/all-queues.ts'
import { backupSchema } from '#shared/queues/exports-queue.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { openAllQueues } from '../../support/start-stack.ts'

const redis = useRedis()
expectNoLeaks()

const backup = {
  backupId: '20261122T203444Z-p-1a2b3c.project-6.backup',
  runId: '20261122T203444Z-p-1a2b3c',
  series: { entity: { type: 'project', id: 6 }, content: { kind: 'backup' } },
  name: 'Straße: «1»\n',
  organization: null,
  link: 'http://cvat/projects/6',
}

test('every queue has a name that BullMQ takes, bounded history and attempts', () => {
  for (const [key, { name, jobOptions }] of Object.entries(allQueues)) {
    expect(name).toBe(key)
    expect(name).not.toContain(':')
    expect(jobOptions.attempts).toBeGreaterThan(1)
    expect(jobOptions.removeOnFail).toMatchObject({ count: expect.any(Number), age: expect.any(Number) })
    expect(jobOptions.removeOnComplete).toBeTruthy()
  }
})

test('a job of an earlier version, without the fields that came later, is still understood', () => {
  expect(backupSchema.parse(backup)).toMatchObject({ reexports: 0 })
  expect(allQueues.exports.schema.parse(backup)).toMatchObject({ reexports: 0 })
})

test('fields of a later version do no harm', () => {
  expect(() => allQueues.exports.schema.parse({ ...backup, later: { x: 1 } })).not.toThrow()
  expect(() => allQueues.sweeps.schema.parse({ entity: { type: 'task', id: 1 }, later: 1 })).not.toThrow()
})

test.each(['a:b', '../up', 'x/y', '', 'x'.repeat(161), 'a b'])('%j is no id of a backup', (backupId) => {
  expect(allQueues.exports.schema.safeParse({ ...backup, backupId }).success).toBe(false)
})

test('ids of backups are taken by BullMQ as ids of jobs', async () => {
  const queues = openAllQueues(await redis.connect())
  try {
    await queues.exports.add({
      name: backup.name,
      jobId: backup.backupId,
      payload: allQueues.exports.schema.parse(backup),
    })
    expect((await queues.exports.bull.getJob(backup.backupId))?.name).toBe(backup.name)
  } finally {
    await Promise.all(Object.values(queues).map((queue) => queue.close()))
  }
})
