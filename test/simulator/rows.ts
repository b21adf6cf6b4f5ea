// The tables of projects, tasks, jobs and labels: look-ups, insertions, and the dates that move with a row.

import { Accounts } from './accounts.ts'
import type {
  Asset,
  Comment,
  Guide,
  Issue,
  Job,
  Label,
  Project,
  Status,
  Task,
  User,
  Webhook,
  WorldEvent,
} from './world-records.ts'

const labelColors = ['#2080c0', '#ff0000', '#36da94', '#1446c2', '#ba9109']

export class Rows extends Accounts {
  readonly projects = new Map<number, Project>()
  readonly tasks = new Map<number, Task>()
  readonly jobs = new Map<number, Job>()
  readonly labels = new Map<number, Label>()
  readonly guides = new Map<number, Guide>()
  readonly assets = new Map<string, Asset>()
  readonly issues = new Map<number, Issue>()
  readonly comments = new Map<number, Comment>()
  readonly webhooks = new Map<number, Webhook>()
  /** Told of everything that webhooks tell of. */
  onEvent: (event: WorldEvent) => void = () => undefined

  // Look-ups that fail loudly, for tests and handlers that have checked before.

  project(id: number): Project {
    return this.known(this.projects.get(id), 'project', id)
  }

  task(id: number): Task {
    return this.known(this.tasks.get(id), 'task', id)
  }

  job(id: number): Job {
    return this.known(this.jobs.get(id), 'job', id)
  }

  user(id: number): User {
    return this.known(this.users.get(id), 'user', id)
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
    return source.labelIds.map((id) => this.known(this.labels.get(id), 'label', id))
  }

  protected insertLabel(
    name: string,
    owner: { projectId: number | null; taskId: number | null },
    more: Partial<Pick<Label, 'color' | 'type' | 'attributes' | 'sublabels' | 'svg'>> = {},
  ): Label {
    const id = this.nextId('label')
    const holder = owner.projectId !== null ? this.project(owner.projectId) : this.task(owner.taskId ?? 0)
    const color = labelColors[holder.labelIds.length % labelColors.length] ?? '#808080'
    const label: Label = {
      id,
      name,
      color,
      type: 'any',
      attributes: [],
      sublabels: [],
      svg: null,
      ...owner,
      ...more,
    }
    this.labels.set(id, label)
    holder.labelIds.push(id)
    return label
  }

  /** A changed row is written anew: without an order that is asked for, it comes last from then on, as in archives. */
  protected moveLabelLast({ id, projectId, taskId }: Label): void {
    const { labelIds } = projectId !== null ? this.project(projectId) : this.task(taskId ?? 0)
    labelIds.push(...labelIds.splice(labelIds.indexOf(id), 1))
  }

  protected dropGuide(holder: Project | Task): void {
    const { guideId } = holder
    if (guideId === null) return
    for (const asset of this.assets.values()) if (asset.guideId === guideId) this.assets.delete(asset.uuid)
    this.guides.delete(guideId)
    holder.guideId = null
  }

  protected insertJob(
    task: Task,
    type: Job['type'],
    start: number,
    stop: number,
    frames: readonly number[] | null,
    more: Partial<Pick<Job, 'files' | 'parentJobId'>> = {},
  ): Job {
    const createdDate = task.data && (type === 'annotation' || task.restored) ? task.createdDate : this.clock.tick()
    const job: Job = {
      id: this.nextId('job'),
      taskId: task.id,
      type,
      stage: 'annotation',
      state: 'new',
      assigneeId: null,
      assigneeUpdatedDate: null,
      startFrame: start,
      stopFrame: stop,
      frames,
      files: null,
      parentJobId: null,
      createdDate,
      updatedDate: createdDate,
      issueCount: 0,
      ...more,
    }
    this.jobs.set(job.id, job)
    task.jobIds.push(job.id)
    return job
  }

  addWebhook(hook: Omit<Webhook, 'id' | 'createdDate' | 'updatedDate' | 'lastStatus' | 'lastDeliveryDate'>): Webhook {
    const id = this.nextId('webhook')
    const dates = { createdDate: this.clock.tick(), updatedDate: this.clock.tick() }
    const record: Webhook = { ...hook, id, ...dates, lastStatus: null, lastDeliveryDate: null }
    this.webhooks.set(id, record)
    return record
  }

  protected tellProject(event: string, project: Project, before?: WorldEvent['before']): void {
    const place = { projectId: project.id, organizationId: project.organizationId }
    this.onEvent({ event, row: project, ...place, ...(before ? { before } : {}) })
  }

  protected tellTask(event: string, task: Task, before?: WorldEvent['before'], row: WorldEvent['row'] = task): void {
    const place = { projectId: task.projectId, organizationId: task.organizationId }
    this.onEvent({ event, row, ...place, ...(before ? { before } : {}) })
  }

  protected tellJob(event: string, job: Job, before?: WorldEvent['before'], row: WorldEvent['row'] = job): void {
    this.tellTask(event, this.task(job.taskId), before, row)
  }

  protected dropTask(task: Task): void {
    for (const id of task.jobIds) this.jobs.delete(id)
    for (const id of task.labelIds) this.labels.delete(id)
    this.dropGuide(task)
    this.tasks.delete(task.id)
    task.restored?.release()
    if (task.projectId === null) return
    const project = this.project(task.projectId)
    project.taskIds = project.taskIds.filter((id) => id !== task.id)
  }

  protected statusOf(task: Task): Status {
    const stages = this.jobsOf(task).flatMap((job) => (job.type === 'annotation' ? [job.stage] : []))
    if (stages.includes('annotation')) return 'annotation'
    return stages.includes('validation') ? 'validation' : 'completed'
  }

  protected touchLabelOwner(label: Label): void {
    if (label.taskId !== null) {
      this.touchWithProject(this.task(label.taskId))
      return
    }
    const project = this.project(label.projectId ?? 0)
    this.touch(project)
    for (const id of project.taskIds) this.touch(this.task(id))
  }

  protected touchWithProject(task: Task): void {
    this.touch(task)
    if (task.projectId !== null) this.touch(this.project(task.projectId))
  }

  protected touch(record: { updatedDate: string }): void {
    record.updatedDate = this.clock.tick()
  }
}

/** Puts the id in its place among ascending ones. */
export function insertSorted(ids: number[], id: number): void {
  const last = ids.at(-1)
  if (last === undefined || last < id) ids.push(id)
  else
    ids.splice(
      ids.findIndex((other) => other > id),
      0,
      id,
    )
}
