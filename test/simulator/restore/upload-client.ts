// Restores by plain HTTP, one step a function, for tests of the simulator and of what restores by itself.

import { type IncomingHttpHeaders, request } from 'node:http'
import { asAdmin, call, callJson, type RawOutcome } from '../raw-client.ts'
import type { Simulator } from '../simulator.ts'

type Headers = Readonly<Record<string, string>>

export interface RequestBody {
  readonly status: string
  readonly message: string
  readonly result_id: number | null
  readonly finished_date: string | null
  readonly expiry_date: string | null
}

/** Sends bytes as a body with a length. Resolves with the answer; rejects when the connection breaks first. */
export async function send(
  simulator: Simulator,
  method: string,
  path: string,
  body: Buffer,
  headers: Headers = {},
): Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(
      path.startsWith('http') ? path : simulator.url + path,
      { method, headers: { ...asAdmin, 'content-length': String(body.length), ...headers }, agent: false },
      (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** The upload's address and name. */
export async function createUpload(
  simulator: Simulator,
  root: string,
  sizeBytes: number,
  headers: Headers = asAdmin,
): Promise<{ status: number; path: string; name: string }> {
  const outcome = await call(simulator, root, {
    method: 'POST',
    headers: {
      ...headers,
      'tus-resumable': '1.0.0',
      'upload-length': String(sizeBytes),
      'upload-metadata': `filename ${Buffer.from('archive.zip').toString('base64')}`,
    },
  })
  const location = String(outcome.headers.location ?? '')
  return {
    status: outcome.status,
    path: location.replace(/^https?:\/\/[^/]+/, ''),
    name: String(outcome.headers['upload-filename']),
  }
}

export async function sendBytes(
  simulator: Simulator,
  path: string,
  offset: number,
  bytes: Buffer,
  headers: Headers = {},
): Promise<{ status: number; headers: IncomingHttpHeaders }> {
  return await send(simulator, 'PATCH', path, bytes, {
    'tus-resumable': '1.0.0',
    'upload-offset': String(offset),
    'content-type': 'application/offset+octet-stream',
    ...headers,
  })
}

/** How many bytes the server says that it has; its status where it says nothing. */
export async function askOffset(simulator: Simulator, path: string): Promise<{ status: number; offset: number }> {
  const { status, headers } = await call(simulator, path, { method: 'HEAD' })
  return { status, offset: Number(headers['upload-offset'] ?? Number.NaN) }
}

export async function finishUpload(
  simulator: Simulator,
  root: string,
  name: string,
  headers: Headers = asAdmin,
): Promise<RawOutcome> {
  const path = `${root}${root.includes('?') ? '&' : '?'}filename=${name}`
  return await call(simulator, path, { method: 'POST', headers: { ...headers, 'upload-finish': '' } })
}

/** The whole sequence, in pieces; resolves to the id of the import's request. */
export async function upload(
  simulator: Simulator,
  root: string,
  archive: Buffer,
  pieceBytes = 1_000_000,
): Promise<string> {
  const { path, name } = await createUpload(simulator, root, archive.length)
  for (let at = 0; at < archive.length; at += pieceBytes) {
    const { status } = await sendBytes(simulator, path, at, archive.subarray(at, at + pieceBytes))
    if (status !== 204) throw new Error(`PATCH at ${at} was answered with ${status}`)
  }
  const { status, body } = await finishUpload(simulator, root, name)
  if (status !== 202) throw new Error(`The end of the upload was answered with ${status} ${body}`)
  return (JSON.parse(body.toString()) as { rq_id: string }).rq_id
}

/** Uploads an archive, waits for its import and resolves to how it ended. */
export async function restore(simulator: Simulator, target: 'project' | 'task', archive: Buffer): Promise<RequestBody> {
  const id = await upload(simulator, `/api/${target}s/backup/`, archive)
  await simulator.imports.whenIdle()
  return await askRequest(simulator, id)
}

export async function askRequest(simulator: Simulator, id: string): Promise<RequestBody> {
  return (await callJson(simulator, `/api/requests/${encodeURIComponent(id)}`)) as RequestBody
}

/** A body of multipart/form-data with one file, and the header that goes with it. */
export function formWith(field: string, fileName: string, content: Buffer): { body: Buffer; headers: Headers } {
  const boundary = 'a-boundary-that-no-archive-holds'
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${fileName}"\r\n\r\n`
  const body = Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)])
  return { body, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } }
}
