// A power cut in the middle of a run, as far as processes go; then the same command once more.

import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, type TestContext } from 'vitest'
import { assertNothingLost, type Findings } from './assert-nothing-lost.ts'
import { faultWorld, type Installation, openInstallation, untilStored } from './installation.ts'
import { findMarked } from './product-process.ts'
import type { Chance } from './seeded-random.ts'

export interface KillEverythingOptions {
  readonly entities: number
  /** Interrupted runs before the last one. */
  readonly cuts: number
  readonly strategy?: 'whole' | 'incremental'
}

/**
 * `cvat-backups backup` with its own Redis: all of it is killed, at another moment each time, then it runs to its end. Downloads
 * that a kill met in their middle are gone on with, not repeated.
 */
export async function killEverything(
  test: TestContext,
  { entities, cuts, strategy }: KillEverythingOptions,
  chance: Chance,
): Promise<Findings & { begun: number }> {
  const installation = await openInstallation({
    test,
    separate: false,
    strategy,
    world: faultWorld(entities, { bytesPerFrame: 100_000 }),
    capacity: { exportMs: () => chance.between(20, 200), bandwidthBytesPerSecond: 4_000_000 },
  })
  const { stats } = installation.simulator
  let begun = 0
  let begunBytes = 0
  for (let cut = 1; cut <= cuts; cut++) {
    const running = installation.command('backup', '--json')
    const wanted = Math.floor((entities * cut) / (cuts + 1)) + chance.between(-2, 2)
    await Promise.race([untilStored(installation, wanted), running.exited.then(endedEarly)])
    for (const pid of await findMarked(installation.mark)) killIfThere(pid)
    await running.exited
    for (const sizeBytes of await findBegun(installation.directory)) {
      begun++
      begunBytes += sizeBytes
    }
  }
  const { summary } = await installation.backup()
  const found = await assertNothingLost(installation, { summary })
  const routes = ['projects', 'tasks'].map((type) => `GET /api/${type}/{id}/backup/download`)
  const resumed = routes.reduce((total, route) => total + stats.requestCount(route, 206), 0)
  const again = stats.bytesSent - (await countBytes(installation))
  process.stdout.write(
    `${begun} downloads (${begunBytes} bytes) met by ${cuts} kills, ${resumed} resumed, ${again} bytes sent again\n`,
  )
  expect(resumed, 'downloads that were gone on with').toBeGreaterThanOrEqual(begun)
  return { ...found, begun }
}

/** It may have ended by itself since it was found. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function countBytes({ store }: Installation): Promise<number> {
  let bytes = 0
  for await (const entity of store.listEntities()) {
    for (const { record } of (await store.listRecords(entity)).archives) bytes += record.archive.sizeBytes
  }
  return bytes
}

/** Bytes of each download that was in its middle. */
export async function findBegun(directory: string): Promise<number[]> {
  const folder = join(directory, '.cvat-backups', 'partial')
  const sizes: number[] = []
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.part')) continue
    const { size } = await stat(join(folder, name))
    // What is written here, and not downloaded, has none: the project part of a snapshot.
    const origin = await readFile(join(folder, name.replace(/part$/, 'origin')), 'utf8').catch(() => undefined)
    if (origin === undefined) continue
    const { totalBytes } = JSON.parse(origin) as { totalBytes: number }
    if (size > 0 && size < totalBytes) sizes.push(size)
  }
  return sizes
}

function endedEarly(): never {
  throw new Error('The run ended before it was killed')
}
