// Which parameters the lists of issues and comments take, as CVAT's schema says: no dates, no projects.

import type { ListSpec } from './list-page.ts'
import type { World } from './world.ts'
import type { Comment, Issue } from './world-records.ts'

export function issueList(world: World): ListSpec<Issue> {
  const all = ['owner', 'assignee', 'id', 'job_id', 'task_id', 'resolved', 'frame_id']
  return {
    path: '/api/issues',
    fields: {
      owner: { kind: 'text', get: (row) => usernameOf(world, row.ownerId) },
      assignee: { kind: 'text', get: () => null },
      id: { kind: 'number', get: (row) => row.id },
      job_id: { kind: 'number', get: (row) => row.jobId },
      task_id: { kind: 'number', get: (row) => world.job(row.jobId).taskId },
      resolved: { kind: 'text', get: (row) => String(row.resolved) },
      frame_id: { kind: 'number', get: (row) => row.frame },
    },
    search: ['owner', 'assignee'],
    filter: all,
    sort: all,
    simple: ['owner', 'assignee', 'job_id', 'task_id', 'resolved', 'frame_id'],
    defaultSort: '-id',
  }
}

export function commentList(world: World): ListSpec<Comment> {
  const all = ['owner', 'id', 'issue_id', 'frame_id', 'job_id']
  const issueOf = (row: Comment) => world.issues.get(row.issueId)
  return {
    path: '/api/comments',
    fields: {
      owner: { kind: 'text', get: (row) => usernameOf(world, row.ownerId) },
      id: { kind: 'number', get: (row) => row.id },
      issue_id: { kind: 'number', get: (row) => row.issueId },
      frame_id: { kind: 'number', get: (row) => issueOf(row)?.frame ?? null },
      job_id: { kind: 'number', get: (row) => issueOf(row)?.jobId ?? null },
    },
    search: ['owner'],
    filter: all,
    sort: all,
    simple: ['owner', 'issue_id', 'frame_id', 'job_id'],
    defaultSort: '-id',
  }
}

function usernameOf(world: World, id: number | null): string | null {
  return id === null ? null : world.user(id).username
}
