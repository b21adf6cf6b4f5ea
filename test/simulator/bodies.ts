// Rows as CVAT's API writes them: every key that the recordings have, in their order.

import { statusOf } from './archive-json.ts'
import { frameOf } from './frames.ts'
import type { JsonObject } from './restore/restored-task.ts'
import type { World } from './world.ts'
import type { AccessToken, Comment, Issue, Job, Label, Organization, Project, Task, User } from './world-records.ts'

export function userBody(user: User, base: string): object {
  return {
    ...userLink(user, base),
    ...{ email: user.email, groups: [user.isSuperuser ? 'admin' : 'user'] },
    ...flags(user),
  }
}

function flags(user: User): object {
  return {
    is_staff: user.isSuperuser,
    is_superuser: user.isSuperuser,
    is_active: true,
    last_login: user.lastLogin,
    date_joined: user.joinedDate,
    has_analytics_access: user.isSuperuser,
  }
}

export function userLink(user: User, base: string): object {
  return {
    url: `${base}/api/users/${user.id}`,
    id: user.id,
    username: user.username,
    first_name: '',
    last_name: '',
  }
}

function optionalUser(world: World, id: number | null, base: string): object | null {
  return id === null ? null : userLink(world.user(id), base)
}

export function projectBody(world: World, project: Project, base: string): object {
  const tasks = world.tasksOf(project.id)
  return {
    url: `${base}/api/projects/${project.id}`,
    id: project.id,
    name: project.name,
    owner: optionalUser(world, project.ownerId, base),
    assignee: optionalUser(world, project.assigneeId, base),
    guide_id: project.guideId,
    bug_tracker: project.bugTracker,
    created_date: project.createdDate,
    updated_date: project.updatedDate,
    status: project.status,
    dimension: tasks[0] ? dimensionOf(tasks[0]) : null,
    organization: project.organizationId,
    organization_id: project.organizationId,
    target_storage: null,
    source_storage: null,
    tasks: { count: tasks.length, url: `${base}/api/tasks?project_id=${project.id}` },
    labels: { url: `${base}/api/labels?project_id=${project.id}` },
    assignee_updated_date: project.assigneeUpdatedDate,
    task_subsets: [...new Set(tasks.map((task) => task.subset).filter(Boolean))].sort(),
  }
}

export function taskBody(world: World, task: Task, base: string): object {
  const { data } = task
  const jobs = world.jobsOf(task)
  return {
    url: `${base}/api/tasks/${task.id}`,
    id: task.id,
    name: task.name,
    project_id: task.projectId,
    project_name: task.projectId === null ? null : world.project(task.projectId).name,
    mode: data?.mode ?? '',
    owner: optionalUser(world, task.ownerId, base),
    assignee: optionalUser(world, task.assigneeId, base),
    bug_tracker: task.restored?.description.bug_tracker ?? '',
    created_date: task.createdDate,
    updated_date: task.updatedDate,
    overlap: data ? data.overlap : null,
    segment_size: data?.segmentSize ?? 0,
    status: task.status,
    ...(data && {
      data_chunk_size: chunkSize(task),
      data_original_chunk_type: chunkType(task),
      data_compressed_chunk_type: compressedChunkType(task),
      data_cloud_storage_id: null,
    }),
    guide_id: task.guideId,
    ...(data && { size: data.frames, image_quality: dataOf(task).image_quality ?? 70 }),
    data: data ? task.id : null,
    dimension: dimensionOf(task),
    subset: task.subset,
    organization_id: task.organizationId,
    organization: task.organizationId,
    target_storage: null,
    source_storage: null,
    jobs: {
      count: jobs.length,
      completed: jobs.filter((job) => job.stage === 'acceptance' && job.state === 'completed').length,
      validation: jobs.filter((job) => job.stage === 'validation').length,
      url: `${base}/api/jobs?task_id=${task.id}`,
    },
    labels: { url: `${base}/api/labels?task_id=${task.id}` },
    assignee_updated_date: task.assigneeUpdatedDate,
    validation_mode: validationModeOf(task, jobs),
    consensus_enabled: jobs.some((job) => job.type === 'consensus_replica'),
  }
}

export function jobBody(world: World, job: Job, base: string): object {
  const task = world.task(job.taskId)
  const project = task.projectId === null ? null : world.project(task.projectId)
  const replicas = world.jobsOf(task).filter((other) => other.parentJobId === job.id).length
  return {
    url: `${base}/api/jobs/${job.id}`,
    id: job.id,
    task_id: task.id,
    task_name: task.name,
    project_id: project?.id ?? null,
    project_name: project?.name ?? null,
    assignee: optionalUser(world, job.assigneeId, base),
    guide_id: (project ?? task).guideId,
    dimension: dimensionOf(task),
    bug_tracker: '',
    status: statusOf(job),
    stage: job.stage,
    state: job.state,
    mode: task.data?.mode ?? '',
    frame_count: job.frames?.length ?? job.files?.length ?? job.stopFrame - job.startFrame + 1,
    start_frame: job.startFrame,
    stop_frame: job.stopFrame,
    data_chunk_size: chunkSize(task),
    data_compressed_chunk_type: compressedChunkType(task),
    data_original_chunk_type: chunkType(task),
    created_date: job.createdDate,
    updated_date: job.updatedDate,
    issues: { url: `${base}/api/issues?job_id=${job.id}`, count: job.issueCount },
    labels: { url: `${base}/api/labels?job_id=${job.id}` },
    type: job.type,
    organization: task.organizationId,
    target_storage: null,
    source_storage: null,
    assignee_updated_date: job.assigneeUpdatedDate,
    parent_job_id: job.parentJobId,
    replicas_count: replicas,
    consensus_replicas: replicas,
  }
}

/** What `…/data/meta` tells of a task's media. */
export function dataMetaBody(task: Task): object {
  const { data } = task
  const described = dataOf(task)
  const isVideo = data?.mode === 'interpolation'
  const frames = Array.from({ length: isVideo ? 1 : (data?.frames ?? 0) }, (_, frame) => {
    const { name, width, height, related_files } = frameOf(task, frame)
    return {
      width,
      height,
      name: isVideo && !task.restored ? 'video.mp4' : name,
      related_files,
      has_related_context: related_files > 0,
    }
  })
  return {
    chapters: null,
    chunks_updated_date: data?.uploadedDate ?? task.createdDate,
    chunk_size: chunkSize(task),
    size: data?.frames ?? 0,
    image_quality: described.image_quality ?? 70,
    start_frame: described.start_frame ?? 0,
    stop_frame: described.stop_frame ?? (data?.frames ?? 1) - 1,
    frame_filter: described.frame_filter ?? '',
    frames,
    deleted_frames: data?.deletedFrames ?? [],
    included_frames: null,
    storage: 'local',
    cloud_storage_id: null,
  }
}

export function labelBody(label: Label): object {
  return {
    id: label.id,
    name: label.name,
    color: label.color,
    attributes: label.attributes,
    type: label.type,
    sublabels: label.sublabels.map(({ id, name, color, attributes, type }) => ({
      ...{ id, name, color, attributes, type },
      has_parent: true,
    })),
    ...(label.projectId === null ? { task_id: label.taskId } : { project_id: label.projectId }),
    parent_id: null,
    has_parent: false,
    ...(label.svg !== null && { svg: drawingOf(label) }),
  }
}

export function organizationBody(world: World, organization: Organization, base: string): object {
  return {
    id: organization.id,
    slug: organization.slug,
    name: organization.name,
    description: '',
    created_date: organization.createdDate,
    updated_date: organization.updatedDate,
    contact: {},
    owner: optionalUser(world, organization.ownerId, base),
  }
}

export function issueBody(world: World, issue: Issue, base: string): object {
  return {
    id: issue.id,
    frame: issue.frame,
    position: issue.position,
    job: issue.jobId,
    owner: optionalUser(world, issue.ownerId, base),
    assignee: null,
    created_date: issue.createdDate,
    updated_date: issue.updatedDate,
    resolved: issue.resolved,
    comments: { count: issue.commentCount, url: `${base}/api/comments?issue_id=${issue.id}` },
  }
}

export function commentBody(world: World, comment: Comment, base: string): object {
  return {
    id: comment.id,
    issue: comment.issueId,
    owner: optionalUser(world, comment.ownerId, base),
    message: comment.message,
    created_date: comment.createdDate,
    updated_date: comment.updatedDate,
  }
}

/** The value itself is told once, when the token is made. */
export function accessTokenBody(world: World, token: AccessToken, base: string): object {
  return {
    id: token.id,
    name: token.name,
    created_date: token.createdDate,
    updated_date: token.updatedDate,
    expiry_date: token.expiryDate,
    last_used_date: token.lastUsedDate,
    read_only: token.readOnly,
    owner: optionalUser(world, token.userId, base),
  }
}

/** In lists a skeleton's drawing names its points by id, in archives by name. */
function drawingOf({ svg, sublabels }: Label): string {
  return (svg ?? '').replaceAll(/data-label-name="([^"]*)"/g, (text, name) => {
    const id = sublabels.find((sublabel) => sublabel.name === name)?.id
    return id === undefined ? text : `data-label-id="${id}"`
  })
}

function dataOf(task: Task): JsonObject {
  return (task.restored?.description.data ?? {}) as JsonObject
}

export function dimensionOf(task: Task): string {
  return task.restored?.dimension ?? '2d'
}

export function validationModeOf(task: Task, jobs: readonly Job[]): string | null {
  const layout = dataOf(task).validation_layout as { mode?: string } | undefined
  if (layout?.mode !== undefined) return layout.mode
  return jobs.some((job) => job.type === 'ground_truth') ? 'gt' : null
}

function chunkSize(task: Task): number {
  return task.data?.mode === 'interpolation' ? 36 : 72
}

function chunkType(task: Task): string {
  return task.data?.mode === 'interpolation' ? 'video' : 'imageset'
}

/** Videos that were made here have their chunks as images; restored ones never (use_zip_chunks gets lost). */
function compressedChunkType(task: Task): string {
  return task.restored ? chunkType(task) : 'imageset'
}
