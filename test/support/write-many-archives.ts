// A backup directory as years of nights leave it: many projects, each with many archives.

import { openStore } from '#shared/store/open-store.ts'
import { writeArchive } from './write-archives.ts'

export interface ManyArchives {
  readonly entities: number
  readonly archivesEach: number
  readonly serverUrl: string
}

const DAY_MS = 24 * 3600 * 1000
const FIRST_DAY_MS = Date.parse('2026-01-01T02:00:00Z')

export async function writeManyArchives(directory: string, many: ManyArchives): Promise<void> {
  await openStore({ directory }).checkDirectory()
  for (let id = 1; id <= many.entities; id++) {
    for (let day = 0; day < many.archivesEach; day++) {
      const createdAt = new Date(FIRST_DAY_MS + day * DAY_MS + id * 1000).toISOString()
      const tasks = Array.from({ length: 3 }, (_, index) => ({
        ...{
          id: id * 3 + index,
          name: `task ${index} of project ${id}`,
          subset: '',
          size: 100,
          updatedDate: createdAt,
        },
        ...{ jobCount: 1, newestJobDate: createdAt, newestJobId: id * 3 + index, groundTruthJobs: 0 },
      }))
      const observation = { name: `project ${id}`, organization: null, updatedDate: createdAt, tasks }
      writeArchive(directory, { entity: { type: 'project', id }, serverUrl: many.serverUrl, observation, createdAt })
    }
  }
}
