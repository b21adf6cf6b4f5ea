// Uploads as CVAT speaks TUS, the same below every address that takes a file: start, create, bytes, finish (recordings g2*, r_3*).
// What no recording shows (413, 403, an upload forgotten once it is whole) follows CVAT's source.

import { type Answer, empty, json, serverErrorPage } from '../answers.ts'
import type { Call, Handler, Route, Server } from '../call.ts'
import { receiveFormFile } from './multipart.ts'
import { receiveBytes } from './receive-bytes.ts'
import type { Upload } from './upload-store.ts'

export interface UploadPlace {
  /** Where files are sent to, the last one with a slash at its end: there uploads are created. */
  readonly paths: readonly string[]
  readonly allow: string
  /** What the form's field with the file is called. */
  readonly formField: string
  /** Who may not, and what is wrong with the call; asked before anything is taken. */
  readonly refuse: (call: Call) => Answer | null
  /**
   * Told of a file that is all there. Once it has answered 202 it must call `release` when it needs the file no more;
   * after any other answer an upload can be finished again.
   */
  readonly finish: (call: Call, path: string, release: () => void) => Answer
  /** What the address does besides taking files. */
  readonly methods?: Route['methods']
}

export function uploadRoutes(server: Server, place: UploadPlace): Route[] {
  const tus = tusHeaders(server)
  const onUpload =
    (answer: (call: Call, upload: Upload) => Answer | Promise<Answer>): Handler =>
    (call) => {
      const upload = server.uploads.findOpen(call.params.upload ?? '')
      if (!upload) return empty(404, tus)
      return upload.owner === call.user ? answer(call, upload) : empty(403, tus)
    }
  return [
    ...place.paths.map((path) => ({
      path,
      allow: place.allow,
      methods: { ...place.methods, POST: (call: Call) => takePost(call, server, place) },
    })),
    {
      path: `${place.paths.at(-1)}{upload}`,
      allow: 'PATCH, HEAD, OPTIONS',
      methods: {
        HEAD: onUpload((_, { offset, sizeBytes }) =>
          empty(200, { ...tus, 'upload-offset': String(offset), 'upload-length': String(sizeBytes) }),
        ),
        PATCH: onUpload((call, upload) => takeBytes(call, server, upload)),
      },
    },
  ]
}

async function takePost(call: Call, server: Server, place: UploadPlace): Promise<Answer> {
  const refusal = place.refuse(call)
  if (refusal) return refusal
  if (call.headers['upload-finish'] !== undefined) return finish(call, server, place)
  if (call.headers['upload-start'] !== undefined) return empty(202)
  if (call.headers['upload-length'] !== undefined) return await create(call, server, place)
  const contentType = call.headers['content-type'] ?? ''
  if (!contentType.startsWith('multipart/')) return noFile(place)
  const path = server.uploads.newPath()
  try {
    const isThere = await receiveFormFile(receiveBytes(call, server), contentType, place.formField, path)
    if (isThere) return handOver(call, server, place, path, false)
  } catch (error) {
    await server.uploads.release(path)
    if (call.bytes.destroyed) return empty(clientGone)
    throw error
  }
  await server.uploads.release(path)
  return noFile(place)
}

function handOver(call: Call, server: Server, place: UploadPlace, path: string, isKept: boolean): Answer {
  const { uploads } = server
  uploads.hold(path)
  const answer = place.finish(call, path, () => void uploads.release(path))
  if (answer.status !== 202) void uploads.release(path, isKept)
  return answer
}

/** What nginx logs when the client has gone; nobody gets to see it. */
const clientGone = 499

const noFile = (place: UploadPlace): Answer => json(400, { [place.formField]: ['No file was submitted.'] })

async function create(call: Call, server: Server, place: UploadPlace): Promise<Answer> {
  const size = Number(call.headers['upload-length'])
  if (size > server.capacity.maxUploadBytes) {
    const text = `File size exceeds max limit of ${server.capacity.maxUploadBytes} bytes`
    return json(413, text, tusHeaders(server))
  }
  if (!Number.isInteger(size) || size <= 0) return serverErrorPage()
  const { id } = await server.uploads.create(call.user, size)
  const path = (place.paths.at(-1) ?? '').replace('{id}', call.params.id ?? '')
  return empty(201, { ...tusHeaders(server), location: `${call.base}${path}${id}`, 'upload-filename': id })
}

async function takeBytes(call: Call, server: Server, upload: Upload): Promise<Answer> {
  const tus = tusHeaders(server)
  const offset = Number(call.headers['upload-offset'] ?? 0)
  const isWrong = offset !== upload.offset
  const size = Number(call.headers['content-length'] ?? Number.NaN)
  if (isWrong || offset + size > upload.sizeBytes) {
    call.bytes.resume()
    return empty(isWrong ? 409 : 413, tus)
  }
  if (Number.isNaN(size)) return json(400, ['Content-Length header is missing'])
  try {
    await server.uploads.append(upload, receiveBytes(call, server), call.uploadFault?.counted !== 'none')
  } catch (error) {
    if (call.bytes.destroyed) return empty(clientGone)
    throw error
  }
  return empty(204, { ...tus, 'upload-offset': String(upload.offset) })
}

/** The name is the one that creating the upload gave. An upload finished too early is taken, zeros and all. */
function finish(call: Call, server: Server, place: UploadPlace): Answer {
  const upload = server.uploads.findFile(call.query.get('filename') ?? '')
  if (!upload || upload.owner !== call.user) return json(400, 'No such file were uploaded')
  return handOver(call, server, place, upload.path, true)
}

function tusHeaders(server: Server): Record<string, string> {
  return {
    'tus-resumable': '1.0.0',
    'tus-version': '1.0.0',
    'tus-extension': '',
    'tus-max-size': String(server.capacity.maxUploadBytes),
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'PATCH,HEAD,GET,POST,OPTIONS',
    'access-control-expose-headers': 'Tus-Resumable,upload-length,upload-metadata,Location,Upload-Offset',
    'access-control-allow-headers': 'Tus-Resumable,upload-length,upload-metadata,Location,Upload-Offset,content-type',
    'cache-control': 'no-store',
  }
}
