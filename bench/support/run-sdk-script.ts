// The scripts of bench/baselines under the official cvat-sdk, in a process of their own.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { SimulatorProcess } from './start-simulator-process.ts'

const root = join(import.meta.dirname, '../..')

export interface SdkOptions {
  readonly threads: number
  /** Between two looks at an export; the SDK's own 5 s unless told. */
  readonly pollSeconds?: number
  /** Only these projects. */
  readonly only?: readonly number[]
  readonly cwd: string
  readonly signal: AbortSignal
}

export interface SdkRun {
  /** From starting Python to its end. */
  readonly wallMs: number
  /** For each project. */
  readonly projectMs: readonly number[]
}

/** Python with the SDK; undefined where it cannot be installed (no Python, no PyPI), said why on stderr. */
export async function findSdkPython(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(join(root, 'scripts/install-cvat-sdk.sh'))
    return stdout.trim()
  } catch (error) {
    const { code, stderr } = error as { code?: number; stderr?: string }
    if (code !== 69) throw error
    process.stderr.write(stderr ?? '')
    return undefined
  }
}

/** Backs up all projects of the server by bench/baselines/back_up_projects.py, and removes what came of it. */
export async function runSdkScript(python: string, server: SimulatorProcess, options: SdkOptions): Promise<SdkRun> {
  const { threads, pollSeconds, only, cwd, signal } = options
  const folder = join(cwd, 'sdk-backups')
  const args = [join(root, 'bench/baselines/back_up_projects.py'), folder, '--threads', String(threads)]
  if (pollSeconds !== undefined) args.push('--poll', String(pollSeconds))
  if (only) args.push('--only', only.join(','))
  const startedAt = performance.now()
  try {
    const child = spawn(python, args, {
      cwd,
      signal,
      env: { PATH: process.env.PATH ?? '', HOME: cwd, CVAT_URL: server.url, CVAT_ACCESS_TOKEN: server.token },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [output, errors] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-5_000)
    })
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`back_up_projects.py ended with ${code}: ${errors}`)
    const seconds = JSON.parse(output) as number[]
    return { wallMs: performance.now() - startedAt, projectMs: seconds.map((value) => value * 1000) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
