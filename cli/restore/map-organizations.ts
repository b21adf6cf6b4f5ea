// Which organization of the target each project and task goes to, decided before anything is sent.

import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { RestoreRequest } from './read-restore-request.ts'

type Wish = Pick<RestoreRequest, 'organization' | 'organizationMap'>

/** @param own where it was; null: personal */
export function chooseOrganization(own: string | null, { organization, organizationMap }: Wish): string | null {
  if (organization !== undefined) return organization
  if (own !== null && organizationMap.has(own)) return organizationMap.get(own)!
  return own
}

/** Makes those that are missing, where that is wished. @throws BackupError `no-organization` naming all that are missing */
export async function prepareOrganizations(
  wanted: ReadonlySet<string>,
  cvat: Pick<CvatClient, 'listOrganizations' | 'changes'>,
  create: boolean,
  signal: AbortSignal,
): Promise<void> {
  const present = new Set<string>()
  if (wanted.size > 0) for await (const { slug } of cvat.listOrganizations(signal)) present.add(slug)
  const missing = [...wanted].filter((slug) => !present.has(slug)).sort()
  if (missing.length === 0) return
  if (!create) {
    throw new BackupError(`The target has no organization ${missing.join(', ')}, or this login is no member of it`, {
      code: 'no-organization',
      retryable: false,
      hint: '--create-organizations makes them, --organization-map OLD=NEW names others, --organization - restores everything as personal.',
    })
  }
  for (const slug of missing) await cvat.changes.createOrganization({ slug, name: slug }, signal)
}
