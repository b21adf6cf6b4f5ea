// A simulated CVAT behind a real nginx, which serves the exported files from the disk, as CVAT's own does.

import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { openCvatClient } from '#shared/cvat/client.ts'
import type { Series } from '#shared/model/series.ts'
import { startNginx } from './start-nginx.ts'
import { type SimulatorProcess, startSimulatorProcess } from './start-simulator-process.ts'

export interface FrontOptions {
  readonly folder: string
  readonly projects: number
  /** Of each project's archive, about. */
  readonly sizeBytes: number
  readonly bytesPerSecond?: number
  readonly signal: AbortSignal
}

export interface CvatFront extends AsyncDisposable {
  readonly url: string
  readonly simulator: SimulatorProcess
  /** The exported backup of a project, from 1 on. */
  fileOf(project: number): string
  /** Where nginx serves it. */
  urlOf(project: number): string
}

const BYTES_PER_FRAME = 400_000

export async function startFront(options: FrontOptions): Promise<CvatFront> {
  const { folder, projects, sizeBytes, bytesPerSecond, signal } = options
  const files = join(folder, 'exported')
  await mkdir(files, { recursive: true })
  const frames = Math.max(1, Math.round(sizeBytes / BYTES_PER_FRAME))
  const seed = { projects, tasksPerProject: 1, frames, bytesPerFrame: Math.round(sizeBytes / frames) }
  await using stack = new AsyncDisposableStack()
  const simulator = stack.use(await startSimulatorProcess({ seed, exportWorkers: 8 }))
  const fileOf = (project: number) => join(files, `projects-${project}.zip`)
  for (let id = 1; id <= projects; id++) await exportProject(simulator, id, fileOf(id), signal)
  const upstream = simulator.url
  const limit = bytesPerSecond === undefined ? {} : { bytesPerSecond }
  const nginx = stack.use(await startNginx(join(folder, 'nginx'), { files, upstream, ...limit }))
  const { url } = nginx
  const started = stack.move()
  return {
    url,
    simulator,
    fileOf,
    urlOf: (project) => `${url}/api/projects/${project}/backup/download`,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

async function exportProject(server: SimulatorProcess, id: number, file: string, signal: AbortSignal): Promise<void> {
  await using cvat = openCvatClient({ url: server.url, credentials: { accessToken: server.token } })
  const series: Series = { entity: { type: 'project', id }, content: { kind: 'backup' } }
  const { requestId } = await cvat.startExport(series, signal)
  for (;;) {
    const { resultUrl, status } = await cvat.getRequest(requestId, signal)
    if (status === 'failed') throw new Error(`The export of project ${id} failed`)
    if (resultUrl) {
      const { body } = await cvat.openDownload(resultUrl, {}, signal)
      await pipeline(body, createWriteStream(file), { signal })
      return
    }
    await sleep(20, undefined, { signal })
  }
}
