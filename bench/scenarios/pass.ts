// A run over a server of which nothing has changed, which is what most nights are; and of which a little has.

import { join } from 'node:path'
import { openCvatClient } from '#shared/cvat/client.ts'
import { type ProductRun, runProduct } from '../support/run-product.ts'
import { inTurn, type Row, type Scenario } from '../support/scenario.ts'
import {
  type SimulatorProcess,
  type SimulatorReport,
  startSimulatorProcess,
} from '../support/start-simulator-process.ts'
import { storeEverything } from '../support/store-everything.ts'

const sizes = { smoke: 10, default: 1_000, full: 10_000 }
const TASKS_EACH = 10
const CHANGED = 50

interface Pass extends ProductRun {
  readonly report: SimulatorReport
  readonly summary: { readonly total: number; readonly done: number; readonly skipped: number; readonly noted: number }
}

export const pass: Scenario = {
  name: 'pass',
  about: 'backup --mode p where nothing has changed, and where 50 projects have',
  async run({ size, rounds, folder, signal, say }) {
    const projects = sizes[size]
    const changed = Math.min(CHANGED, projects / 2)
    const seed = { projects, tasksPerProject: TASKS_EACH, frames: 1, bytesPerFrame: 100 }
    await using simulator = await startSimulatorProcess({ seed, exportWorkers: 8 })
    const directory = join(folder, 'backups')
    say(`storing an archive for each of ${projects} projects with ${projects * TASKS_EACH} tasks`)
    {
      await using cvat = openCvatClient({ url: simulator.url, credentials: { accessToken: simulator.token } })
      await storeEverything(directory, cvat, simulator.url, signal)
    }
    const env = {
      CVAT_URL: simulator.url,
      CVAT_ACCESS_TOKEN: simulator.token,
      CVAT_BACKUP_DIR: directory,
      CVAT_BACKUP_STATE_DIR: join(folder, 'state'),
      CVAT_BACKUP_PARALLEL_EXPORTS: '8',
    }
    const runPass = async (): Promise<Pass> => {
      await simulator.report()
      const run = await runProduct(['backup', '--json'], { env, cwd: folder, signal, keepOutput: true })
      return { ...run, summary: JSON.parse(run.stdout), report: await simulator.report() }
    }
    say('nothing changed')
    const first = await runPass()
    if (first.summary.skipped !== projects) throw new Error(`not all were skipped: ${first.stdout}`)
    const pages = first.report.urls.filter((url) => url.startsWith('GET ')).map((url) => url.slice(4))
    const sides = await inTurn(
      rounds,
      async () => runPass(),
      async () => fetchAll(simulator, pages, signal),
    )
    say(`${changed} projects changed`)
    const after: Pass[] = []
    for (let round = 0; round < rounds; round++) {
      // The first task of each: seedBulk numbers them project by project.
      simulator.annotate(Array.from({ length: changed }, (_, index) => index * TASKS_EACH + 1))
      after.push(await runPass())
    }
    if (after.some(({ summary }) => summary.done !== changed)) throw new Error(`${after.map(({ stdout }) => stdout)}`)
    const unchanged = sides.first
    const requests = unchanged.map(({ report }) => report.urls.length)
    const rows: Row[] = [
      { what: 'requests', aim: '≤ 30', unit: '', values: requests, limit: { of: 'value', most: 30 } },
      {
        ...{ what: 'password hashes (with an access token)', aim: '0', unit: '' },
        values: unchanged.map(({ report }) => report.passwordHashes),
        limit: { of: 'value', most: 0 },
      },
      {
        ...{ what: 'peak memory, all services in one process', aim: '≤ 200 MB', unit: 'MB' },
        values: unchanged.map(({ peakRssMb }) => peakRssMb),
        limit: { of: 'value', most: 200 },
        whenMissed: 'freed rows wait for the collector; what lives fits a heap of 80 MB',
      },
      {
        ...{ what: 'time, from the command to its end', aim: '≤ 2 ×', unit: 's' },
        values: unchanged.map(({ wallMs }) => wallMs / 1000),
        baseline: { what: 'fetching the same pages', values: sides.second.map((ms) => ms / 1000) },
        limit: { of: 'ratio', most: 2 },
        whenMissed: 'the start, and the reading of a folder for each project, are in it',
      },
      { what: 'CPU time', aim: '', unit: 's', values: unchanged.map(({ cpuMs }) => cpuMs / 1000) },
      {
        ...{
          what: `${changed} changed: exports`,
          aim: `${changed}`,
          unit: '',
          values: after.map(({ report }) => report.exports),
        },
        limit: { of: 'value', most: changed },
      },
      {
        ...{ what: `${changed} changed: further requests for each`, aim: '', unit: '' },
        values: after.map(({ report }) => (report.urls.length - requests[0]!) / changed),
      },
      { what: `${changed} changed: time`, aim: '', unit: 's', values: after.map(({ wallMs }) => wallMs / 1000) },
    ]
    const details = {
      requestsByPath: countByPath(first.report.urls),
      changedByPath: countByPath(after[0]!.report.urls),
    }
    return { settings: { projects, tasks: projects * TASKS_EACH, jobs: projects * TASKS_EACH, changed }, rows, details }
  },
}

/** Milliseconds for asking for the same pages one after another, with nothing done about the answers but reading them. */
async function fetchAll(
  { url, token }: SimulatorProcess,
  pages: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const startedAt = performance.now()
  for (const page of pages) {
    const answer = await fetch(new URL(page, url), { headers: { authorization: `Bearer ${token}` }, signal })
    await answer.arrayBuffer()
  }
  return performance.now() - startedAt
}

function countByPath(urls: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const url of urls) {
    const path = url.replace(/\?.*/, '').replaceAll(/\d+/g, 'N')
    counts[path] = (counts[path] ?? 0) + 1
  }
  return counts
}
