// A simulated server, a folder as the original script would have filled it, and the adoption of that folder.

import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { EntityRef } from '#shared/model/entity.ts'
import { openAdoptingStore } from '#shared/store/adopt-archive.ts'
import { openStore } from '#shared/store/open-store.ts'
import { adoptFolder, type FileAdoption, newAdoptTotals } from '../../cli/adopt/adopt-folder.ts'
import { openFinder } from '../../cli/adopt/find-candidates.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { startSimulator } from '../simulator/simulator.ts'
import type { World } from '../simulator/world.ts'
import { login } from '../support/small-world.ts'
import { listArchives, openTestClient } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'

const fixtures = join(import.meta.dirname, '../fixtures/archives')
const authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`

export type Download = 'backup' | 'annotations' | 'dataset'

export type Adopting = Awaited<ReturnType<typeof startAdopting>>

export async function startAdopting(world: World) {
  const simulator = await startSimulator({ world, capacity: { exportMs: 1, basicCostMs: 0 } })
  onTestFinished(() => simulator.close())
  const directory = await makeTemporaryFolder()
  const store = openStore({ directory })
  await store.checkDirectory()

  return {
    simulator,
    world,
    directory,
    store,
    archives: () => listArchives(store),
    /** Exports and saves as the original did; gives the file's name. */
    download: (entity: EntityRef, what: Download = 'backup', folder = directory) =>
      downloadLikeTheOriginal(simulator.url, folder, entity, what),
    /** A real archive under a name that the original could have given it. */
    async place(fixture: string, fileName: string, folder = directory): Promise<string> {
      await copyFile(join(fixtures, fixture), join(folder, fileName))
      return fileName
    },
    adopt: (options: Partial<AdoptionPlan> = {}) => adoptAll({ directory, url: simulator.url, ...options }),
    /** All plain files by path below the backup directory, with what is in them. */
    listFiles: () => readTree(directory),
  }
}

export interface AdoptionPlan {
  /** The backup directory, checked before. */
  readonly directory: string
  readonly url: string
  readonly folder?: string
  readonly copy?: boolean
  readonly dryRun?: boolean
}

export async function adoptAll({ directory, url, folder = directory, copy = false, dryRun = false }: AdoptionPlan) {
  await using cvat = openTestClient(url)
  const { signal } = new AbortController()
  const files = new Map<string, FileAdoption>()
  const deps = {
    finder: openFinder(cvat, signal),
    store: openAdoptingStore({ directory }),
    serverUrl: url,
    copy,
    dryRun,
    now: () => new Date(),
  }
  const totals = newAdoptTotals()
  await adoptFolder(folder, deps, totals, (adoption) => files.set(adoption.file, adoption), signal)
  return { totals, files }
}

export async function downloadLikeTheOriginal(
  url: string,
  folder: string,
  entity: EntityRef,
  what: Download = 'backup',
): Promise<string> {
  const { fileName, bytes } = await exportFile(url, entity, what)
  await writeFile(join(folder, fileName), bytes)
  return fileName
}

export async function readTree(directory: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const contents = await Promise.all(paths.map(async (path) => [path, await readFile(path)] as const))
  return new Map(contents)
}

async function exportFile(url: string, { type, id }: EntityRef, what: Download) {
  const query =
    what === 'backup'
      ? 'backup/export?location=local'
      : `dataset/export?format=CVAT%20for%20images%201.1&save_images=${what === 'dataset'}&location=local`
  const asked = await ask(`${url}/api/${type}s/${id}/${query}`, 'POST')
  const { rq_id } = (await asked.json()) as { rq_id: string }
  const resultUrl = await waitFor('the export', async () => {
    const answer = await ask(`${url}/api/requests/${encodeURIComponent(rq_id)}`)
    return ((await answer.json()) as { result_url: string | null }).result_url
  })
  const answer = await ask(resultUrl)
  const fileName = nameLikeTheOriginal(answer.headers.get('content-disposition')!)
  return { fileName, bytes: Buffer.from(await answer.arrayBuffer()) }
}

/** All that comes after `filename=`, without the punctuation around it. */
export function nameLikeTheOriginal(disposition: string): string {
  return disposition
    .split('filename=')[1]!
    .replace(/^["'; ]+/, '')
    .replace(/["'; ]+$/, '')
}

async function ask(url: string, method = 'GET'): Promise<Response> {
  const answer = await fetch(url, { method, headers: { authorization } })
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`)
  return answer
}
