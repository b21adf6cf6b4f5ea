// Who may see and export what: superusers everything, others what is theirs or what their role in an organization opens.

import type { OrganizationScope } from './call.ts'
import type { World } from './world.ts'
import type { Job, Project, Task, User } from './world-records.ts'

export function canSeeProject(world: World, user: User, project: Project): boolean {
  return isOwn(user, project) || runsOrganization(world, user, project.organizationId)
}

export function canSeeTask(world: World, user: User, task: Task): boolean {
  if (isOwn(user, task) || runsOrganization(world, user, task.organizationId)) return true
  const project = task.projectId === null ? undefined : world.projects.get(task.projectId)
  return project !== undefined && canSeeProject(world, user, project)
}

export function canSeeJob(world: World, user: User, job: Job): boolean {
  return job.assigneeId === user.id || canSeeTask(world, user, world.task(job.taskId))
}

export function isInScope(scope: OrganizationScope, organizationId: number | null): boolean {
  if (scope === 'any') return true
  return scope === 'personal' ? organizationId === null : scope.id === organizationId
}

function isOwn(user: User, row: { ownerId: number; assigneeId: number | null }): boolean {
  return user.isSuperuser || row.ownerId === user.id || row.assigneeId === user.id
}

function runsOrganization(world: World, user: User, organizationId: number | null): boolean {
  if (organizationId === null) return false
  const role = world.organizations.get(organizationId)?.members.get(user.id)
  return role === 'owner' || role === 'maintainer'
}
