import { expect, test } from 'vitest'
import { commentRowSchema, issueRowSchema, jobRowSchema, projectRowSchema, taskRowSchema } from '#shared/cvat/rows.ts'

const date = '2026-11-22T20:31:45.123456Z'
const odd = [undefined, null, 7, 'bob', [], {}, { username: 7 }, { count: -1 }, { count: 'many' }]

test('whatever a server says of people, stages and issues, its rows stay fit for backups', () => {
  for (const value of odd) {
    const people = { owner: value, assignee: value }
    expect(projectRowSchema.parse({ id: 1, name: 'x', updated_date: date, ...people })).toMatchObject({ owner: null })
    expect(taskRowSchema.parse({ id: 1, name: 'x', updated_date: date, ...people })).toMatchObject({ assignee: null })
    const more = { issues: value, start_frame: value, parent_job_id: value }
    const job = jobRowSchema.parse({ id: 1, task_id: 2, updated_date: date, assignee: value, ...more })
    expect(job).toMatchObject({ assignee: null, issues: null })
  }
})

test('of a user nothing but the name that they log in with is taken', () => {
  const bob = { id: 2, username: 'bob', first_name: 'Bob', last_name: 'B', email: 'bob@secret.example' }
  const row = projectRowSchema.parse({ id: 1, name: 'x', updated_date: date, owner: bob, assignee: bob })
  expect(row).toMatchObject({ owner: 'bob', assignee: 'bob' })
  expect(JSON.stringify(row)).not.toMatch(/secret|Bob/)
})

test('issues and comments are taken with what they have', () => {
  expect(issueRowSchema.parse({ id: 1, job: 2, comments: { count: 3 }, position: [1, 2.5] })).toEqual({
    id: 1,
    job: 2,
    frame: null,
    position: [1, 2.5],
    resolved: false,
    owner: null,
    assignee: null,
    created_date: null,
    updated_date: null,
    comments: 3,
  })
  expect(commentRowSchema.parse({ id: 1, issue: 2, message: 'a\0b' })).toMatchObject({ message: 'a\0b', owner: null })
  expect(issueRowSchema.safeParse({ id: 1 }).success).toBe(false)
})
