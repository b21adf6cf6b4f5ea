// Makes Redis' job schedulers equal to the crontab: what was taken out of the file stops.

import type { DrillPayload } from '#shared/queues/drills-queue.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { RunPayload } from '#shared/queues/runs-queue.ts'
import type { SweepPayload } from '#shared/queues/sweeps-queue.ts'
import type { VerificationPayload } from '#shared/queues/verifications-queue.ts'
import type { Schedule } from './read-crontab.ts'

/** How often runs under way are looked after. */
const WATCH_EVERY_MS = 30_000
const WATCH_ID = 'watch-runs'

interface ScheduleDeps {
  readonly runs: OpenQueue<RunPayload>
  readonly sweeps: OpenQueue<SweepPayload>
  readonly verifications: OpenQueue<VerificationPayload>
  readonly drills: OpenQueue<DrillPayload>
  /** IANA name; cron's fields are read in it. */
  readonly timeZone: string
}

export async function keepSchedules(schedules: readonly Schedule[], deps: ScheduleDeps): Promise<void> {
  const wantedRuns = new Set([WATCH_ID])
  const wantedSweeps = new Set<string>()
  const wantedVerifications = new Set<string>()
  const wantedDrills = new Set<string>()
  await keepWatch(deps.runs)
  for (const schedule of schedules) {
    const repeat = { pattern: schedule.cron, tz: deps.timeZone }
    if (schedule.what === 'sweep') {
      const id = `sweep ${schedule.cron}`
      wantedSweeps.add(id)
      await deps.sweeps.bull.upsertJobScheduler(id, repeat, { name: 'all entities', data: {} })
      continue
    }
    if (schedule.what === 'verify') {
      const id = `verify ${schedule.cron}`
      wantedVerifications.add(id)
      await deps.verifications.bull.upsertJobScheduler(id, repeat, { name: 'a share of all archives', data: {} })
      continue
    }
    if (schedule.what === 'drill') {
      const id = `drill ${schedule.cron}`
      wantedDrills.add(id)
      await deps.drills.bull.upsertJobScheduler(id, repeat, { name: 'a sample of all archives', data: {} })
      continue
    }
    const { mode, full } = schedule
    const id = `backup ${mode}${full ? ' full' : ''} ${schedule.cron}`
    wantedRuns.add(id)
    const payload: RunPayload = { do: 'start-run', mode, full, trigger: 'schedule' }
    await deps.runs.bull.upsertJobScheduler(id, repeat, { name: `scheduled run, mode ${mode}`, data: payload })
  }
  await removeOthers(deps.runs, wantedRuns)
  await removeOthers(deps.sweeps, wantedSweeps)
  await removeOthers(deps.verifications, wantedVerifications)
  await removeOthers(deps.drills, wantedDrills)
}

/** Written together with the schedule: whoever has lost one has lost both. */
export async function isWatchKept(runs: Pick<OpenQueue<RunPayload>, 'bull'>): Promise<boolean> {
  return (await runs.bull.getJobScheduler(WATCH_ID)) !== undefined
}

async function keepWatch(runs: OpenQueue<RunPayload>): Promise<void> {
  const payload: RunPayload = { do: 'watch-runs' }
  const options = { removeOnComplete: true, removeOnFail: { count: 10 }, attempts: 1 }
  await runs.bull.upsertJobScheduler(
    WATCH_ID,
    { every: WATCH_EVERY_MS },
    { name: 'look after runs', data: payload, opts: options },
  )
}

async function removeOthers(queue: Pick<OpenQueue<unknown>, 'bull'>, wanted: ReadonlySet<string>): Promise<void> {
  for (const scheduler of await queue.bull.getJobSchedulers()) {
    if (scheduler?.key && !wanted.has(scheduler.key)) await queue.bull.removeJobScheduler(scheduler.key)
  }
}
