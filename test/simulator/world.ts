// The simulated server's contents, in memory, with the changes people make; each moves exactly the dates that CVAT moves.
// Built for 10,000 projects and 100,000 tasks: rows are small, media are only described, every look-up is by key.

import { createHash } from 'node:crypto'
import { ServerClock } from './server-clock.ts'
import type {
  AccessToken,
  Asset,
  EntityKey,
  Guide,
  Issue,
  Job,
  Label,
  Organization,
  Project,
  Role,
  Stage,
  State,
  Status,
  Task,
  User,
} from './world-records.ts'

export interface NewProject {
  readonly id?: number
  readonly name: string
  /** A user's name; the first user when left out. */
  readonly owner?: string
  /** An organization's slug; personal when left out. */
  readonly organization?: string | null
  readonly labels?: readonly string[]
  readonly createdDate?: string
  readonly updatedDate?: string
}

export interface NewTask {
  readonly id?: number
  readonly projectId: number | null
  readonly name: string
  readonly owner?: string
  /** Only for a task outside projects: a project's task belongs where the project belongs. */
  readonly organization?: string | null
  readonly subset?: string
  readonly hasData?: boolean
  readonly frames?: number
  readonly bytesPerFrame?: number
  /** `annotation` are images, `interpolation` is a video. */
  readonly mode?: 'annotation' | 'interpolation'
  readonly jobs?: number
  readonly shapesPerFrame?: number
  readonly labels?: readonly string[]
  readonly createdDate?: string
  readonly updatedDate?: string
}

const labelColors = ['#2080c0', '#ff0000', '#36da94', '#1446c2', '#ba9109']

export class World {
  readonly clock: ServerClock
  readonly users = new Map<number, User>()
  readonly accessTokens = new Map<number, AccessToken>()
  readonly organizations = new Map<number, Organization>()
  readonly projects = new Map<number, Project>()
  readonly tasks = new Map<number, Task>()
  readonly jobs = new Map<number, Job>()
  readonly labels = new Map<number, Label>()
  readonly guides = new Map<number, Guide>()
  readonly assets = new Map<string, Asset>()
  readonly issues = new Map<number, Issue>()
  /** What `GET /api/server/about` says. */
  version = '2.64.1.dev20260430074707'
  #commentCount = 0
  readonly #userByName = new Map<string, User>()
  readonly #userByLoginKey = new Map<string, User>()
  readonly #tokenByValue = new Map<string, AccessToken>()
  readonly #organizationBySlug = new Map<string, Organization>()
  readonly #lastId = new Map<string, number>()

  constructor(options: { clock?: ServerClock } = {}) {
    this.clock = options.clock ?? new ServerClock()
  }

  // People and what they log in with.

  addUser(user: { username: string; password: string; isSuperuser?: boolean; email?: string }): User {
    const record: User = {
      id: this.#nextId('user'),
      username: user.username,
      password: user.password,
      email: user.email ?? `${user.username}@example.com`,
      isSuperuser: user.isSuperuser ?? false,
      joinedDate: this.clock.tick(),
      lastLogin: null,
      loginKey: null,
    }
    this.users.set(record.id, record)
    this.#userByName.set(record.username, record)
    return record
  }

  findUser(username: string): User | undefined {
    return this.#userByName.get(username)
  }

  findUserByLoginKey(key: string): User | undefined {
    return this.#userByLoginKey.get(key)
  }

  /** The user's login token, made at the first login and the same at each later one. */
  login(user: User): string {
    user.lastLogin = this.clock.tick()
    if (user.loginKey === null) {
      user.loginKey = secret(40, `login ${user.username} ${user.lastLogin}`)
      this.#userByLoginKey.set(user.loginKey, user)
    }
    return user.loginKey
  }

  /** As a logout or an administrator does it: the token is refused from now on, the next login gives another. */
  revokeLoginKey(username: string): void {
    const user = this.#known(this.#userByName.get(username), 'user', username)
    if (user.loginKey !== null) this.#userByLoginKey.delete(user.loginKey)
    user.loginKey = null
  }

  /** A personal access token; read-only and without end when nothing else is said (CVAT's own default). */
  addAccessToken(
    username: string,
    token: { name?: string; value?: string; readOnly?: boolean; expiryDate?: string | null } = {},
  ): AccessToken {
    const user = this.#known(this.#userByName.get(username), 'user', username)
    const date = this.clock.tick()
    const record: AccessToken = {
      id: this.#nextId('access token'),
      name: token.name ?? 'backup',
      userId: user.id,
      value: token.value ?? `${secret(8, `${date} prefix`)}.${secret(32, `${date} secret`)}`,
      readOnly: token.readOnly ?? true,
      createdDate: date,
      updatedDate: this.clock.tick(),
      expiryDate: token.expiryDate ?? null,
      lastUsedDate: null,
    }
    this.accessTokens.set(record.id, record)
    this.#tokenByValue.set(record.value, record)
    return record
  }

  findAccessToken(value: string): AccessToken | undefined {
    return this.#tokenByValue.get(value)
  }

  revokeAccessToken(id: number): void {
    const token = this.#known(this.accessTokens.get(id), 'access token', id)
    this.accessTokens.delete(id)
    this.#tokenByValue.delete(token.value)
  }

  addOrganization(organization: {
    slug: string
    name?: string
    owner?: string
    members?: Readonly<Record<string, Role>>
  }): Organization {
    const owner = this.#userNamed(organization.owner)
    const record: Organization = {
      id: this.#nextId('organization'),
      slug: organization.slug,
      name: organization.name ?? organization.slug,
      ownerId: owner.id,
      createdDate: this.clock.tick(),
      updatedDate: this.clock.tick(),
      members: new Map([[owner.id, 'owner']]),
    }
    for (const [username, role] of Object.entries(organization.members ?? {})) {
      record.members.set(this.#userNamed(username).id, role)
    }
    this.organizations.set(record.id, record)
    this.#organizationBySlug.set(record.slug, record)
    return record
  }

  findOrganization(slug: string): Organization | undefined {
    return this.#organizationBySlug.get(slug)
  }

  // Projects.

  addProject(project: NewProject): Project {
    const id = this.#nextId('project', project.id)
    const createdDate = project.createdDate ?? this.clock.tick()
    const record: Project = {
      id,
      name: project.name,
      ownerId: this.#userNamed(project.owner).id,
      assigneeId: null,
      assigneeUpdatedDate: null,
      organizationId: this.#organizationIdOf(project.organization),
      bugTracker: '',
      status: 'annotation',
      createdDate,
      updatedDate: project.updatedDate ?? project.createdDate ?? this.clock.tick(),
      guideId: null,
      labelIds: [],
      taskIds: [],
    }
    this.projects.set(id, record)
    for (const name of project.labels ?? ['car', 'Fußgänger']) this.#insertLabel(name, { projectId: id, taskId: null })
    return record
  }

  renameProject(id: number, name: string): void {
    const project = this.project(id)
    project.name = name
    this.#touch(project)
  }

  assignProject(id: number, username: string | null): void {
    const project = this.project(id)
    project.assigneeId = username === null ? null : this.#userNamed(username).id
    project.assigneeUpdatedDate = this.clock.tick()
    this.#touch(project)
  }

  deleteProject(id: number): void {
    const project = this.project(id)
    for (const taskId of [...project.taskIds]) this.#dropTask(this.task(taskId))
    for (const labelId of project.labelIds) this.labels.delete(labelId)
    if (project.guideId !== null) this.guides.delete(project.guideId)
    this.projects.delete(id)
  }

  /** A label added to a project or a task: the project and its tasks move, or the task and its project. */
  addLabel(owner: EntityKey, name: string): Label {
    const label = this.#insertLabel(name, {
      projectId: owner.type === 'project' ? owner.id : null,
      taskId: owner.type === 'task' ? owner.id : null,
    })
    this.#touchLabelOwner(label)
    return label
  }

  changeLabel(id: number, change: { name?: string; color?: string }): Label {
    const label = this.#known(this.labels.get(id), 'label', id)
    Object.assign(label, change)
    this.#touchLabelOwner(label)
    return label
  }

  /** Adds the guide or replaces its text: moves the project (or the task) and nothing else. */
  setGuide(owner: EntityKey, markdown: string): Guide {
    const target = owner.type === 'project' ? this.project(owner.id) : this.task(owner.id)
    const known = target.guideId === null ? undefined : this.guides.get(target.guideId)
    const guide: Guide = known ?? {
      id: this.#nextId('guide'),
      projectId: owner.type === 'project' ? owner.id : null,
      taskId: owner.type === 'task' ? owner.id : null,
      createdDate: this.clock.tick(),
      updatedDate: '',
      markdown,
    }
    guide.markdown = markdown
    guide.updatedDate = this.clock.tick()
    this.guides.set(guide.id, guide)
    target.guideId = guide.id
    this.#touch(target)
    return guide
  }

  /** Uploads a picture to a guide: no date moves, and it is in the backup only where the guide's text names it. */
  addAsset(guideId: number, fileName: string, content: Buffer): Asset {
    this.#known(this.guides.get(guideId), 'guide', guideId)
    const createdDate = this.clock.tick()
    const asset: Asset = { uuid: uuid(`${guideId} ${createdDate}`), guideId, fileName, content, createdDate }
    this.assets.set(asset.uuid, asset)
    return asset
  }

  // Tasks.

  addTask(task: NewTask): Task {
    const id = this.#nextId('task', task.id)
    const project = task.projectId === null ? null : this.project(task.projectId)
    const createdDate = task.createdDate ?? this.clock.tick()
    const frames = task.frames ?? 3
    const jobs = Math.max(1, Math.min(task.jobs ?? 1, frames))
    const record: Task = {
      id,
      name: task.name,
      projectId: task.projectId,
      ownerId: task.owner === undefined && project ? project.ownerId : this.#userNamed(task.owner).id,
      assigneeId: null,
      assigneeUpdatedDate: null,
      organizationId: project ? project.organizationId : this.#organizationIdOf(task.organization),
      subset: task.subset ?? '',
      status: 'annotation',
      createdDate,
      updatedDate: createdDate,
      guideId: null,
      labelIds: [],
      jobIds: [],
      data:
        task.hasData === false
          ? null
          : {
              mode: task.mode ?? 'annotation',
              frames,
              bytesPerFrame: task.bytesPerFrame ?? 2000,
              seed: id,
              uploadedDate: createdDate,
              segmentSize: Math.ceil(frames / jobs),
              deletedFrames: [],
              isMissing: false,
            },
      annotations: { shapesPerFrame: task.shapesPerFrame ?? 1, extraShapes: 0 },
    }
    this.tasks.set(id, record)
    if (project) insertSorted(project.taskIds, id)
    else for (const name of task.labels ?? ['car']) this.#insertLabel(name, { projectId: null, taskId: id })
    if (record.data) {
      for (let start = 0; start < frames; start += record.data.segmentSize) {
        this.#insertJob(record, 'annotation', start, Math.min(start + record.data.segmentSize, frames) - 1, null)
      }
    }
    record.updatedDate = task.updatedDate ?? (task.createdDate === undefined ? this.clock.tick() : createdDate)
    if (project && task.createdDate === undefined && task.updatedDate === undefined) this.#touch(project)
    return record
  }

  renameTask(id: number, name: string): void {
    const task = this.task(id)
    task.name = name
    this.#touchWithProject(task)
  }

  assignTask(id: number, username: string | null): void {
    const task = this.task(id)
    task.assigneeId = username === null ? null : this.#userNamed(username).id
    task.assigneeUpdatedDate = this.clock.tick()
    this.#touchWithProject(task)
  }

  setSubset(id: number, subset: string): void {
    const task = this.task(id)
    task.subset = subset
    this.#touchWithProject(task)
  }

  /** New shapes in a task: its date, its project's and that of the job they are in move. */
  annotate(taskId: number, shapes = 1, jobId?: number): void {
    const task = this.task(taskId)
    task.annotations.extraShapes += shapes
    const job = this.jobs.get(jobId ?? task.jobIds[0] ?? 0)
    if (job) job.updatedDate = this.clock.tick()
    this.#touchWithProject(task)
  }

  deleteFrame(taskId: number, frame: number): void {
    const { data } = this.task(taskId)
    this.setDeletedFrames(taskId, [...new Set([...(data?.deletedFrames ?? []), frame])])
  }

  restoreFrame(taskId: number, frame: number): void {
    const { data } = this.task(taskId)
    this.setDeletedFrames(
      taskId,
      (data?.deletedFrames ?? []).filter((deleted) => deleted !== frame),
    )
  }

  /** Moves the task, not its project: this is what makes CVAT's cached project backups stale. */
  setDeletedFrames(taskId: number, frames: readonly number[]): void {
    const task = this.task(taskId)
    if (!task.data) return
    task.data.deletedFrames = [...frames].sort((a, b) => a - b)
    this.#touch(task)
  }

  /** The project that the task leaves keeps its date; the one it comes to moves. */
  moveTask(id: number, projectId: number): void {
    const task = this.task(id)
    const target = this.project(projectId)
    if (task.projectId !== null) {
      const source = this.project(task.projectId)
      source.taskIds = source.taskIds.filter((taskId) => taskId !== id)
    }
    task.projectId = projectId
    task.organizationId = target.organizationId
    insertSorted(target.taskIds, id)
    this.#touchWithProject(task)
  }

  deleteTask(id: number): void {
    const task = this.task(id)
    this.#dropTask(task)
    if (task.projectId !== null) this.#touch(this.project(task.projectId))
  }

  /** The server's disk loses the task's media: nothing in the database changes. */
  removeMedia(taskId: number): void {
    const { data } = this.task(taskId)
    if (data) data.isMissing = true
  }

  restoreMedia(taskId: number): void {
    const { data } = this.task(taskId)
    if (data) data.isMissing = false
  }

  // Jobs, issues, comments.

  setJobState(id: number, state: State): void {
    const job = this.job(id)
    job.state = state
    job.updatedDate = this.clock.tick()
  }

  /** Moves the job; the task only when its overall status changes by it; the project never. */
  setJobStage(id: number, stage: Stage): void {
    const job = this.job(id)
    job.stage = stage
    job.updatedDate = this.clock.tick()
    const task = this.task(job.taskId)
    const status = this.#statusOf(task)
    if (status === task.status) return
    task.status = status
    this.#touch(task)
  }

  assignJob(id: number, username: string | null): void {
    const job = this.job(id)
    job.assigneeId = username === null ? null : this.#userNamed(username).id
    job.assigneeUpdatedDate = this.clock.tick()
    job.updatedDate = this.clock.tick()
    this.#touch(this.task(job.taskId))
  }

  /** No date of task or project moves: only the list of jobs tells. */
  addGroundTruthJob(taskId: number, frames: readonly number[] = [0]): Job {
    const task = this.task(taskId)
    return this.#insertJob(task, 'ground_truth', 0, (task.data?.frames ?? 1) - 1, frames)
  }

  removeGroundTruthJob(taskId: number): void {
    const task = this.task(taskId)
    for (const id of task.jobIds) if (this.job(id).type === 'ground_truth') this.jobs.delete(id)
    task.jobIds = task.jobIds.filter((id) => this.jobs.has(id))
  }

  addIssue(jobId: number, owner: string, frame: number, position: readonly number[], hasMessage = true): Issue {
    const job = this.job(jobId)
    const issue: Issue = {
      id: this.#nextId('issue'),
      jobId,
      ownerId: this.#userNamed(owner).id,
      frame,
      position,
      createdDate: this.clock.tick(),
      updatedDate: this.clock.tick(),
      resolved: false,
      commentCount: 0,
    }
    job.issueCount += 1
    this.issues.set(issue.id, issue)
    if (hasMessage) this.addComment(issue.id)
    return issue
  }

  resolveIssue(id: number, resolved: boolean): Issue {
    const issue = this.#known(this.issues.get(id), 'issue', id)
    issue.resolved = resolved
    issue.updatedDate = this.clock.tick()
    return issue
  }

  /** The new comment's id. Its text is kept nowhere: no list or backup holds it. */
  addComment(issueId: number): number {
    this.#known(this.issues.get(issueId), 'issue', issueId).commentCount += 1
    this.#commentCount += 1
    return this.#commentCount
  }

  // Look-ups that fail loudly, for tests and handlers that have checked before.

  project(id: number): Project {
    return this.#known(this.projects.get(id), 'project', id)
  }

  task(id: number): Task {
    return this.#known(this.tasks.get(id), 'task', id)
  }

  job(id: number): Job {
    return this.#known(this.jobs.get(id), 'job', id)
  }

  user(id: number): User {
    return this.#known(this.users.get(id), 'user', id)
  }

  /** A project's tasks by ascending id: their positions are the `task_N` of its backup. */
  tasksOf(projectId: number): Task[] {
    return this.project(projectId).taskIds.map((id) => this.task(id))
  }

  jobsOf(task: Task): Job[] {
    return task.jobIds.map((id) => this.job(id))
  }

  /** The labels that a task is annotated with: its project's, or its own outside projects. */
  labelsOf(owner: Project | Task): Label[] {
    const source = 'projectId' in owner && owner.projectId !== null ? this.project(owner.projectId) : owner
    return source.labelIds.map((id) => this.#known(this.labels.get(id), 'label', id))
  }

  #insertLabel(name: string, owner: { projectId: number | null; taskId: number | null }): Label {
    const id = this.#nextId('label')
    const holder = owner.projectId !== null ? this.project(owner.projectId) : this.task(owner.taskId ?? 0)
    const color = labelColors[holder.labelIds.length % labelColors.length] ?? '#808080'
    const label: Label = { id, name, color, type: 'any', ...owner }
    this.labels.set(id, label)
    holder.labelIds.push(id)
    return label
  }

  #insertJob(task: Task, type: Job['type'], start: number, stop: number, frames: readonly number[] | null): Job {
    const createdDate = task.data && type === 'annotation' ? task.createdDate : this.clock.tick()
    const job: Job = {
      id: this.#nextId('job'),
      taskId: task.id,
      type,
      stage: 'annotation',
      state: 'new',
      assigneeId: null,
      assigneeUpdatedDate: null,
      startFrame: start,
      stopFrame: stop,
      frames,
      createdDate,
      updatedDate: createdDate,
      issueCount: 0,
    }
    this.jobs.set(job.id, job)
    task.jobIds.push(job.id)
    return job
  }

  #dropTask(task: Task): void {
    for (const id of task.jobIds) this.jobs.delete(id)
    for (const id of task.labelIds) this.labels.delete(id)
    this.tasks.delete(task.id)
    if (task.projectId === null) return
    const project = this.project(task.projectId)
    project.taskIds = project.taskIds.filter((id) => id !== task.id)
  }

  #statusOf(task: Task): Status {
    const stages = this.jobsOf(task).flatMap((job) => (job.type === 'annotation' ? [job.stage] : []))
    if (stages.includes('annotation')) return 'annotation'
    return stages.includes('validation') ? 'validation' : 'completed'
  }

  #touchLabelOwner(label: Label): void {
    if (label.taskId !== null) {
      this.#touchWithProject(this.task(label.taskId))
      return
    }
    const project = this.project(label.projectId ?? 0)
    this.#touch(project)
    for (const id of project.taskIds) this.#touch(this.task(id))
  }

  #touchWithProject(task: Task): void {
    this.#touch(task)
    if (task.projectId !== null) this.#touch(this.project(task.projectId))
  }

  #touch(record: { updatedDate: string }): void {
    record.updatedDate = this.clock.tick()
  }

  #userNamed(username: string | undefined): User {
    const user = username === undefined ? this.users.values().next().value : this.#userByName.get(username)
    return this.#known(user, 'user', username ?? '(any)')
  }

  #organizationIdOf(slug: string | null | undefined): number | null {
    if (slug === null || slug === undefined) return null
    return this.#known(this.#organizationBySlug.get(slug), 'organization', slug).id
  }

  #nextId(kind: string, wanted?: number): number {
    const last = this.#lastId.get(kind) ?? 0
    const id = wanted ?? last + 1
    if (id <= last) throw new Error(`The ${kind} id ${id} is not above the last one, ${last}`)
    this.#lastId.set(kind, id)
    return id
  }

  #known<T>(record: T | undefined, kind: string, key: number | string): T {
    if (record === undefined) throw new Error(`The simulated server has no ${kind} ${key}`)
    return record
  }
}

function insertSorted(ids: number[], id: number): void {
  const last = ids.at(-1)
  if (last === undefined || last < id) ids.push(id)
  else
    ids.splice(
      ids.findIndex((other) => other > id),
      0,
      id,
    )
}

/** Letters that look like a secret; the seed holds a date that is given out once, so no two are equal. */
function secret(length: number, seed: string): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, length)
}

function uuid(seed: string): string {
  const digits = secret(32, seed)
  return [0, 8, 12, 16, 20].map((start, index) => digits.slice(start, [8, 12, 16, 20, 32][index])).join('-')
}
