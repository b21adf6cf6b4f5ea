// `restore --plan`: what would happen, without a call to any server.

import { formatEntity } from '#shared/model/entity.ts'
import { formatBytes, formatDuration, quoteName } from '#shared/presentation/format.ts'
import type { Restorable } from '#shared/restores/list-restorable.ts'
import type { Store } from '#shared/store/open-store.ts'
import { contentBytes } from '#shared/store/record.ts'
import { chooseOrganization } from './map-organizations.ts'
import { measureRate } from './measure-rate.ts'
import type { RestoreRequest } from './read-restore-request.ts'

export interface PlanContext {
  readonly request: RestoreRequest
  readonly store: Store
  readonly source: string
  readonly target: string
}

export async function formatPlan(chosen: readonly Restorable[], context: PlanContext): Promise<string> {
  const { request, store, source, target } = context
  const rows = chosen.map(({ entity, name, archive, reason }) => {
    const organization = archive && chooseOrganization(archive.record.observation.organization, request)
    return {
      entity: formatEntity(entity),
      name,
      archive: archive?.record.archive.fileName ?? null,
      createdAt: archive?.record.createdAt ?? null,
      sizeBytes: archive ? contentBytes(archive.record) : 0,
      organization: organization ?? null,
      reason,
      // What is known to be refused or lost is better read before than found after.
      warnings: archive?.record.verification.warnings.map(({ message }) => message) ?? [],
    }
  })
  const sizeBytes = rows.reduce((sum, row) => sum + row.sizeBytes, 0)
  const rate = await measureRate(store, target)
  const expectedSeconds = rate && Math.round(sizeBytes / rate.bytesPerSecond)
  if (request.json)
    return `${JSON.stringify({ source, target, sizeBytes, expectedSeconds: expectedSeconds ?? null, entities: rows }, null, 2)}\n`
  const lines = rows.map((row) => {
    const what = `${row.entity.padEnd(14)} ${quoteName(row.name)}`
    if (row.archive === null) return `NOTHING  ${what}: ${row.reason}`
    const to = row.organization === null ? 'personal' : row.organization
    return `restore  ${what} (${formatBytes(row.sizeBytes)}) from ${row.archive}, ${row.reason}; ${to}${row.warnings.map((text) => `\n         ${text}`).join('')}`
  })
  const restorable = rows.filter((row) => row.archive !== null).length
  const time = rate
    ? `about ${formatDuration((expectedSeconds ?? 0) * 1000)} at ${formatBytes(rate.bytesPerSecond)} a second, as measured in earlier restores to this server`
    : `${formatDuration((sizeBytes / 50e6) * 1000)} if the server takes 50 MB a second; nothing was restored to it yet that would tell`
  lines.push(
    `${restorable} of ${rows.length} would be restored from archives of ${source} to ${target}: ${formatBytes(sizeBytes)}, ${time}`,
  )
  return `${lines.join('\n')}\n`
}
