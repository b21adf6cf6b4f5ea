// A disk of a few megabytes, where this process may mount one: a tmpfs, as root on Linux.

import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestContext } from 'vitest'

const run = promisify(execFile)

/** Why there is none; undefined where there is. To be asked before the tests are named. */
export function whyNoSmallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'cvat-backups-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' })
    execFileSync('umount', [folder], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'no tmpfs can be mounted here (that takes root on Linux)'
  } finally {
    rmdirSync(folder)
  }
}

export interface SmallDisk {
  readonly path: string
  remount(options: string): Promise<void>
}

/** Unmounted after the test, which must have closed what it opened there by then. */
export async function mountSmallDisk(test: TestContext, megabytes: number): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'cvat-backups-disk-'))
  await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path])
  test.onTestFinished(async () => {
    await run('umount', ['--lazy', path])
    await rmdir(path)
  })
  return {
    path,
    async remount(options) {
      await run('mount', ['-o', `remount,${options}`, path])
    },
  }
}
