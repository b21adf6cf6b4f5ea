// Names a run so that ids sort by time and say what ran.

import { createHash } from 'node:crypto'
import type { Mode } from '#shared/queues/runs-queue.ts'

/** `20261122T203444Z-p-1a2b3c`: the same for the same moment and seed, so that a repeated handler finds its own run. */
export function makeRunId(mode: Mode, at: Date, seed: string): string {
  const time = at.toISOString().replaceAll(/[-:]/g, '').replace(/\.\d+/, '')
  return `${time}-${mode}-${createHash('sha256').update(seed).digest('hex').slice(0, 6)}`
}

/** When a run began, to the second; undefined for what is no run's id. */
export function timeOfRun(runId: string): Date | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-/.exec(runId)
  if (!match) return undefined
  const [, year, month, day, hour, minute, second] = match
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(time.getTime()) ? undefined : time
}
