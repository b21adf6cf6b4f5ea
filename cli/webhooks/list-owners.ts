// Whose webhooks tell of everything that is to be backed up: an organization's of all in it, a personal project's of that project.

import type { Filters } from '#services/scheduler/match-filter.ts'
import { isAdmitted } from '#services/scheduler/match-filter.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { quoteName } from '#shared/presentation/format.ts'
import type { NamedOwner } from './plan-webhooks.ts'

export interface OwnerScope {
  readonly filters: Filters
  /** CVAT_ORGANIZATION: nothing else then. */
  readonly organization: string | undefined
}

export interface Owners {
  readonly owners: readonly NamedOwner[]
  /** Tasks outside projects and organizations: nothing can tell of them. */
  readonly untold: number
}

type ListingClient = Pick<CvatClient, 'listOrganizations' | 'listProjects' | 'listTasks'>

export async function listOwners(cvat: ListingClient, scope: OwnerScope, signal: AbortSignal): Promise<Owners> {
  const owners: NamedOwner[] = []
  for await (const { id, slug } of cvat.listOrganizations(signal)) {
    if (scope.organization !== undefined && slug !== scope.organization) continue
    owners.push({ owner: { type: 'organization', id, slug }, name: `organization ${slug}` })
  }
  if (scope.organization !== undefined) return { owners, untold: 0 }
  for await (const page of cvat.listProjects({}, signal)) {
    for (const { id, name, organization_id } of page) {
      if (organization_id !== null) continue
      if (!isAdmitted({ entity: { type: 'project', id }, name, project: undefined }, scope.filters)) continue
      owners.push({ owner: { type: 'project', id }, name: `project ${id} ${quoteName(name)}` })
    }
  }
  let untold = 0
  for await (const page of cvat.listTasks({ withoutProject: true }, signal)) {
    untold += page.filter(({ id, name, organization_id }) => {
      const subject = { entity: { type: 'task', id }, name, project: undefined } as const
      return organization_id === null && isAdmitted(subject, scope.filters)
    }).length
  }
  return { owners, untold }
}
