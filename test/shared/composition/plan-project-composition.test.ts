import { describe, expect, test } from 'vitest'
import { planProjectComposition } from '#shared/composition/plan-project-composition.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import type { ArchiveRecord, Problem } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'

const early = '2026-11-20T10:00:00.000000Z'
const changed = '2026-11-21T10:00:00.000000Z'
const late = '2026-11-25T10:00:00.000000Z'

function observeTask(id: number, updatedDate = early, size = 3): TaskObservation {
  return {
    id,
    name: `task ${id}`,
    subset: '',
    size,
    updatedDate,
    jobCount: 1,
    newestJobDate: early,
    groundTruthJobs: 0,
  }
}

interface Plan {
  readonly entity: { type: 'project' | 'task'; id: number }
  readonly createdAt?: string
  readonly tasks: readonly TaskObservation[]
  readonly perTask?: ArchiveRecord['members']['perTask']
  readonly problems?: readonly Problem[]
  readonly level?: ArchiveRecord['verification']['level']
  readonly adopted?: boolean
  readonly serverUrl?: string
}

function archive({ entity, tasks, problems = [], ...plan }: Plan): StoredArchive {
  const createdAt = plan.createdAt ?? '2026-11-22T20:00:00.000Z'
  const fileName = `${entity.type}-${entity.id} ${createdAt}.zip`
  const perTask = tasks.flatMap(({ id, name, size }, position) =>
    size > 0 ? [{ position, taskId: id, name, frames: size }] : [],
  )
  return {
    entity,
    archivePath: `/b/${fileName}`,
    recordPath: `/b/${fileName}.json`,
    record: {
      formatVersion: 1,
      type: 'archive',
      archive: { fileName, sizeBytes: 1, sha256: '0'.repeat(64) },
      series: { entity, content: { kind: 'backup' } },
      server: { url: plan.serverUrl ?? 'https://cvat.example.org', version: null },
      observation: { name: 'x', organization: null, updatedDate: tasks[0]?.updatedDate ?? early, tasks: [...tasks] },
      createdAt,
      members: { count: 1, perTask: [...(plan.perTask ?? perTask)] },
      verification: { level: plan.level ?? 'complete', checkedAt: createdAt, problems: [...problems], warnings: [] },
      origin: { runId: 'r', backupId: 'b', attempts: 1, ...(plan.adopted && { adoptedFrom: 'old.zip' }) },
    },
  }
}

const project = (plan: Omit<Plan, 'entity'>) => {
  const made = archive({ entity: { type: 'project', id: 6 }, ...plan })
  return { ...made, record: { ...made.record, observation: { ...made.record.observation, updatedDate: early } } }
}
const own = (task: TaskObservation, plan: Partial<Plan> = {}) =>
  archive({ entity: { type: 'task', id: task.id }, tasks: [task], level: 'fresh', ...plan })

const stale = (taskId?: number): Problem => ({ code: 'stale', message: `stale ${taskId}`, ...(taskId && { taskId }) })

/** Where each `task_N/` of the plan comes from. */
function sources(composition: ReturnType<typeof planProjectComposition>): Record<string, string> {
  const parts = composition.plan?.parts ?? []
  return Object.fromEntries(
    parts.map((part) => ('to' in part ? [part.to, `${part.archivePath.slice(3, 12)} ${part.folder}`] : ['', ''])),
  )
}

describe('a whole project is put together from', () => {
  test('a stale archive and the own archive of the task that it names', () => {
    const tasks = [observeTask(1), observeTask(2, changed), observeTask(3)]
    const base = project({ tasks, problems: [stale(2)] })
    const composition = planProjectComposition(base, [own(tasks[1]!), own(observeTask(3))])
    expect(sources(composition)).toEqual({
      '': 'project-6 ',
      'task_0/': 'project-6 task_0/',
      'task_1/': 'task-2 20 ',
      'task_2/': 'project-6 task_2/',
    })
    expect(composition).toMatchObject({ isWhole: true, wanting: [], dropped: [] })
    expect(composition.tasks[1]).toMatchObject({
      taskId: 2,
      from: 'own',
      reason: 'stale 2; its own archive of 2026-11-22T20:00:00.000Z is of the same state',
    })
  })

  test('archives of the very state, even where there is a newer one; of a later state where there is none', () => {
    const task = observeTask(2, changed)
    const base = project({ tasks: [task], problems: [stale(2)] })
    const exact = own(task, { createdAt: '2026-11-22T21:00:00.000Z' })
    const older = own(task, { createdAt: '2026-11-22T20:30:00.000Z' })
    const later = own(observeTask(2, late), { createdAt: '2026-11-26T00:00:00.000Z' })
    const latest = own(observeTask(2, late), { createdAt: '2026-11-27T00:00:00.000Z' })
    expect(planProjectComposition(base, [older, later, exact]).tasks[0]?.fileName).toContain('T21:00')
    expect(planProjectComposition(base, [later, latest]).tasks[0]).toMatchObject({
      fileName: expect.stringContaining('11-27'),
      reason: expect.stringContaining('of a later state'),
    })
    const notAfter = '2026-11-26T12:00:00.000Z'
    expect(planProjectComposition(base, [later, latest], { notAfter }).tasks[0]?.fileName).toContain('11-26')
  })

  test('no archive that is of an earlier state, not good, adopted, or of another server', () => {
    const task = observeTask(2, changed)
    const base = project({ tasks: [task], problems: [stale(2)] })
    const unfit = [
      own(observeTask(2, early), { createdAt: '2026-11-23T00:00:00.000Z' }),
      own(task, { problems: [{ code: 'no-media', message: 'x', taskId: 2 }] }),
      own(task, { adopted: true }),
      own(task, { serverUrl: 'https://other.example.org' }),
      own({ ...task, groundTruthJobs: 1 }, { createdAt: '2026-11-21T00:00:00.000Z' }),
    ]
    for (const one of unfit) {
      const composition = planProjectComposition(base, [one])
      expect(composition.isWhole).toBe(false)
      expect(composition.wanting).toMatchObject([{ taskId: 2, position: 0, what: 'old' }])
      expect(composition.tasks).toMatchObject([{ from: 'project', reason: expect.stringContaining('stale 2; ') }])
    }
    expect(planProjectComposition(base, []).wanting[0]?.reason).toBe('stale 2; it has no archive of its own')
  })

  test('an incomplete archive: a task without media is left out unless its own archive is there', () => {
    const tasks = [observeTask(1), observeTask(2)]
    const base = project({
      tasks,
      level: 'sound',
      problems: [{ code: 'no-media', message: 'no media', taskId: 1 }],
    })
    expect(planProjectComposition(base, [])).toMatchObject({
      isWhole: false,
      tasks: [{ taskId: 2, position: 1 }],
      wanting: [{ taskId: 1, what: 'missing', reason: 'no media; it has no archive of its own' }],
    })
    expect(sources(planProjectComposition(base, [own(tasks[0]!)]))).toMatchObject({ 'task_0/': 'task-1 20 ' })
  })

  test('an archive that lacks a task, which gets its place; a task without data keeps its place empty', () => {
    const tasks = [observeTask(1), observeTask(2), observeTask(3, early, 0), observeTask(4)]
    const perTask = [
      { position: 0, taskId: 1, name: 'task 1', frames: 3 },
      { position: 3, taskId: 4, name: 'task 4', frames: 3 },
    ]
    const base = project({ tasks, perTask, problems: [{ code: 'missing-task', message: 'gone', taskId: 2 }] })
    expect(sources(planProjectComposition(base, [own(tasks[1]!)]))).toEqual({
      '': 'project-6 ',
      'task_0/': 'project-6 task_0/',
      'task_1/': 'task-2 20 ',
      'task_3/': 'project-6 task_3/',
    })
  })

  test('an archive with a task that has left: it is dropped, and those behind it move up', () => {
    const tasks = [observeTask(2), observeTask(3, changed)]
    const perTask = [
      { position: 0, name: 'task 1', frames: 3 },
      { position: 1, taskId: 2, name: 'task 2', frames: 3 },
      { position: 2, taskId: 3, name: 'task 3', frames: 3 },
    ]
    const base = project({ tasks, perTask, problems: [stale(), stale(3)] })
    const composition = planProjectComposition(base, [own(tasks[1]!)])
    expect(sources(composition)).toEqual({
      '': 'project-6 ',
      'task_0/': 'project-6 task_1/',
      'task_1/': 'task-3 20 ',
    })
    expect(composition.dropped).toEqual([{ position: 0, name: 'task 1', reason: 'it has left the project' }])
    expect(composition.isWhole).toBe(true)
  })

  test('a task that may be old in an archive whose age nobody asked about', () => {
    const tasks = [observeTask(1), observeTask(2, changed)]
    const media: Problem = { code: 'no-media', message: 'no media', taskId: 1 }
    const base = project({ tasks, level: 'sound', problems: [media] })
    const composition = planProjectComposition(base, [own(tasks[0]!), own(tasks[1]!)])
    expect(composition.tasks.map(({ from }) => from)).toEqual(['own', 'own'])
    // Without one it is taken as it is, and nothing is said to be wanting: it may well be right.
    const without = planProjectComposition(base, [own(tasks[0]!)])
    expect(without).toMatchObject({ isWhole: true, tasks: [{ from: 'own' }, { from: 'project' }] })
  })

  test('the sound parts of a damaged archive', () => {
    const tasks = [observeTask(1), observeTask(2)]
    const base = project({ tasks, problems: [{ code: 'bit-rot', message: 'rotten' }] })
    expect(planProjectComposition(base, [own(tasks[1]!)])).toMatchObject({ plan: undefined, unusable: 'rotten' })
    const damagedFolders = new Set(['task_1/'])
    expect(sources(planProjectComposition(base, [own(tasks[1]!)], { damagedFolders }))).toMatchObject({
      'task_0/': 'project-6 task_0/',
      'task_1/': 'task-2 20 ',
    })
    expect(planProjectComposition(base, [], { damagedFolders })).toMatchObject({
      isWhole: false,
      wanting: [{ taskId: 2, what: 'missing' }],
    })
    expect(planProjectComposition(base, [], { damagedFolders: new Set(['']) }).unusable).toContain('project.json')
  })

  test('an adopted archive: as it is, since nobody knows its tasks', () => {
    const perTask = [
      { position: 0, name: 'a', frames: 1 },
      { position: 4, name: 'b', frames: 2 },
    ]
    expect(sources(planProjectComposition(project({ tasks: [], perTask, adopted: true }), []))).toEqual({
      '': 'project-6 ',
      'task_0/': 'project-6 task_0/',
      'task_4/': 'project-6 task_4/',
    })
    const problems = [{ code: 'no-media', message: 'task_0 has 1 frames but no media' }]
    expect(planProjectComposition(project({ tasks: [], perTask, problems, adopted: true }), []).unusable).toContain(
      'task_0 has 1 frames',
    )
  })

  test('nothing, where the project’s own part is unreadable, or where it is no project', () => {
    const problems = [{ code: 'no-project-json', message: 'The archive holds no project.json' }]
    expect(planProjectComposition(project({ tasks: [], problems }), [])).toMatchObject({
      plan: undefined,
      unusable: 'The archive holds no project.json',
      isWhole: false,
    })
    const many = [stale(1), { code: 'more', message: 'and 7 more' }]
    expect(planProjectComposition(project({ tasks: [observeTask(1)], problems: many }), []).unusable).toContain('many')
    expect(planProjectComposition(own(observeTask(1)), []).unusable).toBe('it is no backup of a project')
  })
})
