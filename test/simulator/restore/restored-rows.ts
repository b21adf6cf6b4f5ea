// Puts an archive that was read into the tables: fresh ids and dates, and of people, states and issues nothing, as CVAT does.

import { secretDigits } from '../accounts.ts'
import { insertSorted, Rows } from '../rows.ts'
import type { Asset, Guide, Job, JobType, LabelAttribute, Project, Task } from '../world-records.ts'
import type { ArchivedLabel } from './check-importable.ts'
import type { ArchivedGuide } from './read-guide.ts'
import type { ArchivedJob, UploadedTask } from './read-task.ts'
import type { JobAnnotations, RestoredTask } from './restored-task.ts'

interface Place {
  /** A user's name. */
  readonly owner: string
  /** An organization's slug. */
  readonly organization: string | null
}

export interface NewRestoredProject extends Place {
  readonly project: {
    readonly name: string
    readonly bugTracker: string
    readonly labels: readonly ArchivedLabel[]
    readonly guide: ArchivedGuide | null
  }
}

export interface NewRestoredTask extends Place {
  /** Null for a task's own archive. */
  readonly projectId: number | null
  readonly task: UploadedTask
  /** Called when the task is deleted. */
  readonly release: () => void
}

const jobTypes: ReadonlySet<unknown> = new Set<JobType>(['annotation', 'ground_truth', 'consensus_replica'])

export class RestoredRows extends Rows {
  addRestoredProject({ owner, organization, project }: NewRestoredProject): Project {
    const id = this.nextId('project')
    const record: Project = {
      id,
      name: project.name,
      ownerId: this.userNamed(owner).id,
      assigneeId: null,
      assigneeUpdatedDate: null,
      organizationId: this.organizationIdOf(organization),
      bugTracker: project.bugTracker,
      status: 'annotation',
      createdDate: this.clock.tick(),
      updatedDate: this.clock.tick(),
      guideId: null,
      labelIds: [],
      taskIds: [],
    }
    this.projects.set(id, record)
    for (const label of project.labels) this.#addLabel(label, { projectId: id, taskId: null })
    if (project.guide) this.#addGuide(record, project.guide, { projectId: id, taskId: null })
    this.tellProject('create:project', record)
    return record
  }

  addRestoredTask({ owner, organization, projectId, task, release }: NewRestoredTask): Task {
    const id = this.nextId('task')
    const project = projectId === null ? null : this.project(projectId)
    const date = this.clock.tick()
    const { description, frames } = task
    const restored: RestoredTask = {
      description,
      media: task.media,
      frames: frames.frames,
      dimension: frames.dimension,
      release,
    }
    const record: Task = {
      id,
      name: String(description.name),
      projectId,
      ownerId: this.userNamed(owner).id,
      assigneeId: null,
      assigneeUpdatedDate: null,
      organizationId: project ? project.organizationId : this.organizationIdOf(organization),
      subset: String(description.subset ?? ''),
      status: 'annotation',
      createdDate: date,
      updatedDate: this.clock.tick(),
      guideId: null,
      labelIds: [],
      jobIds: [],
      data: {
        mode: frames.mode,
        frames: frames.count,
        bytesPerFrame: 0,
        seed: id,
        uploadedDate: date,
        ...segmentsOf(task),
        deletedFrames: ((task.data.deleted_frames ?? []) as readonly number[]).slice(),
        isMissing: false,
      },
      annotations: {
        shapesPerFrame: 0,
        extraShapes: 0,
        stored: { jobs: task.annotations, raw: task.rawAnnotations },
      },
      restored,
    }
    this.tasks.set(id, record)
    if (project) insertSorted(project.taskIds, id)
    else for (const label of task.labels) this.#addLabel(label, { projectId: null, taskId: id })
    this.#addJobs(record, task.jobs)
    if (task.guide) this.#addGuide(record, task.guide, { projectId: null, taskId: id })
    if (project) this.touch(project)
    this.tellTask('create:task', record)
    return record
  }

  /** Puts these annotations in place of all that the task has: it moves, and its project and jobs. */
  replaceAnnotations(taskId: number, jobs: readonly JobAnnotations[]): void {
    const task = this.task(taskId)
    task.annotations.stored = { jobs, raw: null }
    for (const job of this.jobsOf(task)) {
      const before = { updated_date: job.updatedDate }
      job.updatedDate = this.clock.tick()
      this.tellJob('update:job', job, before)
    }
    const before = { updated_date: task.updatedDate }
    this.touchWithProject(task)
    this.tellTask('update:task', task, before)
    if (task.projectId !== null) this.tellProject('update:project', this.project(task.projectId), before)
  }

  /** State and stage begin anew, nobody is assigned. A replica belongs to the job before it with the same frames. */
  #addJobs(task: Task, jobs: readonly ArchivedJob[]): void {
    let parent: Job | undefined
    for (const job of jobs) {
      const type = (jobTypes.has(job.type) ? job.type : 'annotation') as JobType
      const row = this.insertJob(task, type, job.start_frame, job.stop_frame, job.frames ?? null, {
        files: job.files ?? null,
        parentJobId: type === 'consensus_replica' ? (parent?.id ?? null) : null,
      })
      if (type === 'annotation') parent = row
    }
  }

  #addLabel(label: ArchivedLabel, owner: { projectId: number | null; taskId: number | null }): void {
    const attributes = this.#addAttributes(label)
    const row = this.insertLabel(label.name, owner, {
      ...(label.color !== undefined && { color: label.color }),
      type: label.type ?? 'any',
      svg: label.svg ?? null,
      attributes,
    })
    row.sublabels = (label.sublabels ?? []).map((sublabel) => ({
      id: this.nextId('label'),
      name: sublabel.name,
      color: sublabel.color ?? '',
      type: sublabel.type ?? 'points',
      attributes: this.#addAttributes(sublabel),
    }))
  }

  #addAttributes(label: ArchivedLabel): LabelAttribute[] {
    return (label.attributes ?? []).map(
      (attribute) => ({ id: this.nextId('attribute'), ...attribute }) as unknown as LabelAttribute,
    )
  }

  /**
   * Each picture gets an address, and the text that names it follows. Of two pictures of one name the text's places all
   * go to the first address; both pictures are the second by then (see readGuide). The one that no text shows is not kept:
   * whether CVAT keeps it until the guide's next change was not measured.
   */
  #addGuide(
    holder: Project | Task,
    { markdown, assets }: ArchivedGuide,
    owner: { projectId: number | null; taskId: number | null },
  ): void {
    const createdDate = this.clock.tick()
    const guide: Guide = { id: this.nextId('guide'), ...owner, createdDate, updatedDate: createdDate, markdown: '' }
    let text = markdown
    for (const { fileName, content } of assets) {
      const asset = this.insertAsset(guide.id, fileName, content)
      text = text.replaceAll(`assets/${fileName}`, () => `/api/assets/${asset.uuid}`)
      if (!text.includes(asset.uuid)) this.assets.delete(asset.uuid)
    }
    guide.markdown = text
    this.guides.set(guide.id, guide)
    holder.guideId = guide.id
  }

  protected insertAsset(guideId: number, fileName: string, content: Buffer): Asset {
    const createdDate = this.clock.tick()
    const asset: Asset = { uuid: uuid(`${guideId} ${createdDate}`), guideId, fileName, content, createdDate }
    this.assets.set(asset.uuid, asset)
    return asset
  }
}

/** As CVAT's importer computes them from the jobs; task.json does not say. */
function segmentsOf({ jobs, frames }: UploadedTask): { segmentSize: number; overlap: number } {
  const [first, second] = jobs.filter((job) => (job.type ?? 'annotation') === 'annotation')
  if (!first) return { segmentSize: frames.count, overlap: 0 }
  const overlap = second ? Math.max(0, first.stop_frame - second.start_frame + 1) : 0
  return { segmentSize: first.stop_frame - first.start_frame + 1, overlap }
}

function uuid(seed: string): string {
  const digits = secretDigits(32, seed)
  return [0, 8, 12, 16, 20].map((start, index) => digits.slice(start, [8, 12, 16, 20, 32][index])).join('-')
}
