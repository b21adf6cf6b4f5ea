import { expect, test } from 'vitest'
import { checkFreshness } from '#services/downloader/check-freshness.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { Observation } from '#shared/model/observation.ts'
import type { Series } from '#shared/model/series.ts'
import type { ArchivedTask, Inspection } from '#shared/store/inspection.ts'

type Client = Parameters<typeof checkFreshness>[3]

const early = '2026-11-22T20:00:00.000001Z'
const late = '2026-11-22T20:00:00.000002Z'
const later = '2026-11-22T20:00:00.000003Z'
const backup: Series = { entity: { type: 'project', id: 10 }, content: { kind: 'backup' } }
const place = { project_id: 10, project_name: 'p', organization_id: null }
const row = {
  owner: null,
  assignee: null,
  ...place,
  name: 'a',
  subset: '',
  size: 3,
  status: 'annotation',
  updated_date: late,
}

function task(id: number, more: Partial<ArchivedTask> = {}): ArchivedTask {
  const base = { position: id, name: 'a', subset: '', frames: 3, status: 'annotation', groundTruthJobs: 0 }
  return { ...base, taskId: id, deletedFrames: [], ...more }
}

function inspectionOf(...tasks: ArchivedTask[]): Inspection {
  const members = { count: 1, perTask: [] }
  return { sizeBytes: 1, sha256: '', level: 'complete', members, tasks, problems: [], warnings: [] }
}

function observe(groundTruthJobs = 0): Observation {
  const one = { name: 'a', subset: '', size: 3, updatedDate: late, jobCount: 1, newestJobDate: late, groundTruthJobs }
  return { name: 'p', organization: null, updatedDate: early, tasks: [{ ...one, id: 1 }] }
}

/** A server whose answers a test changes. */
function serve(answers: Partial<Client> = {}): Client {
  return {
    getTask: async (id) => ({ ...row, id }),
    getTaskMeta: async () => ({ deleted_frames: [2] }),
    listTasks: list(1),
    async *listJobs() {},
    ...answers,
  }
}

async function check(inspection: Inspection, client: Client, observation = observe(), series = backup) {
  const { signal } = new AbortController()
  const { level, problems } = await checkFreshness(inspection, series, observation, client, signal)
  return { level, problems: problems.map(({ code, taskId }) => [code, taskId]) }
}

test('a task that has changed again since it was observed is left to the next run', async () => {
  const moved = serve({ getTask: async (id) => ({ ...(await serve().getTask(id, none())), updated_date: later }) })
  expect(await check(inspectionOf(task(1)), serve())).toEqual({ level: 'complete', problems: [['stale', 1]] })
  expect(await check(inspectionOf(task(1)), moved)).toEqual({ level: 'complete', problems: [] })
})

test('a change between two questions shows, whichever state the answers are of', async () => {
  let date = late
  const changing = serve({
    getTaskMeta: async () => {
      date = later
      return { deleted_frames: [2] }
    },
    getTask: async (id) => ({ ...row, id, updated_date: date }),
  })
  expect(await check(inspectionOf(task(1)), changing)).toEqual({ level: 'complete', problems: [] })
})

test('so is a task that is gone, or not ours any more', async () => {
  for (const code of ['not-found', 'forbidden']) {
    const gone = () => Promise.reject(new BackupError('no', { code, retryable: false }))
    expect(await check(inspectionOf(task(1)), serve({ getTaskMeta: gone })), code).toEqual({
      level: 'complete',
      problems: [],
    })
  }
})

test('a ground truth job that came after the observation does not make the archive an old one', async () => {
  const withGroundTruth = inspectionOf(task(1, { groundTruthJobs: 1, deletedFrames: [2] }))
  const unset = { stage: null, state: null, assignee: null, start_frame: 0, stop_frame: 0, parent_job_id: null }
  const job = { id: 5, task_id: 1, project_id: 10, type: 'ground_truth', updated_date: late, issues: 0, ...unset }
  const added = serve({
    async *listJobs() {
      yield [job]
    },
  })
  expect(await check(withGroundTruth, added)).toEqual({ level: 'complete', problems: [] })
  expect(await check(withGroundTruth, serve())).toEqual({ level: 'complete', problems: [['stale', 1]] })
})

test('a task too many is one that came in between, when the project has other tasks now', async () => {
  const both = inspectionOf(task(1, { deletedFrames: [2] }), task(2, { taskId: undefined, name: 'b' }))
  expect(await check(both, serve())).toEqual({ level: 'complete', problems: [['stale', undefined]] })
  expect(await check(both, serve({ listTasks: list(1, 2) }))).toEqual({ level: 'complete', problems: [] })
})

test('an archive that lacks a task is of another moment, when the project has other tasks now', async () => {
  const lacking: Inspection = { ...inspectionOf(), level: 'sound', problems: [{ code: 'missing-task', message: '' }] }
  expect((await check(lacking, serve())).level).toBe('sound')
  const fault = { code: 'changed-meanwhile' }
  await expect(check(lacking, serve({ listTasks: list() }))).rejects.toMatchObject(fault)
  const grown: Client['listTasks'] = async function* () {
    yield [{ ...row, id: 1, size: 4 }]
  }
  await expect(check(lacking, serve({ listTasks: grown }))).rejects.toMatchObject(fault)
  const incomplete = { ...lacking, problems: [...lacking.problems, { code: 'no-media', message: '' }] }
  expect((await check(incomplete, serve({ listTasks: list() }))).level).toBe('sound')
})

test('a server that does not answer leaves it undecided', async () => {
  const silent = () => Promise.reject(new BackupError('no', { code: 'unreachable', retryable: true }))
  await expect(check(inspectionOf(task(1)), serve({ getTask: silent }))).rejects.toMatchObject({ code: 'unreachable' })
})

test('annotations are fresh without a question, and what is not complete stays what it is', async () => {
  const refuse = () => Promise.reject(new Error('asked'))
  const deaf = serve({ listTasks: silence, getTask: refuse, getTaskMeta: refuse })
  const annotations: Series = { ...backup, content: { kind: 'annotations', format: 'COCO 1.0', saveImages: false } }
  expect(await check(inspectionOf(), deaf, observe(), annotations)).toEqual({ level: 'fresh', problems: [] })
  const sound: Inspection = { ...inspectionOf(task(1)), level: 'sound', problems: [{ code: 'no-media', message: '' }] }
  expect(await check(sound, deaf)).toEqual({ level: 'sound', problems: [['no-media', undefined]] })
})

function list(...ids: number[]): Client['listTasks'] {
  return async function* () {
    yield ids.map((id) => ({ ...row, id }))
  }
}

// biome-ignore lint/correctness/useYield: it fails before there is anything to yield
async function* silence(): AsyncGenerator<never> {
  throw new Error('asked')
}

function none(): AbortSignal {
  return new AbortController().signal
}
