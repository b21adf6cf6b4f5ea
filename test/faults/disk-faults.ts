// What a disk can do to a run in the middle.

import { chmod, readFile, rename, rm, truncate, unlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, type TestContext } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import { assertNothingLost, type Findings } from './assert-nothing-lost.ts'
import { mountFailingDisk } from './failing-disk.ts'
import { faultWorld, type Installation, openInstallation, untilStored } from './installation.ts'
import { findBegun } from './kill-everything.ts'
import { findPlainUser } from './product-process.ts'
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
    const { exports } = installation.simulator
    // Else the run may be over before the disk is full.
    exports.pause()
    const ballast = join(path, 'ballast')
    await writeFile(ballast, '')
    // Larger than the disk: writing ends with ENOSPC when nothing is left.
    await expect(writeFile(ballast, Buffer.alloc(64_000_000))).rejects.toThrow(/ENOSPC/)
    exports.resume()
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

/**
 * Writes are lost for a while, as the fsync behind them says once and never again. Looked at past the kernel's cache: what is
 * only in memory is not stored.
 */
export async function loseWrites({ test, entities, chance }: DiskFaultOptions, forMs: number): Promise<Findings> {
  const disk = await mountFailingDisk(test)
  const installation = await openDiskInstallation(test, entities, chance, join(disk.path, 'backups'))
  const backup = installation.backup()
  await untilStored(installation, chance.between(1, Math.floor(entities / 3)))
  // Of a file that was begun before: one that cannot be begun shows nothing. Slow downloads are in their middle for long; should
  // one have ended all the same, it is tried again.
  const { capacity } = installation.simulator
  const usual = capacity.bandwidthBytesPerSecond
  const told = () => /Writing the partial file \S+ failed \(EIO\)/.test(installation.logs())
  await waitFor(
    'the I/O error to be told',
    async () => {
      capacity.bandwidthBytesPerSecond = 50_000
      await waitFor('a download in its middle', async () => (await findBegun(installation.directory)).length > 0)
      await disk.fail('write')
      capacity.bandwidthBytesPerSecond = usual
      if (await waitFor('the I/O error', told, { timeoutMs: 10_000 }).catch(() => false)) return true
      await disk.heal()
      return false
    },
    { timeoutMs: 120_000 },
  )
  await sleep(forMs)
  await disk.heal()
  const { summary } = await backup
  await disk.remount()
  return assertNothingLost(installation, { summary })
}

/** Stored archives lose bits, or cannot be read at all: a re-check tells which, the next run backs the former up anew. */
export async function spoilStored({
  test,
  entities,
  chance,
}: DiskFaultOptions): Promise<Findings & { readonly renewed: number }> {
  const disk = await mountFailingDisk(test)
  const installation = await openDiskInstallation(test, entities, chance, join(disk.path, 'backups'))
  await installation.backup()
  await disk.remount()

  await disk.fail('read')
  const unreadable = await verifyAll(installation)
  expect(unreadable).toMatchObject({ code: 1, report: { damaged: 0 } })
  await disk.heal()

  const victims = await listVictims(installation, chance, Math.ceil(entities / 4))
  const right = await Promise.all(victims.map((path) => readFile(path)))
  for (const [index, path] of victims.entries()) {
    const bytes = Buffer.from(right[index]!)
    const at = chance.between(0, bytes.length - 1)
    bytes[at] = bytes[at]! ^ (1 << chance.between(0, 7))
    await writeFile(path, bytes)
  }
  const { code, report } = await verifyAll(installation)
  expect(code, 'exit code where archives are damaged').toBe(1)
  const named = new Set(report.findings.map(({ path }) => join(installation.directory, path)))
  const snapshots = await listSnapshotsOf(installation, victims)
  expect(victims.filter((path) => !named.has(path))).toEqual([])
  expect([...named].filter((path) => !victims.includes(path) && !snapshots.includes(path))).toEqual([])
  const { summary } = await installation.backup()
  // A snapshot counts no more, either, when one of its parts does not.
  const renewed = new Set([...victims, ...snapshots])
  expect(summary).toMatchObject({ ok: true, done: renewed.size })

  for (const [index, path] of victims.entries()) await writeFile(path, right[index]!)
  expect(await verifyAll(installation)).toMatchObject({ code: 0, report: { damaged: 0, failed: 0 } })
  const found = await assertNothingLost(installation, { summary: (await installation.backup()).summary })
  const parts = [...renewed].filter((path) => isPartOf(installation, path))
  return { ...found, renewed: renewed.size - parts.length }
}

/** Snapshots that are made of one of these. */
async function listSnapshotsOf({ store, directory }: Installation, paths: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for await (const entity of store.listEntities()) {
    for (const { record, archivePath } of (await store.listRecords(entity)).archives) {
      const parts = record.snapshot?.parts ?? []
      const own = parts.map(({ taskId, archive }) => join(directory, `task-${taskId}`, archive.fileName))
      if (own.some((path) => paths.includes(path))) found.push(archivePath)
    }
  }
  return found
}

/** Whether it is of a task that is in a project. */
function isPartOf({ world, directory }: Installation, path: string): boolean {
  const id = /^task-(\d+)\//.exec(relative(directory, path))?.[1]
  return id !== undefined && world.task(Number(id)).projectId !== null
}

interface VerifyReport {
  readonly damaged: number
  readonly failed: number
  readonly findings: readonly { readonly path: string }[]
}

async function verifyAll(installation: Installation): Promise<{ code: number | null; report: VerifyReport }> {
  const command = installation.command('verify', '--all', '--json')
  const { code } = await command.exited
  return { code, report: JSON.parse(command.stdout()) as VerifyReport }
}

async function listVictims({ store }: Installation, chance: Chance, count: number): Promise<string[]> {
  const paths: string[] = []
  for await (const entity of store.listEntities()) {
    for (const { archivePath } of (await store.listRecords(entity)).archives) paths.push(archivePath)
  }
  while (paths.length > count) paths.splice(chance.between(0, paths.length - 1), 1)
  return paths.sort()
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

/** The services' user may not write for a while. Where the tests run as root, the services are somebody else. */
export async function denyWriting({ test, entities, chance }: DiskFaultOptions, forMs: number): Promise<Findings> {
  const installation = await openDiskInstallation(test, entities, chance, undefined, findPlainUser(test))
  const backup = installation.backup()
  await untilStored(installation, chance.between(1, Math.floor(entities / 3)))
  const partial = join(installation.directory, '.cvat-backups', 'partial')
  await chmod(partial, 0o500)
  const told = () => installation.logs().includes('"code":"permission-denied"')
  await waitFor('the missing right to be told', told, { timeoutMs: 60_000 })
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
  uid?: number,
): Promise<Installation> {
  return openInstallation({
    test,
    separate: false,
    world: faultWorld(entities, { bytesPerFrame: 40_000 }),
    capacity: { exportMs: () => chance.between(20, 300), bandwidthBytesPerSecond: 1_000_000 },
    env: { LOG_LEVEL: 'warn' },
    ...(backupDir === undefined ? {} : { backupDir }),
    ...(uid === undefined ? {} : { uid }),
  })
}
