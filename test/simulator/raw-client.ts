// A client that sees what happens to the connection, for tests of the simulator itself.

import { type IncomingHttpHeaders, request } from 'node:http'
import type { Simulator } from './simulator.ts'
import type { EntityKey } from './world-records.ts'

export interface RawOutcome {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** How it ended: in good order, or with the connection broken (or given up) before the body's end. */
  readonly end: 'complete' | 'broken' | 'given up'
}

export interface RawCall {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  /** Gives up after so many milliseconds without a byte. */
  readonly patienceMs?: number
}

export const asAdmin = { authorization: `Basic ${Buffer.from('admin:admin-password').toString('base64')}` }

export async function call(simulator: Simulator, path: string, options: RawCall = {}): Promise<RawOutcome> {
  const { method = 'GET', headers = asAdmin, json } = options
  return await new Promise((resolve, reject) => {
    let hasAnswer = false
    const outgoing = request(simulator.url + path, { method, headers, agent: false }, (response) => {
      hasAnswer = true
      const pieces: Buffer[] = []
      const finish = (end: RawOutcome['end']) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces), end })
      }
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('end', () => finish('complete'))
      response.on('error', () => finish('broken'))
      outgoing.on('timeout', () => {
        finish('given up')
        outgoing.destroy()
      })
    })
    outgoing.setTimeout(options.patienceMs ?? 10_000)
    // An error after the answer began is told by the answer itself.
    outgoing.on('error', (error) => (hasAnswer ? undefined : reject(error)))
    outgoing.end(json === undefined ? undefined : JSON.stringify(json))
  })
}

export async function callJson(simulator: Simulator, path: string, options: RawCall = {}): Promise<unknown> {
  return JSON.parse((await call(simulator, path, options)).body.toString('utf8'))
}

export async function exportBackup(simulator: Simulator, entity: EntityKey, headers = asAdmin): Promise<number> {
  const path = `/api/${entity.type}s/${entity.id}/backup/export`
  const { status } = await call(simulator, path, { method: 'POST', headers })
  return status
}

/** Where the finished backup of admin (user 1) is. */
export function backupPath(entity: EntityKey): string {
  return `/api/${entity.type}s/${entity.id}/backup/download?rq_id=${encodeURIComponent(backupId(entity))}`
}

export function backupId(entity: EntityKey): string {
  return `action=export&target=${entity.type}&target_id=${entity.id}&user_id=1&subresource=backup`
}

/** Exports, waits and downloads. */
export async function fetchBackup(simulator: Simulator, entity: EntityKey, headers = asAdmin): Promise<RawOutcome> {
  await exportBackup(simulator, entity, headers)
  await simulator.exports.whenIdle()
  return await call(simulator, backupPath(entity), { headers })
}

export function project(id: number): EntityKey {
  return { type: 'project', id }
}

export function task(id: number): EntityKey {
  return { type: 'task', id }
}
