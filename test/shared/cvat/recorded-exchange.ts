// Recorded exchanges with a real CVAT, and a server that gives a recorded answer again.

import { readdirSync, readFileSync } from 'node:fs'
import { type ScriptedServer, startScriptedServer } from './scripted-server.ts'

const folder = new URL('../../contracts/recordings/', import.meta.url)

export interface RecordedExchange {
  readonly name: string
  readonly request: { readonly method: string; readonly target: string; readonly headers: Record<string, string> }
  readonly response: {
    readonly status: number
    readonly headers: Record<string, string>
    readonly json?: unknown
    readonly text?: string
    /** Size of a body that was not kept. */
    readonly bytes?: number
  }
}

/** All recordings of single exchanges, by name. */
export function readRecordings(): Map<string, RecordedExchange> {
  const recordings = new Map<string, RecordedExchange>()
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    const content = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as RecordedExchange
    if (content.request && content.response) recordings.set(file.slice(0, -'.json'.length), content)
  }
  return recordings
}

/** Answers every call as recorded. Of a body that was not kept come zeros, as many as it had. */
export function startReplay({ response: recorded }: RecordedExchange): Promise<ScriptedServer> {
  return startScriptedServer((_, response) => {
    const headers = { ...recorded.headers }
    // Lengths are of the body as the server wrote it, which JSON read and written again does not keep.
    if (recorded.json !== undefined) delete headers['content-length']
    response.writeHead(recorded.status, headers)
    if (recorded.json !== undefined) return void response.end(JSON.stringify(recorded.json))
    if (recorded.text !== undefined) return void response.end(recorded.text)
    sendZeros(response, recorded.bytes ?? 0)
  })
}

function sendZeros(
  response: {
    write(chunk: Buffer): boolean
    end(): void
    once(event: 'drain', next: () => void): void
    destroyed: boolean
  },
  bytes: number,
): void {
  let left = bytes
  const more = () => {
    while (left > 0 && !response.destroyed) {
      const size = Math.min(left, 65_536)
      left -= size
      if (!response.write(Buffer.alloc(size))) return response.once('drain', more)
    }
    response.end()
  }
  more()
}
