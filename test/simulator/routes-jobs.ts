// Jobs: the list and single ones.

import { type Answer, denied, empty, json, missing } from './answers.ts'
import { jobBody } from './bodies.ts'
import { type Call, field, type Route, type Server, textField } from './call.ts'
import { assigneeField, createShapes, isAnswer, refuseEntity } from './entity-access.ts'
import { answerList } from './list-page.ts'
import { jobList } from './list-specs.ts'
import { jobAnnotationsBody } from './restore/annotation-bodies.ts'
import { annotationImportRoutes } from './restore/routes-annotation-import.ts'
import { canSeeJob, isInScope } from './visibility.ts'
import type { Job, Stage, State } from './world-records.ts'

const stages: readonly Stage[] = ['annotation', 'validation', 'acceptance']
const states: readonly State[] = ['new', 'in progress', 'completed', 'rejected']

export function jobRoutes(server: Server): Route[] {
  const { world } = server
  const spec = jobList(world)
  return [
    {
      path: '/api/jobs',
      allow: 'GET, POST, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const task = world.tasks.get(Number(call.query.get('task_id') ?? 0))
          const rows: Job[] = []
          for (const row of task ? world.jobsOf(task) : world.jobs.values()) {
            const { organizationId } = world.task(row.taskId)
            if (isInScope(call.scope, organizationId) && canSeeJob(world, call.user, row)) rows.push(row)
          }
          return answerList(call, spec, rows, (row) => jobBody(world, row, call.base))
        },
        POST: (call) => {
          const taskId = Number(field(call.body, 'task_id'))
          const refusal = refuseEntity(call, server, { type: 'task', id: taskId })
          if (refusal) return refusal
          const frames = field(call.body, 'frames')
          const job = world.addGroundTruthJob(taskId, Array.isArray(frames) ? frames.map(Number) : [0])
          return json(201, jobBody(world, job, call.base), { location: `${call.base}/api/jobs/${job.id}` })
        },
      },
    },
    {
      path: '/api/jobs/{id}',
      allow: 'GET, PATCH, DELETE, HEAD, OPTIONS',
      methods: {
        GET: (call) => withJob(call, server, (job) => json(200, jobBody(world, job, call.base))),
        PATCH: (call) =>
          withJob(call, server, (job) => {
            const stage = textField(call.body, 'stage')
            const state = textField(call.body, 'state')
            // CVAT's field is `assignee`; the other name is what its older clients send.
            const named = field(call.body, 'assignee') === undefined ? 'assignee_id' : 'assignee'
            const assignee = assigneeField(call, server, named)
            const refusal = refuseChoice('stage', stage, stages) ?? refuseChoice('state', state, states)
            if (refusal) return refusal
            if (isAnswer(assignee)) return assignee
            if (stage !== undefined) world.setJobStage(job.id, stage as Stage)
            if (state !== undefined) world.setJobState(job.id, state as State)
            if (assignee !== undefined) world.assignJob(job.id, assignee)
            return json(200, jobBody(world, world.job(job.id), call.base))
          }),
        DELETE: (call) =>
          withJob(call, server, (job) => {
            if (job.type !== 'ground_truth') return json(400, ['Only ground truth jobs can be removed'])
            world.removeGroundTruthJob(job.taskId)
            return empty(204)
          }),
      },
    },
    ...annotationImportRoutes(server, 'job', 'GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS', {
      GET: (call) => withJob(call, server, (job) => json(200, jobAnnotationsBody(world, job))),
      PATCH: (call) => withJob(call, server, (job) => createShapes(call, server, job.taskId, job.id)),
    }),
  ]
}

/** As Django REST framework words it; not recorded. */
function refuseChoice(name: string, value: string | undefined, choices: readonly string[]): Answer | null {
  if (value === undefined || choices.includes(value)) return null
  return json(400, { [name]: [`"${value}" is not a valid choice.`] })
}

function withJob(call: Call, server: Server, answer: (job: Job) => Answer): Answer {
  const job = server.world.jobs.get(Number(call.params.id))
  if (!job) return missing('Job')
  return canSeeJob(server.world, call.user, job) ? answer(job) : denied()
}
