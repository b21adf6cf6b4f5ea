// Which parameters each of CVAT's lists takes, as its schema says, and where their values come from.

import { dimensionOf, validationModeOf } from './bodies.ts'
import type { Fields } from './json-logic.ts'
import type { ListSpec } from './list-page.ts'
import { isImport, type ServerRequest } from './request-body.ts'
import type { World } from './world.ts'
import type { Job, Label, Organization, Project, Task, User } from './world-records.ts'

export function projectList(world: World): ListSpec<Project> {
  const search = ['name', 'owner', 'assignee', 'status']
  return {
    path: '/api/projects',
    fields: {
      name: { kind: 'text', get: (row) => row.name },
      owner: { kind: 'text', get: (row) => world.user(row.ownerId).username },
      assignee: { kind: 'text', get: (row) => usernameOf(world, row.assigneeId) },
      status: { kind: 'text', get: (row) => row.status },
      id: { kind: 'number', get: (row) => row.id },
      updated_date: { kind: 'date', get: (row) => row.updatedDate },
    },
    search,
    filter: [...search, 'id', 'updated_date'],
    sort: [...search, 'id', 'updated_date'],
    simple: ['name', 'owner', 'assignee', 'status'],
    defaultSort: '-id',
  }
}

export function taskList(world: World): ListSpec<Task> {
  const search = ['project_name', 'name', 'owner', 'status', 'assignee', 'subset', 'mode', 'dimension']
  const all = [...search, 'tracker_link', 'validation_mode', 'id', 'project_id', 'updated_date']
  return {
    path: '/api/tasks',
    fields: {
      project_name: { kind: 'text', get: (row) => projectNameOf(world, row) },
      name: { kind: 'text', get: (row) => row.name },
      owner: { kind: 'text', get: (row) => world.user(row.ownerId).username },
      status: { kind: 'text', get: (row) => row.status },
      assignee: { kind: 'text', get: (row) => usernameOf(world, row.assigneeId) },
      subset: { kind: 'text', get: (row) => row.subset },
      mode: { kind: 'text', get: (row) => row.data?.mode ?? '' },
      dimension: { kind: 'text', get: dimensionOf },
      tracker_link: { kind: 'text', get: () => '' },
      validation_mode: { kind: 'text', get: (row) => validationModeOf(row, world.jobsOf(row)) },
      id: { kind: 'number', get: (row) => row.id },
      project_id: { kind: 'number', get: (row) => row.projectId },
      updated_date: { kind: 'date', get: (row) => row.updatedDate },
    },
    search,
    filter: all,
    sort: all,
    simple: [...search, 'tracker_link', 'validation_mode', 'project_id'],
    defaultSort: '-id',
  }
}

export function jobList(world: World): ListSpec<Job> {
  const search = ['task_name', 'project_name', 'assignee', 'state', 'stage']
  const all = [...search, 'id', 'task_id', 'project_id', 'updated_date', 'dimension', 'type', 'parent_job_id']
  return {
    path: '/api/jobs',
    fields: {
      task_name: { kind: 'text', get: (row) => world.task(row.taskId).name },
      project_name: { kind: 'text', get: (row) => projectNameOf(world, world.task(row.taskId)) },
      assignee: { kind: 'text', get: (row) => usernameOf(world, row.assigneeId) },
      state: { kind: 'text', get: (row) => row.state },
      stage: { kind: 'text', get: (row) => row.stage },
      id: { kind: 'number', get: (row) => row.id },
      task_id: { kind: 'number', get: (row) => row.taskId },
      project_id: { kind: 'number', get: (row) => world.task(row.taskId).projectId },
      updated_date: { kind: 'date', get: (row) => row.updatedDate },
      dimension: { kind: 'text', get: (row) => dimensionOf(world.task(row.taskId)) },
      type: { kind: 'text', get: (row) => row.type },
      parent_job_id: { kind: 'number', get: (row) => row.parentJobId },
    },
    search,
    filter: all,
    sort: all,
    simple: [...search, 'task_id', 'project_id', 'type', 'dimension', 'parent_job_id'],
    defaultSort: '-id',
  }
}

export const labelList: ListSpec<Label> = {
  path: '/api/labels',
  fields: {
    name: { kind: 'text', get: (row) => row.name },
    parent: { kind: 'text', get: () => null },
    id: { kind: 'number', get: (row) => row.id },
    type: { kind: 'text', get: (row) => row.type },
    color: { kind: 'text', get: (row) => row.color },
    parent_id: { kind: 'number', get: () => null },
  },
  search: ['name', 'parent'],
  filter: ['name', 'parent', 'id', 'type', 'color', 'parent_id'],
  sort: ['name', 'parent', 'id', 'type', 'color', 'parent_id'],
  simple: ['name', 'parent', 'type', 'color', 'parent_id'],
  defaultSort: 'id',
}

export const userList: ListSpec<User> = {
  path: '/api/users',
  fields: {
    username: { kind: 'text', get: (row) => row.username },
    first_name: { kind: 'text', get: () => '' },
    last_name: { kind: 'text', get: () => '' },
    id: { kind: 'number', get: (row) => row.id },
  },
  search: ['username', 'first_name', 'last_name'],
  filter: ['username', 'first_name', 'last_name', 'id'],
  sort: ['username', 'first_name', 'last_name', 'id'],
  simple: ['username', 'first_name', 'last_name'],
  defaultSort: '-id',
}

export function organizationList(world: World): ListSpec<Organization> {
  const search = ['name', 'owner', 'slug']
  return {
    path: '/api/organizations',
    fields: {
      name: { kind: 'text', get: (row) => row.name },
      owner: { kind: 'text', get: (row) => world.user(row.ownerId).username },
      slug: { kind: 'text', get: (row) => row.slug },
      id: { kind: 'number', get: (row) => row.id },
    },
    search,
    filter: [...search, 'id'],
    sort: [...search, 'id'],
    simple: search,
    defaultSort: '-id',
  }
}

const requestFields: Fields<ServerRequest> = {
  status: { kind: 'text', get: (row) => row.status },
  project_id: { kind: 'number', get: (row) => (isImport(row) ? (row.order.into?.projectId ?? null) : row.projectId) },
  task_id: { kind: 'number', get: taskIdOf },
  job_id: { kind: 'number', get: (row) => (isImport(row) ? (row.order.into?.jobId ?? null) : null) },
  action: { kind: 'text', get: (row) => (isImport(row) ? 'import' : 'export') },
  target: { kind: 'text', get: (row) => (isImport(row) ? row.order.target : row.order.entity.type) },
  subresource: { kind: 'text', get: (row) => (isImport(row) ? row.order.subresource : row.order.kind) },
  format: { kind: 'text', get: (row) => (isImport(row) ? null : row.order.format) },
  created_date: { kind: 'date', get: (row) => row.createdDate },
}

const requestFilters = ['status', 'project_id', 'task_id', 'job_id', 'action', 'target', 'subresource', 'format']

export const requestList: ListSpec<ServerRequest> = {
  path: '/api/requests',
  fields: requestFields,
  search: [],
  filter: requestFilters,
  sort: ['created_date', 'status', 'action'],
  simple: requestFilters,
  defaultSort: '-created_date',
}

function taskIdOf(row: ServerRequest): number | null {
  if (isImport(row)) return row.order.into?.taskId ?? null
  return row.order.entity.type === 'task' ? row.order.entity.id : null
}

function usernameOf(world: World, id: number | null): string | null {
  return id === null ? null : world.user(id).username
}

function projectNameOf(world: World, task: Task): string | null {
  return task.projectId === null ? null : world.project(task.projectId).name
}
