// The restorer over the queue of drills: what the schedule does, and what somebody sees of it.

import { expect, it, onTestFinished } from 'vitest'
import { startRestorer } from '#services/restorer/service.ts'
import { openCvatClient } from '#shared/cvat/client.ts'
import { openMetrics } from '#shared/monitoring/open-metrics.ts'
import { drillsQueue } from '#shared/queues/drills-queue.ts'
import { openQueue } from '#shared/queues/open-queue.ts'
import { provenLevel } from '#shared/store/record.ts'
import { serverUrl } from '../../shared/store/store-fixture.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { newPrefix, useRedis } from '../../support/redis-server.ts'
import { login } from '../../support/small-world.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openRestoreFixture, storeProject } from './restore-fixture.ts'

const redis = useRedis()
expectNoLeaks()

async function start(drillSample: number, password: string = login.password) {
  const fixture = await openRestoreFixture()
  await storeProject(fixture.store, 6)
  await storeProject(fixture.store, 7)
  const prefix = newPrefix()
  const queue = openQueue(drillsQueue, await redis.connect(prefix))
  const metrics = openMetrics()
  const { url } = fixture.target
  const cvat = openCvatClient({ url, credentials: { ...login, password } })
  const service = await startRestorer({
    metrics,
    ...fixture.deps,
    target: { url, cvat, hasOwnLogin: true },
    connection: await redis.connect(prefix),
    logger: fixture.logs.logger,
    parallelRestores: 1,
    drillSample,
    serverUrl,
  })
  onTestFinished(async () => {
    await service.close()
    await queue.close()
    await cvat.close()
  })
  const drill = async () => {
    const job = await queue.bull.add('a sample', {}, { attempts: 1 })
    return waitFor('the drill to end', async () => {
      const state = await queue.bull.getJobState(job.id!)
      if (state === 'completed' || state === 'failed') return (await queue.bull.getJob(job.id!))!
      throw new Error(state)
    })
  }
  const levels = async () => {
    const ids = [6, 7]
    const listings = await Promise.all(ids.map((id) => fixture.store.listRecords({ type: 'project', id })))
    return listings.map(({ archives }) => provenLevel(archives[0]!.record))
  }
  return { ...fixture, drill, levels, metrics }
}

it('nothing is drilled unless a setting asks for it, and the log says so', async () => {
  const { drill, target, logs } = await start(0)
  expect((await drill()).returnvalue).toContain('CVAT_BACKUP_DRILL_SAMPLE')
  expect(target.imports.requests).toEqual([])
  expect(logs.text()).toContain('nothing is drilled')
})

it('each drill takes its sample, the longest undrilled first', async () => {
  const { drill, levels, present, metrics, target, logs } = await start(1)
  expect(await drill()).toMatchObject({ returnvalue: '1 archives were restored, and nothing differs' })
  expect(await levels()).toEqual(['restored', 'complete'])
  await drill()
  expect(await levels()).toEqual(['restored', 'restored'])
  const told = await metrics.render()
  const named = { source: serverUrl, target: target.url }
  expect(logs.lines.filter(({ msg }) => msg.startsWith('drilled: '))).toMatchObject([named, named])
  expect(told).toMatch(/cvat_backups_last_good_drill_timestamp_seconds 1\d{9}/)
  expect(told).toContain('cvat_backups_last_drill_bad_archives 0')
  expect(present()).toEqual([])
})

it('one that finds something fails, names it, and alarms in the log', async () => {
  const { drill, target, logs, metrics } = await start(2)
  target.faults.addImport({ times: 1, fate: { kind: 'fail', message: 'ValueError: broken\n' } })
  const job = await drill()
  expect(job.failedReason).toContain('1 of 2 archives were not restored as they should: project-6 "alpha"')
  expect(logs.text()).toContain('the drill has FAILED')
  const told = await metrics.render()
  expect(told).toContain('cvat_backups_last_good_drill_timestamp_seconds 0')
  expect(told).toContain('cvat_backups_last_drill_bad_archives 1')
})

it('a login that the target refuses is told of the target and its own settings', async () => {
  const { drill, target, logs, present } = await start(1, 'wrong')
  const job = await drill()
  expect(job.failedReason).toContain(`The target ${target.url}: `)
  expect(logs.text()).toContain('Check CVAT_RESTORE_USERNAME and CVAT_RESTORE_PASSWORD')
  expect(logs.text()).not.toContain('Check CVAT_USERNAME')
  expect(present()).toEqual([])
})
