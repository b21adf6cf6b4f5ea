import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ArchiveSide, type Comparison, compareArchives } from '#shared/comparison/compare-archives.ts'
import { fixtures, writeArchive } from '../composition/composed-files.ts'
import { buildZip, type MemberPlan } from '../store/build-zip.ts'
import { planProject, planTask, withData, without } from '../store/plan-backup.ts'

async function compare(before: ArchiveSide | string, after: ArchiveSide | string): Promise<Comparison[]> {
  const side = (one: ArchiveSide | string) => (typeof one === 'string' ? { path: join(fixtures, one) } : one)
  return Array.fromAsync(compareArchives(side(before), side(after)))
}

async function built(members: readonly MemberPlan[], perTask?: ArchiveSide['perTask']): Promise<ArchiveSide> {
  return { path: (await writeArchive(buildZip(members))).archivePath, perTask }
}

/** What differs between two states of one task. */
async function changesOf(before: readonly MemberPlan[], after: readonly MemberPlan[]) {
  const found = await compare(await built(before), await built(after))
  return found.flatMap((one) => ('changes' in one ? [one.changes] : []))
}

const task = planTask()
const jsonOf = (members: readonly MemberPlan[], name: string) =>
  JSON.parse(String(members.find((member) => member.name === name)?.data))
const withJson = (name: string, change: (value: Record<string, unknown>) => object) =>
  withData(task, name, JSON.stringify(change(jsonOf(task, name))))
const withAnnotations = (...jobs: object[]) => withData(task, 'annotations.json', JSON.stringify(jobs))
const job = (parts: object) => ({ version: 0, tags: [], shapes: [], tracks: [], ...parts })
const box = (frame: number, x: number, label = 'car', more: object = {}) => ({
  type: 'rectangle',
  frame,
  label,
  points: [x, 1, 5, 5],
  group: 0,
  attributes: [],
  elements: [],
  ...more,
})

describe('archives that a real CVAT made', () => {
  test('two exports of one project that differ in time stamps only are equal', async () => {
    const [a, b] = ['kinds/composed_project_by_hand.zip', 'kinds/composed_project_cvats_own.zip']
    expect(await compare(a!, b!)).toEqual([{ what: 'end', tasksCompared: 4, differing: 0 }])
  })

  test('each is equal to itself', async () => {
    for (const name of (await readdir(join(fixtures, 'kinds'))).filter((file) => file.endsWith('.zip'))) {
      const found = await compare(`kinds/${name}`, `kinds/${name}`)
      expect(found).toMatchObject([{ what: 'end', differing: 0 }])
    }
  })

  test('the one field that was edited by hand is what differs', async () => {
    const name = 'kinds/static_project_with_one_random_nocache_task'
    expect(await compare(`${name}.zip`, `${name}_patched.zip`)).toEqual([
      {
        what: 'task-changed',
        task: { folder: 'task_1/', position: 1, taskId: undefined, name: 'bad' },
        nameBefore: 'bad',
        changes: {
          settings: {
            fields: [{ field: 'data.storage_method', before: 'file_system', after: 'cache' }],
            labels: [],
            deletedFrames: { added: [], removed: [] },
          },
        },
      },
      { what: 'end', tasksCompared: 2, differing: 1 },
    ])
  })

  test('exports of annotations are compared without their dates', async () => {
    const name = 'project_annotations_cvat_for_images.zip'
    expect(await compare(name, name)).toEqual([{ what: 'end', tasksCompared: 0, differing: 0 }])
    const document = (date: string, boxes: string) =>
      built([{ name: 'annotations.xml', data: `<annotations>\n  <dumped>${date}</dumped>\n${boxes}</annotations>\n` }])
    expect(await compare(await document('1', '<box/>\n'), await document('2', '<box/>\n'))).toMatchObject([
      { what: 'end', differing: 0 },
    ])
    expect(await compare(await document('1', '<box/>\n'), await document('2', '<box/>\n<box/>\n'))).toMatchObject([
      { what: 'export-changed', changes: { document: { added: 1, removed: 0 } } },
      { what: 'end', differing: 1 },
    ])
  })

  test('a project and a task are not compared', async () => {
    await expect(compare('project_backup.zip', 'task_backup.zip')).rejects.toMatchObject({ code: 'different-kinds' })
  })
})

describe('annotations', () => {
  test('are equal in whatever order, whichever job, with attributes in any order, and a group of null or 0', async () => {
    const attributes = [
      { name: 'a', value: '1' },
      { name: 'b', value: '2' },
    ]
    const before = withAnnotations(job({ shapes: [box(0, 1, 'car', { attributes }), box(1, 2)] }), job({}))
    const after = withAnnotations(
      job({ shapes: [box(1, 2, 'car', { group: null })] }),
      job({ shapes: [box(0, 1, 'car', { attributes: attributes.toReversed() })] }),
    )
    const jobs = [
      { type: 'annotation', stop_frame: 2 },
      { type: 'annotation', stop_frame: 2 },
    ]
    const json = JSON.stringify({ ...jsonOf(task, 'task.json'), jobs })
    const bothWith = (members: readonly MemberPlan[]) => withData(members, 'task.json', json)
    expect(await changesOf(bothWith(before), bothWith(after))).toEqual([])
  })

  test('that are added, removed and changed are counted by label and frame', async () => {
    const before = withAnnotations(job({ shapes: [box(0, 1), box(0, 1), box(1, 1), box(2, 1, 'bus')] }))
    const after = withAnnotations(
      job({
        shapes: [box(0, 1), box(1, 2), box(1, 3)],
        tags: [{ frame: 0, label: 'scene', attributes: [] }],
        tracks: [{ frame: 2, label: 'car', shapes: [box(2, 1)], attributes: [], elements: [] }],
      }),
    )
    expect(await changesOf(before, after)).toEqual([
      {
        annotations: {
          before: 4,
          after: 5,
          added: 3,
          removed: 2,
          changed: 1,
          labels: [
            { label: 'car', added: 2, removed: 1, changed: 1 },
            { label: 'bus', added: 0, removed: 1, changed: 0 },
            { label: 'scene', added: 1, removed: 0, changed: 0 },
          ],
          frames: [
            { frame: 0, added: 1, removed: 1, changed: 0 },
            { frame: 1, added: 1, removed: 0, changed: 1 },
            { frame: 2, added: 1, removed: 1, changed: 0 },
          ],
          frameCount: 3,
          isCut: false,
        },
      },
    ])
  })

  test('in a ground truth job are not those of an annotation job', async () => {
    const shapes = [box(0, 1)]
    const ofType = (type: string) =>
      withData(
        withAnnotations(job({ shapes })),
        'task.json',
        JSON.stringify({ ...jsonOf(task, 'task.json'), jobs: [{ type, stop_frame: 2 }] }),
      )
    const [changes] = await changesOf(ofType('annotation'), ofType('ground_truth'))
    expect(changes?.annotations).toMatchObject({ added: 0, removed: 0, changed: 1 })
  })

  test('that are no JSON are an error that names the member', async () => {
    await expect(changesOf(task, withData(task, 'annotations.json', '[{"shapes":[{]}]'))).rejects.toMatchObject({
      code: 'unreadable-member',
      message: expect.stringContaining('annotations.json'),
    })
  })

  test('by tens of thousands', async () => {
    const many = Array.from({ length: 60_000 }, (_, index) => box(index % 1_000, index))
    const before = withAnnotations(job({ shapes: many }))
    const after = withAnnotations(job({ shapes: [...many.slice(1), box(5, -1)].reverse() }))
    const [changes] = await changesOf(before, after)
    expect(changes?.annotations).toMatchObject({ added: 1, removed: 1, changed: 0, frameCount: 2 })
  }, 60_000)
})

describe('all else', () => {
  test('labels by name and not by order, deleted frames, fields and jobs', async () => {
    const label = (name: string, color: string) => ({ name, color, sublabels: [] })
    const before = withJson('task.json', (value) => ({
      ...value,
      labels: [label('a', '1'), label('b', '2'), label('c', '3')],
    }))
    const after = withJson('task.json', (value) => ({
      ...value,
      name: 'renamed',
      labels: [label('c', '3'), label('b', '9'), label('d', '4')],
      data: { ...(value.data as object), deleted_frames: [0, 2] },
      jobs: [
        { type: 'annotation', start_frame: 0, stop_frame: 1 },
        { type: 'annotation', start_frame: 2, stop_frame: 2 },
      ],
    }))
    const [changes] = await changesOf(before, after)
    expect(changes?.settings).toEqual({
      fields: [
        { field: 'name', before: 'a task', after: 'renamed' },
        { field: 'jobs[0].stop_frame', before: 2, after: 1 },
        { field: 'jobs[1]', before: undefined, after: { type: 'annotation', start_frame: 2, stop_frame: 2 } },
      ],
      labels: [
        { label: 'a', what: 'removed', fields: [] },
        { label: 'b', what: 'changed', fields: ['color'] },
        { label: 'd', what: 'added', fields: [] },
      ],
      deletedFrames: { added: [0, 2], removed: [] },
    })
  })

  test('media and guide by names and content', async () => {
    const guide = (text: string) => [{ name: 'annotation_guide.md', data: text }]
    const before = [...task, ...guide('old')]
    const after = [
      ...withData(without(task, /picture_0/), 'data/picture_1.png', 'other pixels'),
      { name: 'data/new.png', data: 'new' },
      { name: 'data/new.png', data: 'new' },
      ...guide('new'),
      { name: 'assets/a.png', data: 'a' },
    ]
    expect(await changesOf(before, after)).toEqual([
      {
        media: {
          added: 1,
          removed: 1,
          changed: 1,
          examples: { added: ['data/new.png'], removed: ['data/picture_0.png'], changed: ['data/picture_1.png'] },
        },
        guide: {
          added: 1,
          removed: 0,
          changed: 1,
          examples: { added: ['assets/a.png'], removed: [], changed: ['annotation_guide.md'] },
        },
      },
    ])
  })

  test('another order of frames is told where no picture differs', async () => {
    const manifest = String(task.find(({ name }) => name === 'data/manifest.jsonl')?.data)
      .trim()
      .split('\n')
    const turned = [...manifest.slice(0, 2), ...manifest.slice(2).reverse()].join('\n')
    expect(await changesOf(task, withData(task, 'data/manifest.jsonl', turned))).toEqual([{ frameList: true }])
  })

  test('tasks of a project by id where records tell it: a renamed one is changed, another of the same name is another', async () => {
    const row = (position: number, taskId: number, name: string) => ({ position, taskId, name, frames: 3 })
    const before = await built(planProject(planTask('task_0/', { name: 'x' }), planTask('task_1/', { name: 'y' })), [
      row(0, 5, 'x'),
      row(1, 6, 'y'),
    ])
    const after = await built(planProject(planTask('task_0/', { name: 'y' }), planTask('task_1/', { name: 'x' })), [
      row(0, 6, 'y'),
      row(1, 7, 'x'),
    ])
    expect(await compare(before, after)).toEqual([
      { what: 'task-removed', task: { folder: 'task_0/', position: 0, taskId: 5, name: 'x' } },
      { what: 'task-added', task: { folder: 'task_1/', position: 1, taskId: 7, name: 'x' } },
      { what: 'end', tasksCompared: 3, differing: 2 },
    ])
    // Without records they are known by name.
    expect(await compare({ path: before.path }, { path: after.path })).toMatchObject([{ what: 'end', differing: 0 }])
  })

  test('the project’s own part', async () => {
    const after = withData(
      planProject(task.map((m) => ({ ...m, name: `task_0/${m.name}` }))),
      'project.json',
      '{"name":"new","labels":[]}',
    )
    const before = planProject(task.map((m) => ({ ...m, name: `task_0/${m.name}` })))
    expect(await compare(await built(before), await built(after))).toMatchObject([
      {
        what: 'project-changed',
        changes: { settings: { fields: [{ field: 'name', before: 'a project', after: 'new' }] } },
      },
      { what: 'end', tasksCompared: 1, differing: 1 },
    ])
  })
})
