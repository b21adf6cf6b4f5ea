// What a client that compares sees of a restored project or task, and what it can put back.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readMembers } from '../../contracts/zip-shape.ts'
import { asAdmin, call, callJson, fetchBackup } from '../raw-client.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import { createWorld } from '../test-world.ts'
import { createUpload, finishUpload, restore, sendBytes } from './upload-client.ts'

type Row = Readonly<Record<string, unknown>>

const folder = new URL('../../fixtures/archives/', import.meta.url)

describe('a restored project', () => {
  it('has its tasks in order, in their subsets, with their labels, guide and pictures', async () => {
    await using simulator = await start()
    const id = await restored(simulator, 'project', 'kinds/project_subsets_guide_skeleton')
    const project = (await callJson(simulator, `/api/projects/${id}`)) as Row
    expect(project).toMatchObject({ name: 'Prój 人', bug_tracker: 'http://bugs.example/p', status: 'annotation' })
    expect(project).toMatchObject({ tasks: { count: 3 }, assignee: null, owner: { username: 'admin' } })
    const tasks = await list(simulator, `/api/tasks?project_id=${id}&sort=id`)
    expect(tasks.map(({ name, subset, size }) => [name, subset, size])).toEqual([
      ['pt0', 'Train', 4],
      ['pt1', 'Test', 4],
      ['pt2', 'Train', 4],
    ])
    const labels = await list(simulator, `/api/labels?project_id=${id}`)
    expect(labels.map(({ name, type }) => [name, type])).toEqual([
      ['car', 'any'],
      ['Fußgänger 人', 'any'],
      ['scene', 'tag'],
      ['pose', 'skeleton'],
    ])
    const pose = labels[3] as { sublabels: Row[]; svg: string; attributes: Row[] }
    expect(pose.sublabels).toMatchObject([
      { name: 'head', has_parent: true, attributes: [{ name: 'vis' }] },
      { name: 'hand' },
    ])
    expect(pose.svg).toContain(`data-label-id="${pose.sublabels[0]?.id}"`)
    expect(pose.svg).not.toContain('data-label-name')
    const guide = (await callJson(simulator, `/api/guides/${project.guide_id}`)) as { markdown: string }
    const assets = [...guide.markdown.matchAll(/\/api\/assets\/([0-9a-f-]{36})/g)].map((match) => match[1])
    expect(new Set(assets).size).toBe(2)
    for (const uuid of assets) expect((await call(simulator, `/api/assets/${uuid}`)).body.length).toBe(83)
  })

  it('goes into the organization that the call names', async () => {
    await using simulator = await start()
    simulator.world.addOrganization({ slug: 'acme', members: { bob: 'worker' } })
    const root = '/api/projects/backup/?org=acme'
    const archive = readFileSync(new URL('project_backup.zip', folder))
    const { path, name } = await createUpload(simulator, '/api/projects/backup/', archive.length)
    await sendBytes(simulator, path, 0, archive)
    expect((await finishUpload(simulator, root, name)).status).toBe(202)
    await simulator.imports.whenIdle()
    expect(await list(simulator, '/api/projects?org=acme')).toHaveLength(1)
    expect((await list(simulator, '/api/tasks?org=acme')).length).toBeGreaterThan(0)
    const bob = { authorization: `Basic ${Buffer.from('bob:bob-password').toString('base64')}` }
    expect((await createUpload(simulator, root, 10, bob)).status).toBe(403)
  })

  it('is deleted with all that is in it', async () => {
    await using simulator = await start()
    const id = await restored(simulator, 'project', 'kinds/project_subsets_guide_skeleton')
    expect((await call(simulator, `/api/projects/${id}`, { method: 'DELETE' })).status).toBe(204)
    const { world } = simulator
    expect([world.projects.size, world.tasks.size, world.jobs.size, world.labels.size]).toEqual([0, 0, 0, 0])
  })
})

describe('a restored task', () => {
  it.each([
    ['kinds/images_step2_cache', ['s01.png', 's03.png', 's05.png', 's07.png'], []],
    ['kinds/share_step2_deleted_nocopy', ['lab/s10.png', 'lab/s3.png', 'lab/s5.png'], [1]],
    ['kinds/video_jobs_deleted', ['v.mp4'], [3, 9]],
    ['kinds/pcd_3d_related', ['pointcloud/000.pcd', 'pointcloud/001.pcd'], []],
  ])('has the frames of %s', async (name, frames, deleted) => {
    await using simulator = await start()
    const id = await restored(simulator, 'task', name)
    const meta = (await callJson(simulator, `/api/tasks/${id}/data/meta`)) as {
      frames: Row[]
      deleted_frames: number[]
    }
    expect([meta.frames.map((frame) => frame.name), meta.deleted_frames]).toEqual([frames, deleted])
  })

  it('has context images only where they are in the archive', async () => {
    await using simulator = await start()
    const related = async (name: string) => {
      const id = await restored(simulator, 'task', name)
      const meta = (await callJson(simulator, `/api/tasks/${id}/data/meta`)) as { frames: Row[] }
      return meta.frames.map((frame) => frame.related_files)
    }
    expect(await related('kinds/share_related_2d_copy')).toEqual([1, 2])
    expect(await related('kinds/share_related_2d_nocopy')).toEqual([0, 0])
  })

  it('has its jobs, of all kinds, in state new and stage annotation', async () => {
    await using simulator = await start()
    const jobs = async (name: string) => {
      const id = await restored(simulator, 'task', name)
      return await list(simulator, `/api/jobs?task_id=${id}&sort=id`)
    }
    const show = ({ type, start_frame, stop_frame, frame_count, stage, state }: Row) =>
      [type, start_frame, stop_frame, frame_count, stage, state].join(' ')
    expect((await jobs('kinds/gt_at_creation')).map(show)).toEqual([
      'annotation 0 2 3 annotation new',
      'annotation 3 5 3 annotation new',
      'annotation 6 7 2 annotation new',
      'ground_truth 0 7 2 annotation new',
    ])
    const replicas = await jobs('kinds/consensus_replicas')
    expect(replicas.map(({ type, consensus_replicas: count }) => `${type} ${count}`)).toEqual([
      ...['annotation 2', 'consensus_replica 0', 'consensus_replica 0'],
      ...['annotation 2', 'consensus_replica 0', 'consensus_replica 0'],
    ])
    expect(replicas.map(({ parent_job_id: parent }) => parent)).toEqual(
      [null, 0, 0, null, 3, 3].map((index) => (index === null ? null : replicas[index]?.id)),
    )
  })

  it('has the annotations of each job, and of all together', async () => {
    await using simulator = await start()
    const id = await restored(simulator, 'task', 'kinds/annotations_all_kinds_skeleton')
    type Shape = Row & { elements: Row[]; attributes: Row[] }
    const all = (await callJson(simulator, `/api/tasks/${id}/annotations/`)) as {
      shapes: Shape[]
      tags: Row[]
      tracks: Row[]
    }
    expect([all.tags.length, all.shapes.length, all.tracks.length]).toEqual([2, 8, 2])
    const labels = await list(simulator, `/api/labels?task_id=${id}`)
    const skeleton = all.shapes.at(-1)
    expect(skeleton).toMatchObject({ type: 'skeleton', label_id: labels[3]?.id })
    const [head] = (labels[3]?.sublabels ?? []) as { id: number; attributes: Row[] }[]
    expect(skeleton?.elements[0]).toMatchObject({
      label_id: head?.id,
      attributes: [{ spec_id: head?.attributes[0]?.id, value: 'n' }],
    })
    const [job] = await list(simulator, `/api/jobs?task_id=${id}`)
    expect(await callJson(simulator, `/api/jobs/${job?.id}/annotations/`)).toEqual(all)
  })

  it('counts what two overlapping jobs both hold once', async () => {
    await using simulator = await start()
    const id = await restored(simulator, 'task', 'kinds/rich_overlap_jobs')
    const all = (await callJson(simulator, `/api/tasks/${id}/annotations/`)) as { shapes: Row[] }
    const jobs = await list(simulator, `/api/jobs?task_id=${id}`)
    let sum = 0
    for (const job of jobs) {
      sum += ((await callJson(simulator, `/api/jobs/${job.id}/annotations/`)) as { shapes: Row[] }).shapes.length
    }
    expect(all.shapes.length).toBeLessThan(sum)
  })

  it('takes back what no archive holds: state, stage and assignee of its jobs', async () => {
    await using simulator = await start()
    const id = await restored(simulator, 'task', 'task_backup')
    const [job] = await list(simulator, `/api/jobs?task_id=${id}`)
    const [bob] = await list(simulator, '/api/users?search=bob')
    const change = async (json: object) => await call(simulator, `/api/jobs/${job?.id}`, { method: 'PATCH', json })
    const answer = await change({ stage: 'acceptance', state: 'completed', assignee: bob?.id })
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      ...{ stage: 'acceptance', state: 'completed', status: 'completed' },
      assignee: { username: 'bob' },
    })
    expect((await change({ stage: 'nowhere' })).status).toBe(400)
    expect((await change({ state: 'nowhere' })).status).toBe(400)
    expect((await change({ assignee: 99 })).status).toBe(400)
  })

  it('holds later changes in its next backup, and only those', async () => {
    await using simulator = await start()
    const id = await restored(simulator, 'task', 'kinds/jobs_overlap_states_deleted_issue')
    const before = await readMembers((await fetchBackup(simulator, { type: 'task', id })).body)
    const [label] = await list(simulator, `/api/labels?task_id=${id}`)
    simulator.world.renameTask(id, 'another')
    simulator.world.changeLabel(Number(label?.id), { name: 'vehicle' })
    const after = await readMembers((await fetchBackup(simulator, { type: 'task', id })).body)
    const changed = after.filter((member, index) => member.crc !== before[index]?.crc)
    expect(changed.map(({ shape }) => shape.name)).toEqual(['task.json', 'annotations.json'])
    const [task, annotations] = changed.map(({ content }) => content.toString())
    expect(JSON.parse(task ?? '')).toMatchObject({ name: 'another', labels: [{}, {}, { name: 'vehicle' }] })
    expect(annotations).not.toContain('"label":"car"')
    simulator.world.annotate(id, 2)
    const last = await readMembers((await fetchBackup(simulator, { type: 'task', id })).body)
    expect(last.filter((member, index) => member.crc !== after[index]?.crc)).toHaveLength(1)
  })
})

describe('users', () => {
  it('are all there for an administrator, for others only those they work with', async () => {
    await using simulator = await start()
    simulator.world.addUser({ username: 'carol', password: 'carol-password' })
    const bob = { authorization: `Basic ${Buffer.from('bob:bob-password').toString('base64')}` }
    const names = async (headers = asAdmin) =>
      (await list(simulator, '/api/users?sort=id', headers)).map(({ username }) => username)
    expect(await names()).toEqual(['admin', 'bob', 'carol'])
    expect(await names(bob)).toEqual(['bob'])
    simulator.world.addOrganization({ slug: 'acme', owner: 'bob', members: { carol: 'worker' } })
    expect(await names(bob)).toEqual(['bob', 'carol'])
  })
})

async function start(): Promise<Simulator> {
  return await startSimulator({ world: createWorld(), capacity: { basicCostMs: 0, importMs: 1, exportMs: 1 } })
}

async function restored(simulator: Simulator, target: 'project' | 'task', name: string): Promise<number> {
  const outcome = await restore(simulator, target, readFileSync(new URL(`${name}.zip`, folder)))
  expect(outcome.message).toBe('')
  return outcome.result_id ?? 0
}

async function list(simulator: Simulator, path: string, headers = asAdmin): Promise<Row[]> {
  const address = `${path}${path.includes('?') ? '&' : '?'}page_size=100`
  return ((await callJson(simulator, address, { headers })) as { results: Row[] }).results
}
