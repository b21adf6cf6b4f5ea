// Runs the command line as its users do: a process of its own, under the node that runs the tests.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Command {
  readonly child: ChildProcess
  /** What it has written to standard output so far. */
  readonly output: () => string
  readonly finished: Promise<Finished>
}

/** Sees no settings but the directory, and none of a `.env`: it runs inside that directory. */
export function startCommand(directory: string, ...args: string[]): Command {
  const main = join(import.meta.dirname, '../../cli/main.ts')
  const env = { PATH: process.env.PATH, HOME: directory, CVAT_BACKUP_DIR: directory }
  const child = spawn(process.execPath, [main, ...args], { env, cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const finished = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }))
  return { child, output: () => stdout, finished }
}

export async function runCommand(directory: string, ...args: string[]): Promise<Finished> {
  return startCommand(directory, ...args).finished
}
