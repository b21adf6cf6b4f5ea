// The simulated server's contents, in memory, with the changes people make; each moves exactly the dates that CVAT moves.
// Built for 10,000 projects and 100,000 tasks: rows are small, media are only described, every look-up is by key.

import { RestoredRows } from './restore/restored-rows.ts'
import { type JsonObject, noAnnotations } from './restore/restored-task.ts'
import { addShapes, plainShape, renameLabel } from './restore/stored-annotations.ts'
import { insertSorted } from './rows.ts'
import type {
  Asset,
  Comment,
  EntityKey,
  Guide,
  Issue,
  Job,
  Label,
  Project,
  Stage,
  State,
  Task,
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

export class World extends RestoredRows {
  /** What `GET /api/server/about` says. */
  version = '2.64.1.dev20260430074707'

  // Projects.

  addProject(project: NewProject): Project {
    const id = this.nextId('project', project.id)
    const createdDate = project.createdDate ?? this.clock.tick()
    const record: Project = {
      id,
      name: project.name,
      ownerId: this.userNamed(project.owner).id,
      assigneeId: null,
      assigneeUpdatedDate: null,
      organizationId: this.organizationIdOf(project.organization),
      bugTracker: '',
      status: 'annotation',
      createdDate,
      updatedDate: project.updatedDate ?? project.createdDate ?? this.clock.tick(),
      guideId: null,
      labelIds: [],
      taskIds: [],
    }
    this.projects.set(id, record)
    for (const name of project.labels ?? ['car', 'Fußgänger']) this.insertLabel(name, { projectId: id, taskId: null })
    this.tellProject('create:project', record)
    return record
  }

  renameProject(id: number, name: string): void {
    const project = this.project(id)
    if (project.name === name) return
    const before = { name: project.name, updated_date: project.updatedDate }
    project.name = name
    this.touch(project)
    this.tellProject('update:project', project, before)
  }

  assignProject(id: number, username: string | null): void {
    const project = this.project(id)
    const before = { assignee: project.assigneeId, updated_date: project.updatedDate }
    project.assigneeId = username === null ? null : this.userNamed(username).id
    project.assigneeUpdatedDate = this.clock.tick()
    this.touch(project)
    this.tellProject('update:project', project, before)
  }

  deleteProject(id: number): void {
    const project = this.project(id)
    this.tellProject('delete:project', project)
    for (const task of this.tasksOf(id)) {
      for (const job of this.jobsOf(task)) this.tellJob('delete:job', job)
      // The project's own hooks are gone by then.
      this.onEvent({ event: 'delete:task', row: task, projectId: null, organizationId: task.organizationId })
    }
    for (const hook of this.webhooks.values()) if (hook.projectId === id) this.webhooks.delete(hook.id)
    for (const taskId of [...project.taskIds]) this.dropTask(this.task(taskId))
    for (const labelId of project.labelIds) this.labels.delete(labelId)
    this.dropGuide(project)
    this.projects.delete(id)
  }

  /** A label added to a project or a task: the project and its tasks move, or the task and its project. */
  addLabel(owner: EntityKey, name: string): Label {
    const label = this.insertLabel(name, {
      projectId: owner.type === 'project' ? owner.id : null,
      taskId: owner.type === 'task' ? owner.id : null,
    })
    this.#tellLabelOwner(label)
    return label
  }

  changeLabel(id: number, change: { name?: string; color?: string }): Label {
    const label = this.known(this.labels.get(id), 'label', id)
    if (change.name !== undefined && change.name !== label.name) this.#renameInAnnotations(label, change.name)
    Object.assign(label, change)
    this.moveLabelLast(label)
    this.#tellLabelOwner(label)
    return label
  }

  deleteLabel(id: number): void {
    const label = this.known(this.labels.get(id), 'label', id)
    const holder = label.projectId === null ? this.task(label.taskId ?? 0) : this.project(label.projectId)
    holder.labelIds.splice(holder.labelIds.indexOf(id), 1)
    this.labels.delete(id)
    this.touchLabelOwner(label)
  }

  /**
   * Adds the guide or replaces its text: moves the project (or the task) and nothing else. Pictures that the text does not
   * show are removed.
   */
  setGuide(owner: EntityKey, markdown: string): Guide {
    const target = owner.type === 'project' ? this.project(owner.id) : this.task(owner.id)
    const known = target.guideId === null ? undefined : this.guides.get(target.guideId)
    const guide: Guide = known ?? {
      id: this.nextId('guide'),
      projectId: owner.type === 'project' ? owner.id : null,
      taskId: owner.type === 'task' ? owner.id : null,
      createdDate: this.clock.tick(),
      updatedDate: '',
      markdown,
    }
    guide.markdown = markdown
    guide.updatedDate = this.clock.tick()
    for (const { uuid, guideId } of this.assets.values()) {
      if (guideId === guide.id && !markdown.includes(`(/api/assets/${uuid})`)) this.assets.delete(uuid)
    }
    this.guides.set(guide.id, guide)
    target.guideId = guide.id
    const before = { updated_date: target.updatedDate }
    this.touch(target)
    for (let i = 0; i < 2; i++) {
      if ('taskIds' in target) this.tellProject('update:project', target, before)
      else this.tellTask('update:task', target, before)
    }
    return guide
  }

  /** The guide goes with its pictures; the project (or the task) moves. */
  deleteGuide(id: number): void {
    const guide = this.known(this.guides.get(id), 'guide', id)
    const target = guide.projectId === null ? this.task(guide.taskId ?? 0) : this.project(guide.projectId)
    this.dropGuide(target)
    this.touch(target)
  }

  /** Uploads a picture to a guide: no date moves. It is in backups at once, and goes at the guide's next change unless its text shows it. */
  addAsset(guideId: number, fileName: string, content: Buffer): Asset {
    this.known(this.guides.get(guideId), 'guide', guideId)
    return this.insertAsset(guideId, fileName, content)
  }

  // Tasks.

  addTask(task: NewTask): Task {
    const id = this.nextId('task', task.id)
    const project = task.projectId === null ? null : this.project(task.projectId)
    const createdDate = task.createdDate ?? this.clock.tick()
    const frames = task.frames ?? 3
    const jobs = Math.max(1, Math.min(task.jobs ?? 1, frames))
    const record: Task = {
      id,
      name: task.name,
      projectId: task.projectId,
      ownerId: task.owner === undefined && project ? project.ownerId : this.userNamed(task.owner).id,
      assigneeId: null,
      assigneeUpdatedDate: null,
      organizationId: project ? project.organizationId : this.organizationIdOf(task.organization),
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
              overlap: 0,
              deletedFrames: [],
              isMissing: false,
            },
      annotations: { shapesPerFrame: task.shapesPerFrame ?? 1, extraShapes: 0, stored: null },
      restored: null,
    }
    this.tasks.set(id, record)
    if (project) insertSorted(project.taskIds, id)
    else for (const name of task.labels ?? ['car']) this.insertLabel(name, { projectId: null, taskId: id })
    if (record.data) {
      for (let start = 0; start < frames; start += record.data.segmentSize) {
        this.insertJob(record, 'annotation', start, Math.min(start + record.data.segmentSize, frames) - 1, null)
      }
    }
    record.updatedDate = task.updatedDate ?? (task.createdDate === undefined ? this.clock.tick() : createdDate)
    const before = { updated_date: project?.updatedDate }
    if (project && task.createdDate === undefined && task.updatedDate === undefined) this.touch(project)
    this.tellTask('create:task', record)
    if (project) this.tellProject('update:project', project, before)
    if (record.data) {
      for (let i = 0; i < 2; i++) this.tellTask('update:task', record, { updated_date: createdDate })
      for (const job of this.jobsOf(record)) this.tellJob('create:job', job)
      for (let i = 0; i < 2; i++) this.tellTask('update:task', record, { updated_date: createdDate })
    }
    return record
  }

  renameTask(id: number, name: string): void {
    const task = this.task(id)
    const was = { name: task.name }
    task.name = name
    this.#touchAndTell(task, was)
  }

  assignTask(id: number, username: string | null): void {
    const task = this.task(id)
    task.assigneeId = username === null ? null : this.userNamed(username).id
    task.assigneeUpdatedDate = this.clock.tick()
    this.#touchAndTell(task, {})
  }

  setSubset(id: number, subset: string): void {
    const task = this.task(id)
    const was = { subset: task.subset }
    task.subset = subset
    this.#touchAndTell(task, was)
  }

  /** New shapes in a task, so many or these: its date, its project's and that of the job they are in move. */
  annotate(taskId: number, shapes: number | readonly JsonObject[] = 1, jobId?: number): void {
    const task = this.task(taskId)
    const job = this.jobs.get(jobId ?? task.jobIds[0] ?? 0)
    const { annotations } = task
    if (annotations.stored && job) {
      const shape = plainShape(job.startFrame, this.labelsOf(task)[0]?.name ?? '')
      const added = typeof shapes === 'number' ? Array.from({ length: shapes }, () => shape) : shapes
      annotations.stored = addShapes(annotations.stored, task.jobIds.indexOf(job.id), added)
    } else annotations.extraShapes += typeof shapes === 'number' ? shapes : shapes.length
    if (job) {
      const before = { updated_date: job.updatedDate }
      job.updatedDate = this.clock.tick()
      this.tellJob('update:job', job, before)
    }
    this.#touchAndTell(task, {})
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
    const before = { updated_date: task.updatedDate }
    this.touch(task)
    this.tellTask('update:task', task, before)
  }

  /** The project that the task leaves keeps its date; the one it comes to moves. */
  moveTask(id: number, projectId: number): void {
    const task = this.task(id)
    const target = this.project(projectId)
    if (task.projectId !== null) {
      const source = this.project(task.projectId)
      source.taskIds = source.taskIds.filter((taskId) => taskId !== id)
    }
    const was = { project_id: task.projectId }
    task.projectId = projectId
    task.organizationId = target.organizationId
    insertSorted(target.taskIds, id)
    this.#touchAndTell(task, was)
  }

  deleteTask(id: number): void {
    const task = this.task(id)
    for (const job of this.jobsOf(task)) this.tellJob('delete:job', job)
    if (task.projectId !== null) {
      const project = this.project(task.projectId)
      const before = { updated_date: project.updatedDate }
      this.touch(project)
      this.tellProject('update:project', project, before)
    }
    this.tellTask('delete:task', task)
    this.dropTask(task)
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
    const before = { state: job.state, updated_date: job.updatedDate }
    job.state = state
    job.updatedDate = this.clock.tick()
    this.tellJob('update:job', job, before)
  }

  /** Moves the job; the task only when its overall status changes by it; the project never. */
  setJobStage(id: number, stage: Stage): void {
    const job = this.job(id)
    const before = { stage: job.stage, updated_date: job.updatedDate }
    job.stage = stage
    job.updatedDate = this.clock.tick()
    this.tellJob('update:job', job, before)
    const task = this.task(job.taskId)
    const status = this.statusOf(task)
    if (status === task.status) return
    task.status = status
    this.touch(task)
  }

  assignJob(id: number, username: string | null): void {
    const job = this.job(id)
    job.assigneeId = username === null ? null : this.userNamed(username).id
    const before = { assignee_updated_date: job.assigneeUpdatedDate, updated_date: job.updatedDate }
    job.assigneeUpdatedDate = this.clock.tick()
    job.updatedDate = this.clock.tick()
    this.tellJob('update:job', job, before)
    this.touch(this.task(job.taskId))
  }

  /** No date of task or project moves: only the list of jobs tells. */
  addGroundTruthJob(taskId: number, frames: readonly number[] = [0]): Job {
    const task = this.task(taskId)
    const { annotations } = task
    if (annotations.stored) annotations.stored = { jobs: [...annotations.stored.jobs, noAnnotations], raw: null }
    const job = this.insertJob(task, 'ground_truth', 0, (task.data?.frames ?? 1) - 1, frames)
    this.tellJob('create:job', job)
    return job
  }

  removeGroundTruthJob(taskId: number): void {
    const task = this.task(taskId)
    const { annotations } = task
    if (annotations.stored) {
      const isKept = (index: number) => this.job(task.jobIds[index] ?? 0).type !== 'ground_truth'
      annotations.stored = { jobs: annotations.stored.jobs.filter((_, index) => isKept(index)), raw: null }
    }
    for (const job of this.jobsOf(task)) {
      if (job.type !== 'ground_truth') continue
      this.tellJob('delete:job', job)
      this.jobs.delete(job.id)
    }
    task.jobIds = task.jobIds.filter((id) => this.jobs.has(id))
  }

  /** Moves no date; the number of issues shows in the job. Null: without a first comment. */
  addIssue(
    jobId: number,
    owner: string,
    frame: number,
    position: readonly number[],
    message: string | null = 'look',
  ): Issue {
    const job = this.job(jobId)
    const issue: Issue = {
      id: this.nextId('issue'),
      jobId,
      ownerId: this.userNamed(owner).id,
      frame,
      position,
      createdDate: this.clock.tick(),
      updatedDate: this.clock.tick(),
      resolved: false,
      commentCount: 0,
    }
    job.issueCount += 1
    this.issues.set(issue.id, issue)
    this.tellJob('create:issue', job, undefined, issue)
    if (message !== null) this.addComment(issue.id, message, owner)
    return issue
  }

  resolveIssue(id: number, resolved: boolean): Issue {
    const issue = this.known(this.issues.get(id), 'issue', id)
    const before = { resolved: issue.resolved, updated_date: issue.updatedDate }
    issue.resolved = resolved
    issue.updatedDate = this.clock.tick()
    this.tellJob('update:issue', this.job(issue.jobId), before, issue)
    return issue
  }

  /** No event tells of labels; of those of a project only the project's own. */
  #tellLabelOwner(label: Label): void {
    const owner = label.taskId === null ? this.project(label.projectId ?? 0) : this.task(label.taskId)
    const before = { updated_date: owner.updatedDate }
    this.touchLabelOwner(label)
    if ('taskIds' in owner) this.tellProject('update:project', owner, before)
    else this.tellTask('update:task', owner, before)
  }

  #touchAndTell(task: Task, was: Readonly<Record<string, unknown>>): void {
    const project = task.projectId === null ? undefined : this.project(task.projectId)
    const before = { ...was, updated_date: task.updatedDate }
    const projectBefore = { updated_date: project?.updatedDate }
    this.touchWithProject(task)
    this.tellTask('update:task', task, before)
    if (project) this.tellProject('update:project', project, projectBefore)
  }

  #renameInAnnotations(label: Label, name: string): void {
    const tasks = label.taskId === null ? this.tasksOf(label.projectId ?? 0) : [this.task(label.taskId)]
    for (const { annotations } of tasks) {
      if (annotations.stored) annotations.stored = renameLabel(annotations.stored, label.name, name)
    }
  }

  /** Moves no date: only the issue's number of comments tells. */
  addComment(issueId: number, message = 'second', owner?: string): Comment {
    const issue = this.known(this.issues.get(issueId), 'issue', issueId)
    issue.commentCount += 1
    const comment: Comment = {
      id: this.nextId('comment'),
      issueId,
      ownerId: owner === undefined ? issue.ownerId : this.userNamed(owner).id,
      message,
      createdDate: this.clock.tick(),
      updatedDate: this.clock.tick(),
    }
    this.comments.set(comment.id, comment)
    this.tellJob('create:comment', this.job(issue.jobId), undefined, comment)
    return comment
  }

  removeIssue(id: number): void {
    const issue = this.known(this.issues.get(id), 'issue', id)
    this.job(issue.jobId).issueCount -= 1
    this.tellJob('delete:issue', this.job(issue.jobId), undefined, issue)
    this.issues.delete(id)
    for (const comment of this.comments.values()) if (comment.issueId === id) this.comments.delete(comment.id)
  }

  /** An administrator deletes a user: what they did stays, without their name; no date moves. */
  deleteUser(username: string): void {
    const { id } = this.userNamed(username)
    for (const row of [...this.projects.values(), ...this.tasks.values(), ...this.jobs.values()]) {
      if (row.assigneeId === id) row.assigneeId = null
    }
    for (const row of [...this.issues.values(), ...this.comments.values()]) if (row.ownerId === id) row.ownerId = null
    this.users.delete(id)
  }
}
