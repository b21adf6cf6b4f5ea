// A finished export at a simulated server, a store, and what fetches the one into the other: no queue.

import { onTestFinished } from 'vitest'
import { type FetchDeps, type FetchedFile, fetchFile, type WantedFile } from '#services/downloader/fetch-file.ts'
import { type CvatClient, openCvatClient } from '#shared/cvat/client.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { makeTemporaryFolder } from '../../shared/store/temporary-folder.ts'
import type { Capacity } from '../../simulator/capacity.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { emptyWorld, login } from '../../support/small-world.ts'
import { waitFor } from '../../support/wait-for.ts'

export const downloadRoute = '/api/projects/{id}/backup/download'
export const backupId = 'run-1.project-1.backup'

/** A disk without end. */
export const boundlessRoom: FetchDeps['room'] = {
  promise: async () => ({ advance: async () => undefined, [Symbol.dispose]: () => undefined }),
}

export interface FetchOptions {
  readonly frames?: number
  readonly bytesPerFrame?: number
  readonly capacity?: Partial<Capacity>
  readonly bodyMs?: number
}

export interface FetchFixture {
  readonly simulator: Simulator
  readonly store: Store
  readonly cvat: CvatClient
  readonly wanted: WantedFile
  /** Of the export's file. */
  readonly sizeBytes: number
  /** Exports once more, which touches the file: its ETag moves. */
  exportAgain(): Promise<void>
  fetch(signal?: AbortSignal, deps?: Partial<FetchDeps>): Promise<FetchedFile>
}

export async function openFetch(options: FetchOptions = {}): Promise<FetchFixture> {
  const { frames = 10, bytesPerFrame = 100_000, capacity, bodyMs = 2_000 } = options
  const world = emptyWorld()
  const { id } = world.addProject({ name: 'large' })
  world.addTask({ projectId: id, name: 'pictures', frames, bytesPerFrame })
  const simulator = await startSimulator({ world, capacity: { exportMs: 1, basicCostMs: 0, ...capacity } })
  onTestFinished(() => simulator.close())
  const cvat = openClient(simulator.url, bodyMs)
  onTestFinished(() => cvat.close())
  const store = openStore({ directory: await makeTemporaryFolder() })
  await store.checkDirectory()
  const askedAt = new Date().toISOString()
  const resultUrl = await exportProject(cvat)
  const wanted: WantedFile = { backupId, resultUrl, askedAt }
  const probe = await cvat.openDownload(resultUrl, {}, AbortSignal.timeout(5_000))
  probe.body.destroy()
  await waitFor('the probe to end', () => simulator.stats.downloads.current === 0)
  simulator.stats.bytesSent = 0
  return {
    simulator,
    store,
    cvat,
    wanted,
    sizeBytes: probe.totalBytes ?? 0,
    async exportAgain() {
      simulator.world.clock.advance(5_000)
      await exportProject(cvat)
    },
    fetch: (signal = AbortSignal.timeout(60_000), deps = {}) =>
      fetchFile(wanted, { cvat, store, room: boundlessRoom, onProgress: () => undefined, ...deps }, signal),
  }
}

export function openClient(url: string, bodyMs: number): CvatClient {
  return openCvatClient({
    url,
    credentials: login,
    retry: { attempts: 3, baseMs: 5, maxMs: 20 },
    timeouts: { bodyMs },
  })
}

async function exportProject(cvat: CvatClient): Promise<string> {
  const signal = AbortSignal.timeout(60_000)
  const series = { entity: { type: 'project', id: 1 }, content: { kind: 'backup' } } as const
  const { requestId } = await cvat.startExport(series, signal)
  return waitFor('the export to finish', async () => {
    const request = await cvat.getRequest(requestId, signal)
    return request.status === 'finished' ? request.resultUrl : undefined
  })
}
