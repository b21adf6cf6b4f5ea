// Restores that are killed and whose connections are cut, by the command line as a person starts it.

import { expect, type TestContext } from 'vitest'
import { formatEntity } from '#shared/model/entity.ts'
import { openStore } from '#shared/store/open-store.ts'
import { observe } from '../shared/store/plan-backup.ts'
import { storeFile } from '../shared/store/store-file.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import { emptyWorld, login } from '../support/small-world.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Findings } from './assert-nothing-lost.ts'
import { type ProductProcess, readPeakMemory, spawnCommand } from './product-process.ts'
import type { Chance } from './seeded-random.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

const sourceUrl = 'https://cvat.example.org'

/** Of the report that `restore --json` prints. */
interface Report {
  readonly restored: number
  readonly differs: number
  readonly failed: number
  readonly entities: readonly { readonly result: string; readonly differences: readonly object[] }[]
}

interface Place {
  readonly directory: string
  readonly target: Simulator
  readonly wire: TcpProxy
  start(...args: string[]): ProductProcess
}

async function openPlace(test: TestContext, env: Readonly<Record<string, string>>): Promise<Place> {
  const directory = await makeTemporaryFolder()
  const target = await startSimulator({
    world: emptyWorld(),
    capacity: { exportMs: 1, importMs: 20, basicCostMs: 0, anonymousPerMinute: 100_000 },
  })
  const wire = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(target.url).port) })
  const running = new Set<ProductProcess>()
  test.onTestFinished(async () => {
    for (const one of running) await one.kill('SIGKILL')
    await wire.close()
    await target.close()
  })
  const settings = {
    CVAT_BACKUP_DIR: directory,
    CVAT_RESTORE_URL: `http://127.0.0.1:${wire.port}`,
    CVAT_RESTORE_USERNAME: login.username,
    CVAT_RESTORE_PASSWORD: login.password,
    CVAT_BACKUP_STATE_DIR: `${directory}-state`,
    ...env,
  }
  return {
    directory,
    target,
    wire,
    start(...args) {
      const started = spawnCommand(args, { env: settings, cwd: directory })
      running.add(started)
      return started
    },
  }
}

/** `restore --all` of so many projects and tasks, killed at moments drawn by chance: each is on the target once. */
export async function killRecovery(
  test: TestContext,
  { entities, kills }: { readonly entities: number; readonly kills: number },
  chance: Chance,
): Promise<Findings> {
  const { directory, target, start } = await openPlace(test, { CVAT_RESTORE_PARALLEL: '4', CVAT_RESTORE_CHUNK: '5 kB' })
  const store = openStore({ directory })
  await store.checkDirectory()
  const names = Array.from({ length: entities }, (_, index) => `thing ${index + 1}`)
  for (const [index, name] of names.entries()) {
    const isTask = index % 3 === 2
    await storeFile(store, {
      entity: { type: isTask ? 'task' : 'project', id: index + 1 },
      bytes: isTask ? 'kinds/composed_task_1.zip' : 'project_backup.zip',
      observation: { ...observe(4), name },
      serverUrl: sourceUrl,
    })
  }
  const present = () => [
    ...[...target.world.projects.values()].map(({ name }) => name),
    ...[...target.world.tasks.values()].filter(({ projectId }) => projectId === null).map(({ name }) => name),
  ]
  let peakMemoryMegabytes = 0
  for (let kill = 1; kill <= kills; kill++) {
    const running = start('restore', '--all')
    const goal = Math.floor((entities * kill) / (kills + 1))
    await waitFor(`${goal} to be there`, () => present().length >= goal || running.hasEnded(), { timeoutMs: 600_000 })
    await new Promise((resolve) => setTimeout(resolve, chance.between(0, 300)))
    peakMemoryMegabytes = Math.max(peakMemoryMegabytes, await readPeakMemory(running.child.pid))
    expect((await running.kill('SIGKILL')).signal).toBe('SIGKILL')
  }
  const last = start('restore', '--all', '--json')
  expect(await last.exited).toMatchObject({ code: 0 })
  const report = JSON.parse(last.stdout()) as Report
  expect(report).toMatchObject({ restored: entities, differs: 0, failed: 0 })
  expect(present().sort()).toEqual(names.sort())
  expect(target.stats.errors).toEqual([])
  return { archives: present().length, lost: [], torn: [], doubled: [], peakMemoryMegabytes }
}

export interface StruckUpload {
  readonly sizeBytes: number
  readonly sentBytes: number
  readonly sentTwiceBytes: number
  readonly cuts: number
  readonly kills: number
  readonly seconds: number
  /** The largest resident set of the restoring processes. */
  readonly peakMegabytes: number
}

/** One large archive, its connections cut and its processes killed at bytes drawn by chance. */
export async function strikeUpload(
  test: TestContext,
  about: { readonly sizeBytes: number; readonly chunkBytes: number; readonly cuts: number; readonly kills: number },
  chance: Chance,
): Promise<StruckUpload> {
  const { sizeBytes, chunkBytes, cuts, kills } = about
  const { directory, target, wire, start } = await openPlace(test, { CVAT_RESTORE_CHUNK: `${chunkBytes} B` })
  const source = emptyWorld()
  const frames = 64
  const bytesPerFrame = Math.ceil(sizeBytes / frames)
  const { id } = source.addProject({ name: 'large' })
  source.addTask({ projectId: id, name: 'large task', frames, bytesPerFrame })
  const server = await startSimulator({ world: source, capacity: { exportMs: 1, basicCostMs: 0 } })
  test.onTestFinished(() => server.close())
  const env = {
    CVAT_URL: server.url,
    CVAT_USERNAME: login.username,
    CVAT_PASSWORD: login.password,
    CVAT_BACKUP_DIR: directory,
    CVAT_BACKUP_STATE_DIR: `${directory}-state`,
  }
  const backup = spawnCommand(['backup', '--project', String(id)], { env, cwd: directory })
  const backedUp = await backup.exited
  expect({ ...backedUp, stderr: backup.stderr() }).toMatchObject({ code: 0 })
  const [archive] = (await openStore({ directory }).listRecords({ type: 'project', id })).archives
  const archiveBytes = archive!.record.archive.sizeBytes

  let running: ProductProcess
  let peakMegabytes = 0
  const strikes = Array.from({ length: cuts + kills }, (_, index) => ({
    atBytes: chance.between(1, archiveBytes - 1),
    isKill: index < kills,
  })).sort((a, b) => a.atBytes - b.atBytes)
  const struck = { cuts: 0, kills: 0 }
  wire.onSent = () => {
    const next = strikes[0]
    if (!next || wire.sentBytes < next.atBytes) return
    strikes.shift()
    if (next.isKill) {
      struck.kills++
      running.child.kill('SIGKILL')
    } else {
      struck.cuts++
      wire.cutAll()
    }
  }
  const startedAtMs = performance.now()
  for (;;) {
    running = start('restore', formatEntity({ type: 'project', id }), '--json')
    const watch = setInterval(async () => {
      peakMegabytes = Math.max(peakMegabytes, await readPeakMemory(running.child.pid))
    }, 200)
    const { signal, code } = await running.exited
    clearInterval(watch)
    if (signal === 'SIGKILL') continue
    expect({ code, stderr: running.stderr() }).toMatchObject({ code: 0 })
    break
  }
  const seconds = Math.round((performance.now() - startedAtMs) / 100) / 10
  expect(JSON.parse(running.stdout())).toMatchObject({ restored: 1, differs: 0, failed: 0 })
  expect([...target.world.projects.values()].map(({ name }) => name)).toEqual(['large'])
  expect(struck).toEqual({ cuts, kills })
  const sentTwiceBytes = wire.sentBytes - archiveBytes
  // Headers of some hundred requests are in it too.
  expect(sentTwiceBytes).toBeLessThan((cuts + kills) * chunkBytes + 1e6)
  return { sizeBytes: archiveBytes, sentBytes: wire.sentBytes, sentTwiceBytes, ...struck, seconds, peakMegabytes }
}
