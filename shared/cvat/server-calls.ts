// What the server is, and whether it can be backed up.

import { z } from 'zod'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { ApiCaller } from './api-caller.ts'
import { refreshRequests } from './export-calls.ts'
import { type ExportFormat, exportFormatSchema } from './rows.ts'

const aboutSchema = z.object({ version: z.string().min(1) })

const selfSchema = z.object({ id: z.int().positive(), username: z.string() })

const formatsSchema = z.object({ exporters: z.array(exportFormatSchema) })

/** Anonymous, and as such throttled at 100 calls a minute and address: not for polling. */
export async function getAbout(caller: ApiCaller, signal: AbortSignal): Promise<{ version: string }> {
  const call = { method: 'GET', path: '/api/server/about', anonymous: true } as const
  return (await caller.readJson(call, aboutSchema, signal)).value
}

export async function getSelf(caller: ApiCaller, signal: AbortSignal): Promise<{ id: number; username: string }> {
  return (await caller.readJson({ method: 'GET', path: '/api/users/self' }, selfSchema, signal)).value
}

export async function listFormats(caller: ApiCaller, signal: AbortSignal): Promise<ExportFormat[]> {
  const call = { method: 'GET', path: '/api/server/annotation/formats' } as const
  return (await caller.readJson(call, formatsSchema, signal)).value.exporters
}

const wrongServerCodes = new Set([
  'unexpected-answer',
  'answer-too-long',
  'no-endpoint',
  'not-found',
  'bad-request',
  'not-acceptable',
])

/**
 * That CVAT answers, knows the credentials, and has the requests API that exports need.
 *
 * @throws BackupError `not-cvat`, `server-too-old`, `login-failed`, and what any call may throw
 */
export async function checkServer(caller: ApiCaller, signal: AbortSignal): Promise<{ version: string }> {
  const about = await getAbout(caller, signal).catch((cause) => {
    if (!(cause instanceof BackupError) || !wrongServerCodes.has(cause.code)) throw cause
    throw new BackupError('What answers at CVAT_URL is not CVAT', {
      code: 'not-cvat',
      retryable: false,
      hint: 'Open CVAT_URL/api/server/about in a browser: it must show the name and version of CVAT. Leave /api out of CVAT_URL.',
      cause,
    })
  })
  await refreshRequests(caller, signal).catch((cause) => {
    if (!(cause instanceof BackupError) || cause.code !== 'no-endpoint') throw cause
    throw new BackupError(`CVAT ${about.version} has no requests API, which exports need`, {
      code: 'server-too-old',
      retryable: false,
      hint: 'Upgrade CVAT; 2.64.1 is the version that this product was measured with.',
      cause,
    })
  })
  return about
}
