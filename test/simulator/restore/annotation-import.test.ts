// Importing annotations: what it replaces, how frames are found, what fails, and what each format loses on the way back.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readMembers } from '../../contracts/zip-shape.ts'
import { buildZip } from '../../shared/store/build-zip.ts'
import { asAdmin, call, callJson } from '../raw-client.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import { createWorld } from '../test-world.ts'
import {
  askRequest,
  createUpload,
  finishUpload,
  formWith,
  type RequestBody,
  restore,
  send,
  sendBytes,
} from './upload-client.ts'

interface Annotations {
  readonly tags: readonly { readonly source: string; readonly frame: number }[]
  readonly shapes: readonly {
    readonly frame: number
    readonly label_id: number
    readonly attributes: readonly object[]
  }[]
  readonly tracks: readonly object[]
}

const query = '?format=CVAT%201.1'

describe('an import of annotations', () => {
  it('replaces everything that the task had, also by an empty document', async () => {
    await using simulator = await startWithTask()
    expect(await countShapes(simulator)).toBe(3)
    expect((await importXml(simulator, document('<image id="1" name="img_1.jpg">BOX</image>'))).status).toBe('finished')
    expect((await annotationsOf(simulator)).shapes.map(({ frame }) => frame)).toEqual([1])
    expect((await importXml(simulator, document(''))).status).toBe('finished')
    expect(await countShapes(simulator)).toBe(0)
  })

  it('finds frames by name, else by number without a word, and fails only beyond the last', async () => {
    await using simulator = await startWithTask()
    const images = '<image id="0" name="img_2.png">BOX</image><image id="1" name="strange.png">BOX</image>'
    expect((await importXml(simulator, document(images))).status).toBe('finished')
    expect((await annotationsOf(simulator)).shapes.map(({ frame }) => frame)).toEqual([2, 1])
    const beyond = await importXml(simulator, document(`${images}<image id="3" name="r3.png">BOX</image>`))
    expect(beyond).toMatchObject({
      status: 'failed',
      message:
        "cvat.apps.dataset_manager.bindings.CvatImportError: Could not match item id: 'r3' with any task frame\n",
    })
    expect((await annotationsOf(simulator)).shapes.map(({ frame }) => frame)).toEqual([2, 1])
  })

  it.each([
    [
      'an unknown label',
      document('<image id="0" name="img_0.jpg"><box label="lorry"></box></image>'),
      /'lorry' is not registered/,
    ],
    ['no XML', 'nothing of the kind', /^xml.etree.ElementTree.ParseError: syntax error: line 1, column 0/],
    [
      'XML that ends early',
      '<annotations><image id="0" name="a">',
      /^xml.etree.ElementTree.ParseError: no element found/,
    ],
    [
      'XML with crossed tags',
      '<annotations><image></annotations>',
      /^xml.etree.ElementTree.ParseError: mismatched tag/,
    ],
  ])('fails over %s and leaves the annotations as they were', async (_, text, message) => {
    await using simulator = await startWithTask()
    const outcome = await importXml(simulator, text)
    expect([outcome.status, outcome.message]).toEqual(['failed', expect.stringMatching(message)])
    expect(await countShapes(simulator)).toBe(3)
  })

  it('is refused while one into the same task runs, by form and by TUS', async () => {
    await using simulator = await startWithTask()
    simulator.imports.pause()
    const file = Buffer.from(document(''))
    const first = await post(simulator, '/api/tasks/1/annotations', file)
    expect(first.status).toBe(202)
    const second = await post(simulator, '/api/tasks/1/annotations/', file)
    expect([second.status, second.body.toString()]).toEqual([409, first.body.toString()])
    const { path, name } = await createUpload(simulator, '/api/tasks/1/annotations/', file.length)
    await sendBytes(simulator, path, 0, file)
    const finish = async () => (await finishUpload(simulator, `/api/tasks/1/annotations${query}`, name)).status
    expect(await finish()).toBe(409)
    expect((await post(simulator, '/api/tasks/2/annotations', file)).status).toBe(202)
    simulator.imports.resume()
    await simulator.imports.whenIdle()
    expect(await finish()).toBe(202)
    await simulator.imports.whenIdle()
    expect(await finish()).toBe(400)
  })

  it('into a job leaves the other jobs alone', async () => {
    await using simulator = await startWithTask()
    const [, lastJob = 0] = simulator.world.task(2).jobIds
    const images = '<image id="0" name="img_0.jpg">BOX</image><image id="3" name="img_3.jpg">BOX BOX</image>'
    const answer = await post(simulator, `/api/jobs/${lastJob}/annotations`, Buffer.from(document(images)))
    expect(answer.status).toBe(202)
    await simulator.imports.whenIdle()
    expect((await annotationsOf(simulator, 2)).shapes.map(({ frame }) => frame)).toEqual([0, 1, 3, 3])
  })

  it('of a dataset adds a task for each subset', async () => {
    await using simulator = await startWithTask()
    const project = simulator.world.addProject({ name: 'p' })
    const zip = buildZip(['images/Train/a.jpg', 'images/Train/b.jpg', 'images/Test/c.jpg'].map((name) => ({ name })))
    const form = formWith('dataset_file', 'd.zip', zip)
    await send(simulator, 'POST', `/api/projects/${project.id}/dataset${query}`, form.body, form.headers)
    await simulator.imports.whenIdle()
    expect(simulator.world.tasksOf(project.id).map(({ name, data }) => [name, data?.frames])).toEqual([
      ['Train', 2],
      ['Test', 1],
    ])
  })

  it('loses what CVAT loses, on the way through either of its own formats', async () => {
    await using simulator = await startSimulator({ world: createWorld(), capacity })
    const archive = readFileSync(
      new URL('../../fixtures/archives/kinds/annotations_all_kinds_skeleton.zip', import.meta.url),
    )
    const { result_id: id } = await restore(simulator, 'task', archive)
    const counts = async () => {
      const { tags, shapes, tracks } = await annotationsOf(simulator, id ?? 0)
      return [tags.length, shapes.length, tracks.length]
    }
    expect(await counts()).toEqual([2, 8, 2])
    const images = await exportXml(simulator, id ?? 0, 'CVAT for images 1.1')
    const video = await exportXml(simulator, id ?? 0, 'CVAT for video 1.1')
    await importXml(simulator, images, id ?? 0)
    // A track of three frames (outside on the fourth), and one of three as well: six more shapes.
    expect(await counts()).toEqual([2, 14, 0])
    expect((await annotationsOf(simulator, id ?? 0)).tags.map(({ source }) => source)).toEqual(['file', 'file'])
    await importXml(simulator, video, id ?? 0)
    expect(await counts()).toEqual([0, 0, 10])
  })
})

describe('the frames of a video', () => {
  it.each([
    ['video_cache', ['frame_000000', 'frame_000001', 'frame_000002']],
    // Every second one, from the fourth on: told by their numbers in the video.
    ['video_step2_cache', ['frame_000003', 'frame_000005', 'frame_000007']],
  ])('of %s are named by their numbers in exports, and found by these names again', async (kind, names) => {
    await using simulator = await startSimulator({ world: createWorld(), capacity })
    const archive = readFileSync(new URL(`../../fixtures/archives/kinds/${kind}.zip`, import.meta.url))
    const { result_id: id } = await restore(simulator, 'task', archive)
    const images = await exportXml(simulator, id ?? 0, 'CVAT for images 1.1')
    expect([...images.matchAll(/ name="(\w+)" /g)].map(([, name]) => name).slice(0, 3)).toEqual(names)
    const label = simulator.world.labelsOf(simulator.world.tasks.get(id ?? 0)!)[0]!.name
    const box = '<box label="LABEL" occluded="0" xtl="1" ytl="1" xbr="9" ybr="9" z_order="0"></box>'
    const document = `<annotations><image id="0" name="${names[2]}">${box.replace('LABEL', label)}</image></annotations>`
    expect((await importXml(simulator, document, id ?? 0)).status).toBe('finished')
    expect((await annotationsOf(simulator, id ?? 0)).shapes.map(({ frame }) => frame)).toEqual([2])
  })
})

const capacity = { basicCostMs: 0, importMs: 1, exportMs: 1 }

/** Task 1 with three frames and a shape on each, task 2 with four in two jobs. */
async function startWithTask(): Promise<Simulator> {
  const world = createWorld()
  world.addTask({ projectId: null, name: 't', frames: 3 })
  world.addTask({ projectId: null, name: 'two jobs', frames: 4, jobs: 2 })
  return await startSimulator({ world, capacity })
}

function document(images: string): string {
  const box = '<box label="car" xtl="1" ytl="1" xbr="5" ybr="5" occluded="0" z_order="0"></box>'
  return `<?xml version="1.0" encoding="utf-8"?>\n<annotations>${images.replaceAll('BOX', box)}</annotations>\n`
}

async function post(simulator: Simulator, root: string, file: Buffer): Promise<{ status: number; body: Buffer }> {
  const { body, headers } = formWith('annotation_file', 'a.xml', file)
  return await send(simulator, 'POST', `${root}${query}`, body, headers)
}

async function importXml(simulator: Simulator, text: string, taskId = 1): Promise<RequestBody> {
  const answer = await post(simulator, `/api/tasks/${taskId}/annotations`, Buffer.from(text))
  await simulator.imports.whenIdle()
  return await askRequest(simulator, (JSON.parse(answer.body.toString()) as { rq_id: string }).rq_id)
}

async function annotationsOf(simulator: Simulator, taskId = 1): Promise<Annotations> {
  return (await callJson(simulator, `/api/tasks/${taskId}/annotations/`)) as Annotations
}

async function countShapes(simulator: Simulator): Promise<number> {
  return (await annotationsOf(simulator)).shapes.length
}

async function exportXml(simulator: Simulator, taskId: number, format: string): Promise<string> {
  const root = `/api/tasks/${taskId}/dataset`
  const order = await call(simulator, `${root}/export?format=${encodeURIComponent(format)}&save_images=false`, {
    method: 'POST',
    headers: asAdmin,
  })
  const { rq_id: id } = JSON.parse(order.body.toString()) as { rq_id: string }
  await simulator.exports.whenIdle()
  const { body } = await call(simulator, `${root}/download?rq_id=${encodeURIComponent(id)}`)
  return (await readMembers(body))[0]?.content.toString() ?? ''
}
