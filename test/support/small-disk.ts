// A disk that is really small: a tmpfs of its own. Mounting takes rights that not every machine gives.

import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished, type TestContext } from 'vitest'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'

const run = promisify(execFile)

export interface SmallDisk {
  readonly path: string
  /** Takes so much away; gives it back when called again with less. */
  fill(bytes: number): Promise<void>
  free(): Promise<void>
  remount(options: string): Promise<void>
  unmount(): Promise<void>
}

/** Skips the test, with the reason, where mounting is not permitted. */
export async function mountSmallDisk(test: TestContext, sizeBytes: number): Promise<SmallDisk> {
  const path = await makeTemporaryFolder()
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', path])
  } catch (error) {
    test.skip(`needs a small file system, and mounting one is not permitted here: ${String(error).split('\n')[0]}`)
  }
  let isMounted = true
  const unmount = async () => {
    if (!isMounted) return
    isMounted = false
    await run('umount', ['-l', path])
  }
  onTestFinished(unmount)
  const filler = join(path, 'filler')
  return {
    path,
    fill: (bytes) => writeFile(filler, Buffer.alloc(bytes)),
    free: () => rm(filler),
    remount: async (options) => void (await run('mount', ['-o', `remount,${options}`, path])),
    unmount,
  }
}
