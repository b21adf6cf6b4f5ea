// What has to be true before the recordings of restores (g2*, g3*, g4*) can be replayed: the archive, and how far it is uploaded.

import { readFileSync } from 'node:fs'
import { createUpload, formWith, send, sendBytes, upload } from '../simulator/restore/upload-client.ts'
import type { Simulator } from '../simulator/simulator.ts'
import type { Override, Step } from './preparations.ts'

/** What was restored: 15,692 bytes, sent as the first 6,000 and the rest. */
const archive = readFileSync(new URL('../fixtures/archives/project_backup.zip', import.meta.url))
const root = '/api/projects/backup/'
const firstBytes = 6000

export function restoreSteps(): Record<string, Step> {
  const [first, rest] = [archive.subarray(0, firstBytes), archive.subarray(firstBytes)]
  const uploadedUpTo =
    (bytes: number, body?: Buffer): NonNullable<Step['prepare']> =>
    async (simulator) => {
      const { path } = await begin(simulator, bytes)
      return { target: path, ...(body && { body }) }
    }
  return {
    g2c_patch1: { prepare: uploadedUpTo(0, first) },
    g2d_head: { prepare: uploadedUpTo(firstBytes) },
    g2e_patch_wrong_offset: { prepare: uploadedUpTo(firstBytes, rest) },
    g2f_patch2: { prepare: uploadedUpTo(firstBytes, rest) },
    g2g_finish: {
      prepare: async (simulator) => {
        const { name } = await begin(simulator, archive.length)
        return { target: `${root}?filename=${name}` }
      },
    },
    g2h_rq: { prepare: restored(17, (simulator) => upload(simulator, root, archive)) },
    g3_multipart: { prepare: () => form(archive) },
    g3b_rq: { prepare: restored(18, (simulator) => sendForm(simulator, archive)) },
    g4_multipart_truncated: { prepare: () => form(archive.subarray(0, 10_000)) },
    g4b_rq: { prepare: restored(19, (simulator) => sendForm(simulator, archive.subarray(0, 10_000))) },
  }
}

async function begin(simulator: Simulator, bytes: number): Promise<{ path: string; name: string }> {
  const made = await createUpload(simulator, root, archive.length)
  if (bytes > 0) await sendBytes(simulator, made.path, 0, archive.subarray(0, bytes))
  return made
}

/** The import that ended, of a server whose next project has this id. */
function restored(id: number, start: (simulator: Simulator) => Promise<string>): NonNullable<Step['prepare']> {
  return async (simulator) => {
    simulator.world.deleteProject(simulator.world.addProject({ id: id - 1, name: 'gone' }).id)
    const requestId = await start(simulator)
    await simulator.imports.whenIdle()
    return { target: `/api/requests/${encodeURIComponent(requestId)}` }
  }
}

function form(content: Buffer): Override {
  return formWith('project_file', 'archive.zip', content)
}

async function sendForm(simulator: Simulator, content: Buffer): Promise<string> {
  const { body, headers } = formWith('project_file', 'archive.zip', content)
  const answer = await send(simulator, 'POST', root, body, headers)
  return (JSON.parse(answer.body.toString()) as { rq_id: string }).rq_id
}
