// What the API tells of a project: the simulator's answers beside those of the real CVAT that made composed_*.zip, and
// project parts made of them beside the archives that a real CVAT made.

import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { writeProjectPart } from '#services/downloader/write-project-part.ts'
import { planFolder } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { openCvatClient } from '#shared/cvat/client.ts'
import { describeFile, fixtures, listMembers, writeOut } from '../shared/composition/composed-files.ts'
import { noAbort } from '../shared/cvat/test-client.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { call, callJson } from '../simulator/raw-client.ts'
import { restore } from '../simulator/restore/upload-client.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { createWorld } from '../simulator/test-world.ts'
import { composedAnswer } from '../support/serve-composed-api.ts'

type Row = Record<string, unknown>

const archives = ['', 'kinds'].flatMap((folder) =>
  readdirSync(join(fixtures, folder))
    .filter((name) => /project.*\.zip$/.test(name) && !/annotations|dataset|incomplete/.test(name))
    .map((name) => join(folder, name)),
)

async function restored(name: string) {
  const simulator = await startSimulator({ world: createWorld(), capacity: { basicCostMs: 0, exportMs: 1 } })
  onTestFinished(() => simulator.close())
  const { result_id, status } = await restore(simulator, 'project', readFileSync(join(fixtures, name)))
  expect(status).toBe('finished')
  return { simulator, id: result_id ?? 0 }
}

/** Names of keys in their order, as deep as they go; lists by their first row. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return '…'
  return Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)])
}

describe('the simulator', () => {
  it('tells of labels, guide and pictures as a real CVAT does', async () => {
    const { simulator, id } = await restored('kinds/composed_project_cvats_own.zip')
    const project = (await callJson(simulator, `/api/projects/${id}`)) as Row
    const { url: _, ...recorded } = composedAnswer('project.json') as Row
    const { url: __, ...own } = project
    expect(Object.keys(own)).toEqual(Object.keys(recorded))
    const labels = (await callJson(simulator, `/api/labels?project_id=${id}&sort=id&page_size=500`)) as Row
    const real = composedAnswer('labels.json') as Row
    const rows = labels.results as Row[]
    for (const [index, row] of (real.results as Row[]).entries()) expect(shapeOf(rows[index])).toEqual(shapeOf(row))
    const guide = (await callJson(simulator, `/api/guides/${project.guide_id}`)) as { markdown: string }
    const { markdown } = composedAnswer('guide.json') as { markdown: string }
    expect(Object.keys(guide)).toEqual(Object.keys(composedAnswer('guide.json') as Row))
    const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
    expect(guide.markdown.replaceAll(uuid, 'UUID')).toBe(markdown.replaceAll(uuid, 'UUID'))
    const pictures = [...new Set(guide.markdown.match(uuid))]
    for (const [index, asset] of [...new Set(markdown.match(uuid))].entries()) {
      const head = readFileSync(join(fixtures, `../composed-api/asset_${asset}.head`), 'utf8').toLowerCase()
      const ours = await call(simulator, `/api/assets/${pictures[index]}`)
      const names = ['content-type', 'content-length', 'content-disposition', 'accept-ranges']
      for (const name of names) expect(head).toContain(`${name}: ${String(ours.headers[name]).toLowerCase()}`)
      expect(ours.headers).toMatchObject({ etag: expect.any(String), 'last-modified': expect.any(String) })
    }
  })
})

describe('a project part', () => {
  it.each(archives)(
    'made of the answers about %s, restored, is what that archive has outside its tasks',
    async (name) => {
      const { simulator, id } = await restored(name)
      const accessToken = simulator.world.addAccessToken('admin').value
      await using cvat = openCvatClient({ url: simulator.url, credentials: { accessToken } })
      const path = join(await makeTemporaryFolder(), 'part.zip')
      await writeFile(path, '')
      await writeProjectPart(id, { cvat: cvat.descriptions, path, signal: noAbort() })
      const membersOf = async (archive: string) =>
        listMembers(
          await writeOut(await openComposedArchive({ parts: [planFolder(await describeFile(archive), '', '')] })),
        )
      expect(await membersOf(path)).toEqual(await membersOf(join(fixtures, name)))
    },
  )
})
