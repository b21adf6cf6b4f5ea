// The simulated server's own export of what it holds at this moment, past its cache of older ones, as a file.

import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { listMembers } from '../simulator/archive-members.ts'
import { planArchive } from '../simulator/archive-plan.ts'
import type { Simulator } from '../simulator/simulator.ts'
import type { EntityKey } from '../simulator/world-records.ts'
import { layOutZip } from '../simulator/zip-layout.ts'

/** The file's path; it goes with the test. */
export async function readExport({ world }: Pick<Simulator, 'world'>, entity: EntityKey): Promise<string> {
  const layout = layOutZip(listMembers(planArchive(world, entity, 'backup', null)))
  const path = join(await makeTemporaryFolder(), `${entity.type}-${entity.id}.zip`)
  await using file = await open(path, 'wx')
  for (const piece of layout.read(0, layout.size)) await file.write(piece)
  return path
}
