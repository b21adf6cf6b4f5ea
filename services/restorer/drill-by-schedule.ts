// One job of the drills queue: the drill of the schedule.

import type { DrillPayload } from '#shared/queues/drills-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import { checkTarget } from './check-target.ts'
import { chooseDrills } from './choose-drills.ts'
import type { RestoreDeps } from './restore-work.ts'
import { assertDrilled, makeDrillId, runDrill } from './run-drill.ts'

export interface ScheduledDrillDeps extends RestoreDeps {
  /** CVAT_BACKUP_DRILL_SAMPLE. */
  readonly sample: number
  /** Whose archives; normalised. */
  readonly source: string
}

/** May run twice and be killed anywhere. @throws BackupError `drill-failed` naming what was found, which is the alarm */
export async function drillBySchedule(
  payload: DrillPayload,
  context: JobContext<DrillPayload>,
  deps: ScheduledDrillDeps,
): Promise<string> {
  const { sample, source, store, target } = deps
  if (sample === 0) {
    context.logger.info('nothing is drilled: CVAT_BACKUP_DRILL_SAMPLE is 0')
    return 'nothing: CVAT_BACKUP_DRILL_SAMPLE is 0'
  }
  const drillId = payload.drillId ?? makeDrillId(deps.now())
  if (payload.drillId === undefined) await context.save({ ...payload, drillId })
  const { version } = await checkTarget(target, context.signal)
  // An earlier attempt of this job has done a part of it.
  const earlier = (await store.readDrillReport(drillId))?.archives.filter(({ result }) => result !== 'failed') ?? []
  const entities = await chooseDrills(store, source, Math.max(0, sample - earlier.length), context.signal)
  const logger = context.logger.child({ drill: drillId, source })
  logger.info({ version, archives: entities.length }, 'drilling')
  const report = await runDrill({ drillId, source, targetVersion: version, entities }, { ...context, logger }, deps)
  assertDrilled(report)
  return `${report.archives.length} archives were restored, and nothing differs`
}
