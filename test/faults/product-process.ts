// One process of the product, as an operator starts it, with its log and its end.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { TestContext } from 'vitest'
import { waitFor } from '../support/wait-for.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** The variable by which a process, and all that it starts, can be told from everything else on the machine. */
export const MARK = 'CVAT_FAULTS_MARK'

/** `serve` is all of them in one process. */
export type ServiceName = 'scheduler' | 'exporter' | 'downloader' | 'sweeper' | 'serve'

export interface ProductProcess {
  readonly name: string
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  readonly exited: Promise<ExitState>
  readonly hasEnded: () => boolean
  /** Resolves when the line is in its log. */
  untilLogged(text: string, timeoutMs?: number): Promise<void>
  kill(signal: NodeJS.Signals): Promise<ExitState>
}

export interface ExitState {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string>>
  /** A folder of its own, so that a `.env` of the checkout plays no part. */
  readonly cwd: string
  /** Who the process is, when not the tests' user; its group has the same number. */
  readonly uid?: number | undefined
}

export function spawnService(name: ServiceName, surroundings: Surroundings): ProductProcess {
  const args = name === 'serve' ? [`${project}cli/main.ts`, 'serve'] : [`${project}services/${name}/main.ts`]
  return spawnProduct(name, args, surroundings)
}

export function spawnCommand(args: readonly string[], surroundings: Surroundings): ProductProcess {
  return spawnProduct(`cvat-backups ${args.join(' ')}`, [`${project}cli/main.ts`, ...args], surroundings)
}

/**
 * Somebody without root's rights as whom the product can run: undefined where the tests themselves are not root. Skips the test
 * where the checkout is closed to others.
 */
export function findPlainUser(test: TestContext): number | undefined {
  if (process.getuid?.() !== 0) return undefined
  const options = { uid: NOBODY, gid: NOBODY, cwd: '/', encoding: 'utf8' } as const
  const { status, error } = spawnSync(process.execPath, [`${project}cli/main.ts`, '--help'], options)
  if (status !== 0) test.skip(`the checkout cannot be read by uid ${NOBODY}: ${error?.message ?? 'no access'}`)
  return NOBODY
}

/** `nobody` on Debian; any number does that is nobody's. */
const NOBODY = 65_534

function spawnProduct(name: string, args: readonly string[], { env, cwd, uid }: Surroundings): ProductProcess {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    cwd,
    ...(uid === undefined ? {} : { uid, gid: uid }),
    env: { PATH: process.env.PATH ?? '', HOME: cwd, LOG_FORMAT: 'json', LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }) as ExitState)
  return {
    name,
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    exited,
    hasEnded,
    async untilLogged(text, timeoutMs = 60_000) {
      await waitFor(`${name} to log «${text}»`, () => stdout.includes(text) || hasEnded(), { timeoutMs })
      if (!stdout.includes(text)) throw new Error(`${name} ended: ${stderr || stdout}`)
    },
    async kill(signal) {
      if (!hasEnded()) child.kill(signal)
      return exited
    },
  }
}

/** Ids of living processes that carry the mark; empty where there is no /proc. */
export async function findMarked(mark: string): Promise<number[]> {
  const names = await readdir('/proc').catch(() => [])
  const found: number[] = []
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue
    const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '')
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    // redis-server writes its title over its environment; the embedded one's title holds its socket's path.
    const isEmbedded = command.startsWith('redis-server') && command.includes(`${mark}/state/`)
    if (isEmbedded || environment.split('\0').includes(`${MARK}=${mark}`)) found.push(Number(name))
  }
  return found
}

/** Resident memory at its highest, in megabytes; 0 for a process that has ended, and where there is no /proc. */
export async function readPeakMemory(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1000)
}
