// How long people wait before anything happens.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { startSimulator } from '../../test/simulator/simulator.ts'
import { writeManyArchives } from '../../test/support/write-many-archives.ts'
import { productEnv, productPath } from '../support/run-product.ts'
import { inTurn, type Row, type Scenario } from '../support/scenario.ts'

const DUTY = { '--help': 200, list: 400, serve: 2_000 }

export const startUp: Scenario = {
  name: 'start-up',
  about: 'from the command to its end, or until serve is ready',
  async run({ size, rounds, folder, signal, say }) {
    const turns = size === 'smoke' ? 1 : rounds * 5
    const directory = join(folder, 'backups')
    await writeManyArchives(directory, { entities: 10, archivesEach: 10, serverUrl: 'http://127.0.0.1' })
    await using simulator = await startSimulator()
    const env = {
      ...productEnv(folder),
      CVAT_URL: simulator.url,
      CVAT_USERNAME: 'admin',
      CVAT_PASSWORD: 'admin-password',
      CVAT_BACKUP_DIR: directory,
      CVAT_BACKUP_STATE_DIR: join(folder, 'state'),
    }
    const node = () => timeOf(process.execPath, ['-e', '0'], { env, cwd: folder, signal })
    const command = (...args: string[]) => timeOf(productPath('bin/cvat-backups'), args, { env, cwd: folder, signal })
    const rows: Row[] = []
    const add = async (what: string, aimMs: number, times: number, run: () => Promise<number>) => {
      say(what)
      // The first start compiles the modules.
      if (size !== 'smoke') await run()
      const { first, second } = await inTurn(times, run, node)
      const limit = { of: 'value', most: aimMs } as const
      const baseline = { what: '`node -e 0`', values: second }
      rows.push({ what, aim: `≤ ${aimMs} ms`, unit: 'ms', values: first, baseline, limit })
    }
    await add('`--help`', DUTY['--help'], turns, () => command('--help'))
    await add('`list` of 100 archives', DUTY.list, turns, () => command('list'))
    await add('`serve` until ready, with its own Redis', DUTY.serve, Math.min(turns, rounds), () =>
      timeOf(productPath('bin/cvat-backups'), ['serve'], { env, cwd: folder, signal, until: 'all services are ready' }),
    )
    return { settings: { archives: 100, rounds: turns, compileCache: 'as bin/cvat-backups sets it' }, rows }
  },
}

interface Timed {
  readonly env: Record<string, string>
  readonly cwd: string
  readonly signal: AbortSignal
  /** The text that ends the measurement; the process is asked to stop then. */
  readonly until?: string
}

/** Milliseconds from starting the process to its end, or to the text. */
async function timeOf(program: string, args: readonly string[], { until, ...options }: Timed): Promise<number> {
  const startedAt = performance.now()
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let readyAt: number | undefined
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-5_000)
      if (until === undefined || readyAt !== undefined || !output.includes(until)) return
      readyAt = performance.now()
      child.kill('SIGTERM')
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  if (until !== undefined && readyAt === undefined) throw new Error(`${args[0]} never became ready: ${output}`)
  if (until === undefined && code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${output}`)
  return (readyAt ?? performance.now()) - startedAt
}
