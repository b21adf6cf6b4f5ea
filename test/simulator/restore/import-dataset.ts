// A dataset imported into a project: a new task for each of its subsets, whatever is there already.

import type { World } from '../world.ts'
import type { User } from '../world-records.ts'
import { ImportError } from './import-error.ts'
import { openUploadedZip } from './uploaded-zip.ts'

/**
 * Only what can be told from the files' names is made: per folder below `images/` (none is the subset `default`) a task
 * with as many frames. Their annotations are not read.
 */
export async function prepareDataset(
  world: World,
  given: { projectId: number; owner: User; path: string; format: string },
): Promise<() => null> {
  if (given.format !== 'CVAT 1.1') {
    throw new ImportError(`NotImplementedError: the simulator does not read '${given.format}'`)
  }
  const zip = await openUploadedZip(given.path)
  const frames = new Map<string, number>()
  for (const { name } of zip.members) {
    const match = /^images\/(?:([^/]+)\/)?[^/]+$/.exec(name)
    if (match) frames.set(match[1] ?? 'default', (frames.get(match[1] ?? 'default') ?? 0) + 1)
  }
  if (frames.size === 0) throw new ImportError('ValueError: No media data found')
  return () => {
    for (const [subset, count] of frames) {
      const task = { projectId: given.projectId, name: subset, subset, owner: given.owner.username, frames: count }
      world.addTask({ ...task, shapesPerFrame: 0 })
    }
    return null
  }
}
