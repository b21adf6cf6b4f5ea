// Whether the target has what a restore was to make: by the mark in its name, which nothing else has.

import { setTimeout as sleep } from 'node:timers/promises'
import type { CvatClient } from '#shared/cvat/client.ts'
import { nameIs } from '#shared/cvat/list-scopes.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { EntityRef } from '#shared/model/entity.ts'

export type FindClient = Pick<
  CvatClient,
  'listProjects' | 'listTasks' | 'listActiveImports' | 'getRequest' | 'refreshRequests'
>

/** The ids on the target of what has exactly this name, lowest first: one at most, unless it was made twice or copied. */
export async function findByName(
  type: EntityRef['type'],
  name: string,
  cvat: FindClient,
  signal: AbortSignal,
): Promise<number[]> {
  const ids: number[] = []
  const pages =
    type === 'project' ? cvat.listProjects({ filter: nameIs(name) }, signal) : cvat.listTasks({ name }, signal)
  for await (const rows of pages) ids.push(...rows.map(({ id }) => id))
  return ids.sort((a, b) => a - b)
}

export interface Patience {
  /** Ids of requests that are known to be others': nobody waits for them. */
  readonly readKnown: () => Promise<ReadonlySet<string>>
  readonly pauseMs: number
  readonly timeoutMs: number
}

/**
 * Waits until every import that this user has under way now has ended: after it nothing can appear that was asked for
 * before. New ones are not waited for, so that it ends.
 *
 * @throws BackupError `import-timeout`
 */
export async function awaitActiveImports(cvat: FindClient, patience: Patience, signal: AbortSignal): Promise<void> {
  const until = performance.now() + patience.timeoutMs
  const waiting = await listActive(cvat, signal)
  if (waiting.size === 0) return
  for (const id of await patience.readKnown()) waiting.delete(id)
  while (waiting.size > 0) {
    if (performance.now() > until) throw timedOut(waiting.size)
    await sleep(patience.pauseMs, undefined, { signal })
    const active = await listActive(cvat, signal)
    for (const id of waiting) if (!active.has(id)) waiting.delete(id)
  }
}

async function listActive(cvat: FindClient, signal: AbortSignal): Promise<Set<string>> {
  const ids = new Set<string>()
  for await (const { id } of cvat.listActiveImports(signal)) ids.add(id)
  return ids
}

function timedOut(count: number): BackupError {
  return new BackupError(`${count} imports that may be this restore's are still under way at the target`, {
    code: 'import-timeout',
    retryable: true,
    hint: `Look at CVAT's import workers; CVAT_RESTORE_TIMEOUT_HOURS says how long they may take.`,
  })
}
