// The product as people start it, in a process of its own, with what it took.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '../..')

export interface ProductRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly wallMs: number
  /** User and system time of the process itself, without redis-server. */
  readonly cpuMs: number
  readonly peakRssMb: number
  /** The largest JavaScript heap that was seen, what waits for the collector included. */
  readonly peakHeapMb: number
  /** The same of buffers, which lie outside of it. */
  readonly peakBuffersMb: number
}

/** What report-usage.ts writes. */
export interface MeasuredUsage extends NodeJS.ResourceUsage {
  readonly peakHeapBytes: number
  readonly peakBufferBytes: number
}

export interface ProductOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd: string
  readonly signal: AbortSignal
  /** Keep no output but the last characters: a list may be long. */
  readonly keepOutput?: boolean
}

/** Those of `bin/cvat-backups`, past which the process is started: its own must be loaded into it. */
export const nodeFlags = ['--max-semi-space-size=4', '--disable-warning=ExperimentalWarning']

/** `cvat-backups` with these words, under this very Node.js. Rejects when it ends with anything but 0. */
export async function runProduct(args: readonly string[], options: ProductOptions): Promise<ProductRun> {
  const usageFile = join(options.cwd, `usage-${process.hrtime.bigint()}.json`)
  const preload = pathToFileURL(join(import.meta.dirname, 'report-usage.ts')).href
  const startedAt = performance.now()
  const child = spawn(
    process.execPath,
    [...nodeFlags, ...profileFlags(args[0] ?? 'none'), '--import', preload, join(root, 'cli/main.ts'), ...args],
    {
      cwd: options.cwd,
      env: { ...productEnv(options.cwd), BENCH_USAGE_FILE: usageFile, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: options.signal,
    },
  )
  const kept = options.keepOutput ? Number.POSITIVE_INFINITY : 10_000
  const read = (stream: NodeJS.ReadableStream) => {
    let text = ''
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text = (text + piece).slice(-kept)
    })
    return () => text
  }
  const [stdout, stderr] = [read(child.stdout), read(child.stderr)]
  const [code] = (await once(child, 'close')) as [number | null]
  const wallMs = performance.now() - startedAt
  if (code !== 0)
    throw new Error(`cvat-backups ${args.join(' ')} ended with ${code}: ${stderr()}${stdout().slice(-500)}`)
  const usage = JSON.parse(await readFile(usageFile, 'utf8')) as MeasuredUsage
  await rm(usageFile)
  const cpuMs = (usage.userCPUTime + usage.systemCPUTime) / 1000
  return {
    ...{ code, stdout: stdout(), stderr: stderr(), wallMs, cpuMs },
    ...{ peakRssMb: usage.maxRSS / 1024, peakHeapMb: usage.peakHeapBytes / 2 ** 20 },
    peakBuffersMb: usage.peakBufferBytes / 2 ** 20,
  }
}

/** With `--profile` of main.ts. */
export function profileFlags(name: string): string[] {
  const folder = process.env.BENCH_PROFILE_FOLDER
  if (folder === undefined) return []
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name}-\${pid}.cpuprofile`]
}

/** Nothing of the caller's settings but where programs are. */
export function productEnv(home: string): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: home, TZ: 'UTC', BOARD_PORT: 'off', ...compiled(home) }
}

/** Where `bin/cvat-backups` has it. */
function compiled(home: string) {
  return { NODE_COMPILE_CACHE: join(home, '.cache/cvat-backups') }
}

export function productPath(file: string): string {
  return join(root, file)
}
