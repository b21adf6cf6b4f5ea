// What has to hold after every fault, written once.

import { readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { RunSummary } from '#shared/coordination/summarise-run.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { openStore } from '#shared/store/open-store.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { isWhatItsRecordSays } from '../support/is-what-its-record-says.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Installation, PARALLEL_EXPORTS } from './installation.ts'
import { findMarked } from './product-process.ts'

export interface Expected {
  /** The last run's summary, as the command line printed it. */
  readonly summary: RunSummary | undefined
  /** Archives of each entity; one unless told. */
  readonly archives?: number
  /** Entities that the server cannot give, like `project-6`: named in the summary, and without an archive. */
  readonly failing?: readonly string[]
  readonly limit?: number
}

export interface Findings {
  /** Entities on the server without enough good archives. */
  readonly lost: string[]
  /** Archives under a final name that are not what their record says. */
  readonly torn: string[]
  /** Entities with two archives of one run. */
  readonly doubled: string[]
  /** Of projects and loose tasks: parts of snapshots are looked at, but not counted. */
  readonly archives: number
  readonly peakMemoryMegabytes: number
}

/**
 * What a process of the product may take, all services in one included. Measured: 170 to 310 MB for forty small archives, and 242 MB
 * for one of 1 GB.
 */
const MEMORY_MEGABYTES = 400

/**
 * Stops all services, then: every entity has its archives, each verifies and is what its record says, none is doubled, no
 * partial file is left, the server never had more exports of ours than allowed, no process took more memory than it may, the
 * summary's numbers are those on the disk, and no process is left.
 */
export async function assertNothingLost(installation: Installation, expected: Expected): Promise<Findings> {
  await installation.stopAll()
  try {
    return await lookForLosses(installation, expected)
  } catch (error) {
    const file = join(tmpdir(), `cvat-backups-fault-${process.pid}-${Date.now()}.log`)
    await writeFile(file, `${installation.logs()}\n${JSON.stringify(expected)}\n`)
    process.stdout.write(`The logs of the failed scenario are in ${file}\n`)
    throw error
  }
}

async function lookForLosses(installation: Installation, expected: Expected): Promise<Findings> {
  const { summary, failing = [], archives = 1, limit = PARALLEL_EXPORTS } = expected
  const stored = await readAll(installation)
  const examined = await examine(installation, stored, failing, archives)
  const findings: Findings = { ...examined, peakMemoryMegabytes: installation.peakMemoryMegabytes() }
  expect(findings).toMatchObject({ lost: [], torn: [], doubled: [] })
  await assertNoLeftovers(installation.directory)
  expect(findings.peakMemoryMegabytes, 'megabytes of memory').toBeLessThan(MEMORY_MEGABYTES)
  for (const [user, { max }] of installation.simulator.stats.outstandingByUser) {
    expect(max, `exports in flight of user ${user}`).toBeLessThanOrEqual(limit)
  }
  expect(installation.simulator.stats.errors, 'faults of the simulator itself').toEqual([])
  await assertTruth(installation, summary, stored, failing)
  await waitFor('no process to be left', async () => (await findMarked(installation.mark)).length === 0)
  return findings
}

/**
 * No file of a download, and nothing else either: but a kill in the very moment in which a record or a summary is written leaves
 * its temporary file, which the first look an hour later removes.
 */
async function assertNoLeftovers(directory: string): Promise<void> {
  const folder = join(directory, '.cvat-backups', 'partial')
  const ofDownloads = (await readdir(folder)).filter((name) => !name.endsWith('.tmp'))
  expect(ofDownloads, 'files of downloads that are over').toEqual([])
  const anHourLater = openStore({ directory, now: () => new Date(Date.now() + 3_700_000) })
  await anHourLater.removeStalePartials({ isActive: () => true })
  expect(await readdir(folder), 'files that nothing ever removes').toEqual([])
}

async function readAll({ store }: Installation): Promise<Map<string, readonly StoredArchive[]>> {
  const stored = new Map<string, readonly StoredArchive[]>()
  for await (const entity of store.listEntities()) {
    const { archives, unrecognised } = await store.listRecords(entity)
    expect(unrecognised, 'files in the backup directory that are no archive with its record').toEqual([])
    stored.set(formatEntity(entity), archives)
  }
  return stored
}

async function examine(
  { world }: Installation,
  stored: ReadonlyMap<string, readonly StoredArchive[]>,
  failing: readonly string[],
  wanted: number,
): Promise<Omit<Findings, 'peakMemoryMegabytes'>> {
  const findings: Omit<Findings, 'peakMemoryMegabytes'> = { lost: [], torn: [], doubled: [], archives: 0 }
  let count = 0
  const parts = partsOf(world)
  for (const [entity, archives] of stored) {
    const runs = archives.map(({ record }) => record.origin.runId)
    if (new Set(runs).size < runs.length) findings.doubled.push(entity)
    for (const archive of archives) {
      if (!parts.has(entity)) count++
      if (!(await isWhatItsRecordSays(archive))) findings.torn.push(archive.archivePath)
    }
  }
  const loose = [...world.tasks.values()].filter((task) => task.projectId === null && task.data !== null)
  const entities = [...[...world.projects.keys()].map((id) => `project-${id}`), ...loose.map(({ id }) => `task-${id}`)]
  for (const entity of entities) {
    if (!failing.includes(entity) && (stored.get(entity)?.length ?? 0) < wanted) findings.lost.push(entity)
  }
  return { ...findings, archives: count }
}

/** Tasks of projects, which have archives only where those are snapshots. */
function partsOf(world: Installation['world']): ReadonlySet<string> {
  const tasks = [...world.tasks.values()].filter(({ projectId }) => projectId !== null)
  return new Set(tasks.map(({ id }) => `task-${id}`))
}

/** The numbers that were printed, those in the backup directory and what is on the disk are the same. */
async function assertTruth(
  installation: Installation,
  summary: RunSummary | undefined,
  stored: ReadonlyMap<string, readonly StoredArchive[]>,
  failing: readonly string[],
): Promise<void> {
  if (!summary) throw new Error('The command printed no summary')
  const parts = partsOf(installation.world)
  const named = summary.failures.map(({ series }) => series.split('.')[0]!)
  expect(named.filter((name) => !parts.has(name)).sort(), 'entities that failed').toEqual([...failing].sort())
  expect(summary).toMatchObject({ failed: named.length, listingError: null, ok: failing.length === 0 })
  const { total, done, noted, skipped, empty, failed } = summary
  expect(done + noted + skipped + empty + failed).toBe(total)
  const all = [...stored.values()].flat()
  const since = all.filter(({ record }) => record.verification.checkedAt >= summary.startedAt)
  const countEntities = (archives: readonly StoredArchive[]) =>
    new Set(archives.map((one) => formatEntity(one.entity))).size
  // What a killed run had begun is this run's where it still waited for it, and unchanged where it came before the listing.
  const own = since.filter(({ record }) => record.origin.runId === summary.runId)
  expect(done, 'archives that this run says to have stored').toBeGreaterThanOrEqual(countEntities(own))
  expect(done, 'archives that this run says to have stored').toBeLessThanOrEqual(countEntities(since))
  const [record] = await installation.store.readRunRecords({ limit: 1 })
  expect(record).toMatchObject({ runId: summary.runId, total, done, noted, skipped, empty, failed })
}
