// A recorded exchange, and how one is sent again.

import { readdirSync, readFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'

export interface Recording {
  readonly name: string
  readonly request: {
    readonly method: string
    readonly target: string
    readonly headers: Readonly<Record<string, string>>
    readonly json?: unknown
    /** A form that was sent with the call, as `FIELD=@FILE`. */
    readonly form?: readonly string[]
  }
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly json?: unknown
    readonly text?: string
  }
}

export interface Exchange {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly json?: unknown
  /** Sent as it is, in place of JSON. */
  readonly body?: Buffer
}

export interface Outcome {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The body, of which a large one is cut off after its first piece. */
  readonly text: string
}

const folder = new URL('./recordings/', import.meta.url)
const largestText = 1_000_000

export function loadRecordings(): Recording[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return names.map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Recording)
}

/** Sends exactly the given headers (and Host), as fetch would not. */
export async function exchange(url: string, given: Exchange): Promise<Outcome> {
  const { port } = new URL(url)
  const body = given.body ?? (given.json === undefined ? undefined : JSON.stringify(given.json))
  return await new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port, method: given.method, path: given.target, headers: given.headers, agent: false },
      (response) => {
        const pieces: Buffer[] = []
        const done = () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(pieces).toString('utf8'),
          })
        response.on('data', (piece: Buffer) => {
          pieces.push(piece)
          if (Number(response.headers['content-length']) <= largestText) return
          done()
          response.destroy()
        })
        response.on('end', done)
      },
    )
    call.on('error', reject)
    call.end(body)
  })
}
