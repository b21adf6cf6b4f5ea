// Asks the server which entities an archive may be of.

import { readSlugs } from '#services/scheduler/list-subjects.ts'
import type { CvatClient, ProjectRow, TaskRow } from '#shared/cvat/client.ts'
import { nameIs } from '#shared/cvat/list-scopes.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, type EntityType, formatEntity } from '#shared/model/entity.ts'
import type { Candidate, CandidateTask } from './judge-candidates.ts'

export type FindingClient = Pick<
  CvatClient,
  'getProject' | 'getTask' | 'listProjects' | 'listTasks' | 'listFormats' | 'listOrganizations'
>

export interface FoundEntity extends Omit<Candidate, 'tasks'> {
  readonly entity: EntityRef
  readonly name: string
  /** Slug of the organization; null for a personal entity. */
  readonly organization: string | null
  /** One request for a project, remembered. */
  readTasks(): Promise<readonly CandidateTask[]>
}

export interface Finder {
  /** All entities of exactly this name that the login may see. */
  findByName(type: EntityType, name: string): Promise<readonly FoundEntity[]>
  /** Empty when there is none of this id, or it is not for this login to see. */
  findById(entity: EntityRef): Promise<readonly FoundEntity[]>
  /** The export format of which this is the lower-case name; undefined when the server has none, or several. */
  findFormat(lowerCaseName: string): Promise<string | undefined>
}

/**
 * Remembers the formats, the organizations and the last answer: files of one entity come one after another, so that each
 * entity costs two or three requests, and memory does not grow with their number.
 */
export function openFinder(cvat: FindingClient, signal: AbortSignal): Finder {
  let slugs: Promise<ReadonlyMap<number, string>> | undefined
  let formats: Promise<string[]> | undefined
  let last: { key: string; found: Promise<readonly FoundEntity[]> } | undefined

  const remember = (key: string, find: () => Promise<readonly FoundEntity[]>) => {
    if (last?.key !== key) last = { key, found: find() }
    return last.found
  }

  async function describe(type: EntityType, row: ProjectRow | TaskRow): Promise<FoundEntity> {
    slugs ??= readSlugs(cvat, signal)
    const { id, name, organization_id: organizationId } = row
    let tasks: Promise<readonly CandidateTask[]> | undefined
    return {
      entity: { type, id },
      id,
      name,
      organization: organizationId === null ? null : ((await slugs).get(organizationId) ?? `#${organizationId}`),
      createdDate: row.created_date,
      updatedDate: row.updated_date,
      readTasks() {
        tasks ??= 'size' in row ? Promise.resolve(listData([row])) : readProjectTasks(id)
        return tasks
      },
    }
  }

  async function readProjectTasks(projectId: number): Promise<CandidateTask[]> {
    const rows: CandidateTask[] = []
    for await (const page of cvat.listTasks({ projectId }, signal)) rows.push(...listData(page))
    return rows
  }

  async function listByName(type: EntityType, name: string): Promise<FoundEntity[]> {
    const pages =
      type === 'project' ? cvat.listProjects({ filter: nameIs(name) }, signal) : cvat.listTasks({ name }, signal)
    const found: FoundEntity[] = []
    for await (const page of pages) {
      for (const row of page) if (row.name === name) found.push(await describe(type, row))
    }
    return found
  }

  async function getById({ type, id }: EntityRef): Promise<FoundEntity[]> {
    try {
      return [
        await describe(type, type === 'project' ? await cvat.getProject(id, signal) : await cvat.getTask(id, signal)),
      ]
    } catch (error) {
      if (error instanceof BackupError && (error.code === 'not-found' || error.code === 'forbidden')) return []
      throw error
    }
  }

  return {
    findByName: (type, name) => remember(`${type} ${name}`, () => listByName(type, name)),
    findById: (entity) => remember(`${formatEntity(entity)}`, () => getById(entity)),
    async findFormat(lowerCaseName) {
      formats ??= cvat.listFormats(signal).then((rows) => rows.map(({ name }) => name))
      const [first, ...others] = (await formats).filter((name) => name.toLowerCase() === lowerCaseName)
      return others.length === 0 ? first : undefined
    },
  }
}

function listData(rows: readonly TaskRow[]): CandidateTask[] {
  return rows.filter(({ size }) => size > 0).map(({ name, size }) => ({ name, frames: size }))
}
