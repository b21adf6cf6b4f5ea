// What is in the backup directory, seen from outside the containers and read whole.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { formatEntity } from '#shared/model/entity.ts'
import type { Store } from '#shared/store/open-store.ts'
import { isGood } from '#shared/store/record.ts'
import { seedDemo } from '../simulator/seed-demo.ts'
import { World } from '../simulator/world.ts'
import { isWhatItsRecordSays } from '../support/is-what-its-record-says.ts'

export interface StoreFindings {
  /** Entities of the demo that have data and fewer good archives than wanted. */
  readonly lost: readonly string[]
  /** Archives that are not what their record says, or are not good. */
  readonly torn: readonly string[]
  /** Entities with two archives of one run. */
  readonly doubled: readonly string[]
  readonly unrecognised: readonly string[]
  /** Files of others than the containers' user. */
  readonly foreign: readonly string[]
  readonly archives: number
}

/** Entities of the demo that a run of mode p backs up, as `project-6`. */
export function demoEntities(): string[] {
  const world = new World()
  seedDemo(world)
  const loose = [...world.tasks.values()].filter((task) => task.projectId === null && task.data !== null)
  return [...[...world.projects.keys()].map((id) => `project-${id}`), ...loose.map(({ id }) => `task-${id}`)]
}

export async function examineStore(
  store: Store,
  { archives: wanted = 1, uid }: { readonly archives?: number; readonly uid?: number } = {},
): Promise<StoreFindings> {
  const findings = { lost: [], torn: [], doubled: [], unrecognised: [], foreign: [] } as Record<string, string[]>
  const good = new Map<string, number>()
  let count = 0
  for await (const entity of store.listEntities()) {
    const name = formatEntity(entity)
    const { archives, unrecognised } = await store.listRecords(entity)
    findings.unrecognised!.push(...unrecognised.map(({ path }) => path))
    const runs = archives.map(({ record }) => record.origin.runId)
    if (new Set(runs).size < runs.length) findings.doubled!.push(name)
    for (const archive of archives) {
      count++
      if (isGood(archive.record) && (await isWhatItsRecordSays(archive))) good.set(name, (good.get(name) ?? 0) + 1)
      else findings.torn!.push(archive.archivePath)
      if (uid !== undefined && (await stat(archive.archivePath)).uid !== uid)
        findings.foreign!.push(archive.archivePath)
    }
  }
  findings.lost!.push(...demoEntities().filter((name) => (good.get(name) ?? 0) < wanted))
  return { ...(findings as unknown as Omit<StoreFindings, 'archives'>), archives: count }
}

/** Archives under their final names so far; 0 before there is anything. */
export async function countArchives(directory: string): Promise<number> {
  const folders = await readdir(directory, { withFileTypes: true })
  const names = await Promise.all(
    folders
      .filter((folder) => folder.isDirectory() && !folder.name.startsWith('.'))
      .map((folder) => readdir(join(directory, folder.name))),
  )
  return names.flat().filter((name) => name.endsWith('.zip')).length
}

export const nothingWrong = { lost: [], torn: [], doubled: [], unrecognised: [], foreign: [] }
