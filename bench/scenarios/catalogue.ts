// Commands that read every record of a large backup directory.

import { glob, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeManyArchives } from '../../test/support/write-many-archives.ts'
import { type ProductRun, runProduct } from '../support/run-product.ts'
import { inTurn, type Row, type Scenario } from '../support/scenario.ts'

const entities = { smoke: 5, default: 1_000, full: 10_000 }
const ARCHIVES_EACH = 10
/** For 100,000 archives; fewer archives have their share of it, and what starting takes. */
const AIM_MS = 3_000
const START_MS = 400

export const catalogue: Scenario = {
  name: 'catalogue',
  about: 'list, sweep --dry-run, show and a verify with nothing due over many archives on a local disk',
  async run({ size, rounds, folder, signal, say, dropsCaches }) {
    const directory = join(folder, 'backups')
    const archives = entities[size] * ARCHIVES_EACH
    say(`writing ${archives} archives`)
    await writeManyArchives(directory, {
      entities: entities[size],
      archivesEach: ARCHIVES_EACH,
      serverUrl: 'http://cvat',
    })
    const forget = dropsCaches ? dropCaches : async () => undefined
    const aimMs = size === 'full' ? AIM_MS : AIM_MS * (archives / 100_000) + START_MS
    const rows: Row[] = []
    const details: Record<string, unknown> = {}
    const measure = async (what: string, args: readonly string[], limitMs: number) => {
      say(what)
      const env = { CVAT_BACKUP_DIR: directory }
      const { first, second } = await inTurn(
        rounds,
        async () => {
          await forget()
          return runProduct(args, { env, cwd: folder, signal })
        },
        async () => {
          await forget()
          return readAll(directory)
        },
      )
      details[what] = first.map(({ wallMs, cpuMs, peakRssMb }) => ({ wallMs, cpuMs, peakRssMb }))
      rows.push({
        ...{ what: `\`${what}\``, aim: `≤ ${Math.round(limitMs)} ms`, unit: 'ms', values: pick(first, 'wallMs') },
        baseline: { what: 'reading and parsing all records, nothing else', values: second },
        limit: { of: 'value', most: limitMs },
        whenMissed:
          what === 'verify'
            ? 'it reads records as services do, by threads: 110 µs each'
            : 'one thread reads and checks each record: 36 µs',
      })
      rows.push({ what: `\`${what}\`, peak memory`, aim: 'flat', unit: 'MB', values: pick(first, 'peakRssMb') })
    }
    await measure('list', ['list'], aimMs)
    await measure('sweep --dry-run', ['sweep', '--dry-run'], aimMs)
    await measure('show', ['show', 'project-3'], aimMs)
    // All were checked when they were stored: it plans, and reads no archive.
    await measure('verify', ['verify', '--since', '2025-12-31'], aimMs)
    const settings = { archives, entities: entities[size], coldCaches: dropsCaches }
    return { settings, rows, details }
  },
}

function pick(runs: readonly ProductRun[], field: 'wallMs' | 'peakRssMb'): number[] {
  return runs.map((run) => run[field])
}

/** Milliseconds for the least that can be done: each record opened, read and parsed, 16 at a time. */
async function readAll(directory: string): Promise<number> {
  const startedAt = performance.now()
  const underWay = new Set<Promise<void>>()
  for await (const file of glob('*-*/*.json', { cwd: directory })) {
    const read = readFile(join(directory, file), 'utf8').then((text) => void JSON.parse(text))
    underWay.add(read)
    void read.then(() => underWay.delete(read))
    if (underWay.size >= 16) await Promise.race(underWay)
  }
  await Promise.all(underWay)
  return performance.now() - startedAt
}

/** Makes the kernel forget files and names, of the whole machine. Needs root. */
async function dropCaches(): Promise<void> {
  await using file = await open('/proc/sys/vm/drop_caches', 'w')
  await file.write('3')
}
