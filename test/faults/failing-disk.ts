// A disk that loses writes or refuses reads on demand: a folder mounted by FUSE through failing_disk.py.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { TestContext } from 'vitest'

const run = promisify(execFile)
const installer = fileURLToPath(new URL('../../scripts/install-fusepy.sh', import.meta.url))
const script = fileURLToPath(new URL('failing_disk.py', import.meta.url))

/** The installer's way of saying that it cannot work here. */
const UNAVAILABLE = 69

export interface FailingDisk {
  /** Where it is mounted. */
  readonly path: string
  /** What is really on it, past every cache. */
  readonly truth: string
  /** `write`: data are lost, and the fsync behind them says so once. `read`: no file can be read. */
  fail(how: 'write' | 'read'): Promise<void>
  heal(): Promise<void>
  /** Without what the kernel remembers. Nobody may have anything open. */
  remount(): Promise<void>
}

/** Skips the test, with the reason, where FUSE or its Python bindings are missing. Unmounted after the test. */
export async function mountFailingDisk(test: TestContext): Promise<FailingDisk> {
  await run('bash', [installer]).catch((error: { code?: unknown; stderr?: string }) => {
    if (error.code !== UNAVAILABLE) throw error
    test.skip(error.stderr?.trim())
  })
  const folder = await mkdtemp(join(tmpdir(), 'cvat-backups-disk-'))
  const [truth, path, control] = [join(folder, 'truth'), join(folder, 'mounted'), join(folder, 'control')]
  for (const each of [truth, path]) await mkdir(each)
  await writeFile(control, '')
  let child: ChildProcess
  const mount = async () => {
    child = spawn('/usr/bin/python3', [script, truth, path, control], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const ready = once(child.stdout!, 'data').then(() => true)
    const isMounted = await Promise.race([ready, once(child, 'exit').then(() => false)])
    if (!isMounted) test.skip(`FUSE cannot mount here: ${said.trim()}`)
  }
  const unmount = async (...options: string[]) => {
    await run('fusermount', ['-u', ...options, path])
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  test.onTestFinished(async () => {
    await unmount('-z').catch(() => child.kill('SIGKILL'))
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  await mount()
  return {
    path,
    truth,
    fail: (how) => writeFile(control, how),
    heal: () => writeFile(control, ''),
    async remount() {
      await unmount()
      await mount()
    },
  }
}
