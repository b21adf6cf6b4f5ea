// Archives in a store, a simulated server to restore them to, and the restorer's handler between the two.

import { onTestFinished } from 'vitest'
import { noteFailure } from '#services/restorer/note-failure.ts'
import { restoreEntity } from '#services/restorer/restore-entity.ts'
import type { RestoreContext, RestoreDeps } from '#services/restorer/restore-work.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { observe } from '../../shared/store/plan-backup.ts'
import { storeFile } from '../../shared/store/store-file.ts'
import { openTestStore } from '../../shared/store/store-fixture.ts'
import type { Capacity } from '../../simulator/capacity.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type CollectedLogs, collectLogs } from '../../support/collect-logs.ts'
import { emptyWorld, login } from '../../support/small-world.ts'
import { openTestClient } from '../../support/start-stack.ts'

export interface RestoreFixture {
  readonly store: Store
  readonly target: Simulator
  readonly deps: RestoreDeps
  readonly logs: CollectedLogs
  /** All progress that was told. */
  readonly told: object[]
  /** One run of the handler, as a job or a command makes it. */
  restore(archive: StoredArchive, more?: Partial<RestorePayload>, signal?: AbortSignal): Promise<RestoreResultLike>
  /** Names of all projects and tasks outside projects on the target. */
  present(): string[]
}

type RestoreResultLike = Awaited<ReturnType<typeof restoreEntity>>

export async function openRestoreFixture(
  capacity: Partial<Capacity> = {},
  more: Partial<RestoreDeps> = {},
): Promise<RestoreFixture> {
  const store = more.store ?? (await openTestStore())
  const target = await startSimulator({
    world: emptyWorld(),
    capacity: { exportMs: 1, importMs: 1, basicCostMs: 0, anonymousPerMinute: 10_000, ...capacity },
  })
  onTestFinished(() => target.close())
  const logs = collectLogs([login.password])
  const cvat = openTestClient(target.url, logs)
  onTestFinished(() => cvat.close())
  const deps: RestoreDeps = {
    store,
    target: { url: target.url, cvat },
    chunkBytes: 3000,
    importTimeoutMs: 60_000,
    settleMs: 1,
    now: () => new Date(),
    ...more,
  }
  const told: object[] = []
  return {
    store,
    target,
    deps,
    logs,
    told,
    async restore(archive, change = {}, signal = new AbortController().signal) {
      const payload = describePayload(archive, target, change)
      const context: RestoreContext = {
        signal,
        logger: logs.logger,
        progress: async (progress) => {
          told.push(progress)
        },
      }
      try {
        return await restoreEntity(payload, context, deps)
      } catch (error) {
        if (!signal.aborted) await noteFailure(payload, error, store, new Date())
        throw error
      }
    },
    present: () =>
      [
        ...target.world.projects.values(),
        ...[...target.world.tasks.values()].filter(({ projectId }) => projectId === null),
      ].map(({ name }) => name),
  }
}

export function describePayload(
  { entity, record }: StoredArchive,
  target: Pick<Simulator, 'url'>,
  more: Partial<RestorePayload> = {},
): RestorePayload {
  const { fileName, sha256 } = record.archive
  return {
    restoreId: 'test',
    entity,
    archive: { fileName, sha256 },
    name: record.observation.name,
    targetUrl: target.url,
    organization: null,
    repair: false,
    ...more,
  }
}

/** A project of two tasks of a real CVAT, called `alpha` in its record: 22,654 bytes. */
export async function storeProject(store: Store, id = 6): Promise<StoredArchive> {
  const bytes = 'project_backup_non_ascii_name.zip'
  return storeFile(store, { entity: { type: 'project', id }, bytes, observation: { ...observe(3, 3), name: 'alpha' } })
}
