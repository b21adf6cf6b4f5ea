// The product as people start it: processes of their own, with settings in their environment.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { waitFor } from './wait-for.ts'

const root = join(import.meta.dirname, '../..')
/** One for all tests: compiling every module for each process would take most of their time. */
const compileCache = join(root, '.cache/compile')

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface ProductProcess {
  readonly pid: number
  readonly ended: Promise<Ended>
  readonly hasEnded: () => boolean
  readonly output: () => string
  kill(signal: NodeJS.Signals): void
  /** Waits until its output holds the text. */
  says(text: string | RegExp): Promise<void>
}

export interface ProductOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where `.env` would be read from. */
  readonly cwd: string
}

/** `bin/cvat-backups` with these words. Killed after the test if it still runs. */
export function startCli(args: readonly string[], options: ProductOptions): ProductProcess {
  return start(join(root, 'bin/cvat-backups'), args, options)
}

export async function runCli(args: readonly string[], options: ProductOptions): Promise<Ended> {
  return startCli(args, options).ended
}

/** `node services/NAME/main.ts`, as in a container. */
export function startService(name: string, options: ProductOptions): ProductProcess {
  return start(process.execPath, [join(root, 'services', name, 'main.ts')], options)
}

function start(command: string, args: readonly string[], { env, cwd }: ProductOptions): ProductProcess {
  const child = spawn(command, args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, NODE_COMPILE_CACHE: compileCache, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const out: string[] = []
  const err: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text))
  const output = () => out.join('') + err.join('')
  let over = false
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    over = true
    return { code, signal, stdout: out.join(''), stderr: err.join('') }
  })
  onTestFinished(async () => {
    if (!over) child.kill('SIGKILL')
    await ended
  })
  return {
    pid: child.pid!,
    ended,
    hasEnded: () => over,
    output,
    kill: (signal) => child.kill(signal),
    async says(text) {
      await waitFor(`the process to say ${text}`, () => {
        const said = output()
        if (typeof text === 'string' ? said.includes(text) : text.test(said)) return true
        if (over) throw new Error(`it has ended: ${said}`)
        throw new Error(`so far: ${said.slice(-500)}`)
      })
    },
  }
}

/** Processes of this machine that have the folder as working directory: what an embedded Redis would leave behind. */
export async function findProcessesIn(folder: string): Promise<number[]> {
  const found: number[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
    if ((cwd === folder || cwd.startsWith(`${folder}/`)) && !/\) Z/.test(state)) found.push(Number(pid))
  }
  return found
}
