// A folder of its own for each test, gone afterwards.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export async function makeTemporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cvat-backups-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}
