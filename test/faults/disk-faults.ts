// What a disk can do to a run in the middle.

import { chmod, rename, rm, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, type TestContext } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import { assertNothingLost, type Findings } from './assert-nothing-lost.ts'
import { faultWorld, type Installation, openInstallation, untilStored } from './installation.ts'
import type { Chance } from './seeded-random.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

export interface DiskFaultOptions {
  readonly test: TestContext
  readonly entities: number
  readonly chance: Chance
}

/** No byte is free for `forMs` once some archives are stored; the run waits and then goes on by itself. */
export async function fillDisk(options: DiskFaultOptions, forMs: number): Promise<Findings> {
  return strikeDisk(options, async ({ path }, installation) => {
    const ballast = join(path, 'ballast')
    await writeFile(ballast, '')
    // Larger than the disk: writing ends with ENOSPC when nothing is left.
    await expect(writeFile(ballast, Buffer.alloc(64_000_000))).rejects.toThrow(/ENOSPC/)
    const told = () => installation.logs().includes('the backup directory is full')
    await waitFor('the full disk to be told', told, { timeoutMs: 60_000 })
    await sleep(forMs)
    await truncate(ballast)
    await unlink(ballast)
  })
}

/** Mounted read-only for a while, as a file system does after an error. */
export async function makeReadOnly(options: DiskFaultOptions, forMs: number): Promise<Findings> {
  return strikeDisk(options, async (disk) => {
    await waitFor('the disk to be idle for a moment', () => disk.remount('ro').then(() => true), { everyMs: 5 })
    await sleep(forMs)
    await disk.remount('rw')
  })
}

async function strikeDisk(
  { test, entities, chance }: DiskFaultOptions,
  strike: (disk: SmallDisk, installation: Installation) => Promise<void>,
): Promise<Findings> {
  const disk = await mountSmallDisk(test, 20)
  const installation = await openDiskInstallation(test, entities, chance, disk.path)
  const backup = installation.backup()
  await untilStored(installation, chance.between(1, Math.floor(entities / 3)))
  await strike(disk, installation)
  const { summary } = await backup
  return assertNothingLost(installation, { summary })
}

/** Away for a while and back, as a mount of the network may be. */
export async function loseFolder({ test, entities, chance }: DiskFaultOptions, forMs: number): Promise<Findings> {
  const installation = await openDiskInstallation(test, entities, chance)
  const backup = installation.backup()
  await untilStored(installation, chance.between(1, Math.floor(entities / 3)))
  await rename(installation.directory, `${installation.directory}.away`)
  await sleep(forMs)
  await rename(`${installation.directory}.away`, installation.directory)
  const { summary } = await backup
  return assertNothingLost(installation, { summary })
}

/** Everything is removed behind the run's back. It ends and says that it failed; the next one has all. */
export async function removeFolder({ test, entities, chance }: DiskFaultOptions): Promise<Findings> {
  const installation = await openDiskInstallation(test, entities, chance)
  const backup = installation.backup()
  await untilStored(installation, chance.between(1, Math.floor(entities / 3)))
  await rm(installation.directory, { recursive: true, maxRetries: 10 })
  const first = await backup
  expect(first.code, 'exit code of a run whose folder was removed').toBe(1)
  const { summary } = await installation.backup()
  return assertNothingLost(installation, { summary })
}

/** The services' user may not write for a while. Only where the services' user can be another than the tests'. */
export async function denyWriting({ test, entities, chance }: DiskFaultOptions, forMs: number): Promise<Findings> {
  const installation = await openDiskInstallation(test, entities, chance)
  const backup = installation.backup()
  await untilStored(installation, chance.between(1, Math.floor(entities / 3)))
  const partial = join(installation.directory, '.cvat-backups', 'partial')
  await chmod(partial, 0o500)
  await sleep(forMs)
  await chmod(partial, 0o700)
  const { summary } = await backup
  return assertNothingLost(installation, { summary })
}

function openDiskInstallation(
  test: TestContext,
  entities: number,
  chance: Chance,
  backupDir?: string,
): Promise<Installation> {
  return openInstallation({
    test,
    separate: false,
    world: faultWorld(entities, { bytesPerFrame: 40_000 }),
    capacity: { exportMs: () => chance.between(20, 300), bandwidthBytesPerSecond: 1_000_000 },
    env: { LOG_LEVEL: 'warn' },
    ...(backupDir === undefined ? {} : { backupDir }),
  })
}
