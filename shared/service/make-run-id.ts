// Names a run so that ids sort by time and say what ran.

import { createHash } from 'node:crypto'
import type { Mode } from '#shared/queues/runs-queue.ts'

/** `20261122T203444Z-p-1a2b3c`: the same for the same moment and seed, so that a repeated handler finds its own run. */
export function makeRunId(mode: Mode, at: Date, seed: string): string {
  const time = at.toISOString().replaceAll(/[-:]/g, '').replace(/\.\d+/, '')
  return `${time}-${mode}-${createHash('sha256').update(seed).digest('hex').slice(0, 6)}`
}
