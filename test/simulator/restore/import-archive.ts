// The worker's part of a restore: reads the uploaded archive whole, then puts everything into the world at once, or nothing.

import type { World } from '../world.ts'
import type { Organization, User } from '../world-records.ts'
import type { ArchivedLabel } from './check-importable.ts'
import { readGuide } from './read-guide.ts'
import { checkVersion, readJson, readTask } from './read-task.ts'
import type { NewRestoredProject } from './restored-rows.ts'
import type { JsonObject } from './restored-task.ts'
import { openUploadedZip, type UploadedZip } from './uploaded-zip.ts'

export interface ArchiveImport {
  readonly world: World
  readonly owner: User
  readonly organization: Organization | null
  readonly allowStaticCache: boolean
  /** Where the uploaded file is, and stays: restored tasks read their media from it. */
  readonly path: string
  /** Called when nothing reads from the file any more. */
  readonly release: () => void
}

/** Resolves to what makes the project or task and gives its id; throws an ImportError, having made nothing. */
export async function prepareImport(target: 'project' | 'task', given: ArchiveImport): Promise<() => number> {
  const zip = await openUploadedZip(given.path)
  const place = { owner: given.owner.username, organization: given.organization?.slug ?? null }
  if (target === 'task') {
    const task = readTask(zip, '', given)
    return () => given.world.addRestoredTask({ ...place, projectId: null, task, release: given.release }).id
  }
  const project = readProject(zip)
  const tasks = listTaskFolders(zip).map((prefix) => readTask(zip, prefix, given))
  return () => {
    const { id } = given.world.addRestoredProject({ ...place, project })
    let left = tasks.length
    const release = () => {
      left -= 1
      if (left === 0) given.release()
    }
    for (const task of tasks) given.world.addRestoredTask({ ...place, projectId: id, task, release })
    if (tasks.length === 0) given.release()
    return id
  }
}

function readProject(zip: UploadedZip): NewRestoredProject['project'] {
  const description = readJson(zip, 'project.json') as JsonObject
  checkVersion(description)
  return {
    name: String(description.name),
    bugTracker: String(description.bug_tracker ?? ''),
    labels: (description.labels ?? []) as readonly ArchivedLabel[],
    guide: readGuide(zip, ''),
  }
}

/** In the order of their numbers; numbers that are left out leave no gap. */
function listTaskFolders(zip: UploadedZip): string[] {
  const folders = new Map<number, string>()
  for (const { name } of zip.members) {
    const match = /^task_(\d+)\//.exec(name)
    if (match) folders.set(Number(match[1]), match[0])
  }
  return [...folders].sort(([a], [b]) => a - b).map(([, folder]) => folder)
}
