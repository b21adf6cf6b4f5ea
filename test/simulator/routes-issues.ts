// Issues that people find in jobs, and what they say about them.

import { json, missing } from './answers.ts'
import { commentBody, issueBody } from './bodies.ts'
import { type Call, field, type Route, type Server, textField } from './call.ts'
import { answerList } from './list-page.ts'
import { commentList, issueList } from './list-specs-issues.ts'
import { canSeeJob, isInScope } from './visibility.ts'
import type { World } from './world.ts'
import type { Comment, Issue, Job } from './world-records.ts'

export function issueRoutes(server: Server): Route[] {
  const { world } = server
  return [
    {
      path: '/api/issues',
      allow: 'GET, POST, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const rows = visibleIssues(world, call)
          return answerList(call, issueList(world), rows, (row) => issueBody(world, row, call.base))
        },
        POST: (call) => {
          const job = world.jobs.get(Number(field(call.body, 'job')))
          if (!job) return missing('Job')
          const position = field(call.body, 'position')
          const issue = world.addIssue(
            job.id,
            call.user.username,
            Number(field(call.body, 'frame')),
            Array.isArray(position) ? position.map(Number) : [],
            textField(call.body, 'message') ?? null,
          )
          return json(201, issueBody(world, issue, call.base))
        },
      },
    },
    {
      path: '/api/issues/{id}',
      allow: 'GET, PATCH, DELETE, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const issue = visibleIssues(world, call).find(({ id }) => id === Number(call.params.id))
          return issue ? json(200, issueBody(world, issue, call.base)) : missing('Issue')
        },
        PATCH: (call) => {
          const issue = world.issues.get(Number(call.params.id))
          if (!issue) return missing('Issue')
          const resolved = world.resolveIssue(issue.id, field(call.body, 'resolved') === true)
          return json(200, issueBody(world, resolved, call.base))
        },
      },
    },
    {
      path: '/api/comments',
      allow: 'GET, POST, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const visible = new Set(visibleIssues(world, call).map(({ id }) => id))
          const rows: Comment[] = [...world.comments.values()].filter(({ issueId }) => visible.has(issueId))
          return answerList(call, commentList(world), rows, (row) => commentBody(world, row, call.base))
        },
        POST: (call) => {
          const issue = world.issues.get(Number(field(call.body, 'issue')))
          if (!issue) return missing('Issue')
          const comment = world.addComment(issue.id, textField(call.body, 'message') ?? '', call.user.username)
          return json(201, commentBody(world, comment, call.base))
        },
      },
    },
  ]
}

function visibleIssues(world: World, call: Call): Issue[] {
  return [...world.issues.values()].filter((issue) => {
    const job: Job | undefined = world.jobs.get(issue.jobId)
    if (!job || !isInScope(call.scope, world.task(job.taskId).organizationId)) return false
    return canSeeJob(world, call.user, job)
  })
}
