import { DelayedError, WaitingError } from 'bullmq'
import { expect, test } from 'vitest'
import { BackupError } from '#shared/errors/backup-error.ts'
import { openMetrics } from '#shared/monitoring/open-metrics.ts'
import { countJob, failForGood } from '#shared/service/count-job.ts'
import { sampleOf } from '../../support/monitoring-client.ts'

const disk = new BackupError('full', { code: 'disk-full', retryable: true })

test.each([
  ['completed', undefined, undefined],
  ['failed', failForGood('full', disk), { code: 'disk-full', retried: 'false' }],
  ['failed', failForGood('oh', new TypeError('oh')), { code: 'unexpected', retried: 'false' }],
  ['retried', new Error('full', { cause: disk }), { code: 'disk-full', retried: 'true' }],
  ['postponed', new DelayedError(), undefined],
  ['returned', new WaitingError(), undefined],
])('a handling that is %s is counted once, with its code', async (result, error, failure) => {
  const metrics = openMetrics()
  metrics.jobs.open('exports')
  const run = () => (error ? Promise.reject(error) : Promise.resolve('done'))
  const handling = countJob('exports', metrics.jobs, run, () => false)
  await (error ? expect(handling).rejects.toBe(error) : expect(handling).resolves.toBe('done'))
  const text = await metrics.render()
  for (const each of ['completed', 'failed', 'retried', 'postponed', 'returned', 'lost']) {
    expect(sampleOf(text, 'cvat_backups_jobs_total', { queue: 'exports', result: each })).toBe(each === result ? 1 : 0)
  }
  expect(sampleOf(text, 'cvat_backups_jobs_active', { queue: 'exports' })).toBe(0)
  expect(sampleOf(text, 'cvat_backups_job_duration_seconds_count', { queue: 'exports' })).toBe(1)
  expect(sampleOf(text, 'cvat_backups_job_failures_total', failure ?? {})).toBe(failure ? 1 : undefined)
})

test('what another worker has taken over is neither failed nor retried here', async () => {
  const metrics = openMetrics()
  const run = () => Promise.reject(new Error('aborted'))
  await expect(countJob('exports', metrics.jobs, run, () => true)).rejects.toThrow('aborted')
  const text = await metrics.render()
  expect(sampleOf(text, 'cvat_backups_jobs_total', { result: 'lost' })).toBe(1)
  expect(text).not.toContain('cvat_backups_job_failures_total{')
})
