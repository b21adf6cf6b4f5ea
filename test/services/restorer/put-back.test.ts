// Stages, states and assignees, which no archive holds: on the restored jobs again, or named.

import { describe, expect, it } from 'vitest'
import type { WorkflowRow } from '#shared/model/workflow.ts'
import type { StoredWorkflow } from '#shared/store/read-workflow.ts'
import { openTestStore } from '../../shared/store/store-fixture.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { openRestoreFixture, type RestoreFixture, storeProject } from './restore-fixture.ts'

expectNoLeaks()

type Wanted = { readonly type: WorkflowRow['type'] } & Record<string, unknown>

const job = (taskId: number, more: Record<string, unknown> = {}): Wanted => ({
  type: 'job',
  taskId,
  jobType: 'annotation',
  startFrame: 0,
  stopFrame: 2,
  stage: 'annotation',
  state: 'new',
  assignee: null,
  ...more,
})

/** Two tasks with a job each, as in the archive: 101 and 102 on the old server. */
const tasks = (assignee: string | null): Wanted[] => [
  { type: 'project', assignee },
  { type: 'task', id: 101, position: 0, assignee: null },
  { type: 'task', id: 102, position: 1, assignee },
]

async function restoreWith(rows: readonly Wanted[], prepare: (fixture: RestoreFixture) => void = () => {}) {
  async function* read() {
    yield* rows as unknown as WorkflowRow[]
  }
  const store = await openTestStore()
  const workflows = { ...store.workflows, find: async () => ({}) as StoredWorkflow, read }
  const fixture = await openRestoreFixture({}, { store: { ...store, workflows } })
  const anna = fixture.target.world.addUser({ username: 'anna', password: 'anna-pw' })
  prepare(fixture)
  const archive = await storeProject(fixture.store)
  const result = await fixture.restore(archive)
  const jobs = [...fixture.target.world.jobs.values()].map(({ stage, state, assigneeId }) => [stage, state, assigneeId])
  return { ...fixture, archive, anna, result, jobs }
}

describe('what no archive holds', () => {
  it('is put back on tasks and jobs by type and frames, and on people by name', async () => {
    const rows = [
      ...tasks('anna'),
      job(101, { stage: 'acceptance', state: 'completed', assignee: 'anna' }),
      job(102, { stage: 'validation', state: 'in progress' }),
    ]
    const { result, jobs, target, anna } = await restoreWith(rows)
    expect(result).toMatchObject({ differences: [], notes: [] })
    expect(jobs).toEqual([
      ['acceptance', 'completed', anna.id],
      ['validation', 'in progress', null],
    ])
    const [project] = target.world.projects.values()
    expect(project?.assigneeId).toBe(anna.id)
    expect([...target.world.tasks.values()].map(({ assigneeId }) => assigneeId)).toEqual([null, anna.id])
  })

  it('is named where the target has no such user, where a job is gone, and for issues', async () => {
    const rows: Wanted[] = [
      ...tasks('zoe'),
      job(101, { assignee: 'zoe', state: 'completed' }),
      job(101, { startFrame: 7, stopFrame: 9, state: 'completed' }),
      job(101, { startFrame: 10, stopFrame: 12 }),
      { type: 'issue' },
      { type: 'comment' },
      { type: 'comment' },
    ]
    const { result, jobs } = await restoreWith(rows)
    expect(result).toMatchObject({
      differences: [],
      notes: [
        'not put back: the target has no user "zoe", assigned 3 times',
        'not put back: stage, state or assignee of 1 jobs that the archive does not have',
        'not put back: 1 issues with 2 comments; they stay in the backup directory',
      ],
    })
    expect(jobs[0]).toEqual(['annotation', 'completed', null])
  })

  it('that the target refuses is named with its reason, and the restore is done all the same', async () => {
    const answer = { status: 403, contentType: 'application/vnd.cvat+json', headers: {}, origin: 'api' } as const
    const { result, present } = await restoreWith([...tasks(null), job(101, { state: 'completed' })], ({ target }) => {
      const body = Buffer.from('{"detail":"not allowed"}')
      target.faults.add({
        method: 'PATCH',
        route: '/api/jobs/{id}',
        fault: { kind: 'answer', answer: { ...answer, body } },
      })
    })
    expect(result.notes).toEqual([
      expect.stringMatching(/^not put back, 1 times: stages and states of jobs: .*not allowed/),
    ])
    expect(present()).toEqual(['alpha'])
  })

  it('costs no call where there is nothing to put back', async () => {
    const { target } = await restoreWith([...tasks(null), job(101), job(102)])
    expect(target.stats.requestCount('PATCH /api/jobs/{id}')).toBe(0)
    expect(target.stats.requestCount('GET /api/users')).toBe(0)
  })
})
