// The answers that a real CVAT gave about the project of archives/kinds/composed_*.zip, served again.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ScriptedServer, sendJson, startScriptedServer } from '../shared/cvat/scripted-server.ts'

const folder = join(import.meta.dirname, '../fixtures/composed-api')

/** Its id on that server. */
export const COMPOSED_PROJECT = 31

export function composedAnswer(name: string): unknown {
  return JSON.parse(readFileSync(join(folder, name), 'utf8'))
}

/** `changes` may replace what a path answers. */
export async function serveComposedApi(
  changes: Readonly<Record<string, (count: number) => unknown>> = {},
): Promise<ScriptedServer> {
  const answers: Record<string, unknown> = {
    [`/api/projects/${COMPOSED_PROJECT}`]: composedAnswer('project.json'),
    '/api/labels': composedAnswer('labels.json'),
    '/api/guides/9': composedAnswer('guide.json'),
    '/api/tasks': composedAnswer('tasks.json'),
  }
  const server = await startScriptedServer(({ path }, response) => {
    const uuid = /^\/api\/assets\/(.+)$/.exec(path)?.[1]
    const answer = changes[path]?.(server.count(path)) ?? answers[path]
    if (answer !== undefined) return sendJson(response, 200, answer)
    if (uuid === undefined) return sendJson(response, 404, { detail: 'not recorded' })
    const head = readFileSync(join(folder, `asset_${uuid}.head`), 'utf8')
      .split('\r\n')
      .join('\n')
      .split('\n')
      .slice(1)
    for (const line of head) {
      const [name, value] = line.split(/: (.*)/)
      if (value !== undefined && !/^(connection|date|server)$/i.test(name!)) response.setHeader(name!, value)
    }
    response.end(readFileSync(join(folder, `asset_${uuid}.png`)))
  })
  return server
}
