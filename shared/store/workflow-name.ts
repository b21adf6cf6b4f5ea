// Names of workflow sidecars: sorted by time as archives are, and never taken for one.

import { createHash } from 'node:crypto'
import { normaliseServerUrl } from './server-url.ts'

const pattern = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-workflow-[0-9a-f]{8}\.ndjson$/

export interface WorkflowNameInput {
  /** ISO 8601, UTC. */
  readonly takenAt: string
  readonly serverUrl: string
  readonly backupId: string
}

/** `20261122T203444Z-workflow-1a2b3c4d.ndjson`; the digest tells servers and backups of one second apart. */
export function formatWorkflowName({ takenAt, serverUrl, backupId }: WorkflowNameInput): string {
  const time = `${new Date(takenAt).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
  const digest = createHash('sha256')
    .update(JSON.stringify([normaliseServerUrl(serverUrl), backupId]))
    .digest('hex')
  return `${time}-workflow-${digest.slice(0, 8)}.ndjson`
}

/** The time in the name, to the second: `2026-11-22T20:34:44Z`; undefined for any other name. */
export function parseWorkflowName(name: string): string | undefined {
  const [match, year, month, day, hour, minute, second] = pattern.exec(name) ?? []
  if (match === undefined) return undefined
  const takenAt = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`
  return Number.isNaN(Date.parse(takenAt)) ? undefined : takenAt
}
