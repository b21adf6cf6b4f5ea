// Whether the target has what a restore was to make: by the mark in its name, which nothing else has.

import { setTimeout as sleep } from 'node:timers/promises'
import type { CvatClient } from '#shared/cvat/client.ts'
import { nameIs } from '#shared/cvat/list-scopes.ts'
import type { EntityRef } from '#shared/model/entity.ts'

export type FindClient = Pick<
  CvatClient,
  'listProjects' | 'listTasks' | 'listActiveImports' | 'getRequest' | 'refreshRequests'
>

/** The ids on the target of what has exactly this name; one at most, unless somebody has copied it. */
export async function findByName(
  type: EntityRef['type'],
  name: string,
  cvat: FindClient,
  signal: AbortSignal,
): Promise<number | undefined> {
  const pages =
    type === 'project' ? cvat.listProjects({ filter: nameIs(name) }, signal) : cvat.listTasks({ name }, signal)
  for await (const rows of pages) return rows[0]?.id
  return undefined
}

/** Waits until every import that this user has under way now has ended: after it nothing can appear that was asked for before. */
export async function awaitActiveImports(cvat: FindClient, signal: AbortSignal, pauseMs = 1_000): Promise<void> {
  const waiting = new Set<string>()
  for await (const { id } of cvat.listActiveImports(signal)) waiting.add(id)
  while (waiting.size > 0) {
    const active = new Set<string>()
    for await (const { id } of cvat.listActiveImports(signal)) active.add(id)
    for (const id of waiting) if (!active.has(id)) waiting.delete(id)
    if (waiting.size > 0) await sleep(pauseMs, undefined, { signal })
  }
}
