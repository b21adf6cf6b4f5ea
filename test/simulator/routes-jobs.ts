// Jobs: the list and single ones.

import { type Answer, denied, empty, json, missing } from './answers.ts'
import { jobBody } from './bodies.ts'
import { type Call, field, type Route, type Server, textField } from './call.ts'
import { assigneeField, createShapes, refuseEntity } from './entity-access.ts'
import { answerList } from './list-page.ts'
import { jobList } from './list-specs.ts'
import { canSeeJob, isInScope } from './visibility.ts'
import type { Job, Stage, State } from './world-records.ts'

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
            if (stage !== undefined) world.setJobStage(job.id, stage as Stage)
            const state = textField(call.body, 'state')
            if (state !== undefined) world.setJobState(job.id, state as State)
            const assignee = assigneeField(call, server)
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
    {
      path: '/api/jobs/{id}/annotations/',
      allow: 'GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS',
      methods: {
        PATCH: (call) => withJob(call, server, (job) => createShapes(call, server, job.taskId, job.id)),
      },
    },
  ]
}

function withJob(call: Call, server: Server, answer: (job: Job) => Answer): Answer {
  const job = server.world.jobs.get(Number(call.params.id))
  if (!job) return missing('Job')
  return canSeeJob(server.world, call.user, job) ? answer(job) : denied()
}
