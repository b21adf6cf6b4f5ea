// Reads what planRepairs has to know, folder by folder: memory does not grow with the number of tasks.

import { defaultZipLimits } from '#shared/store/zip-limits.ts'
import type { FolderEdits } from './composition-plan.ts'
import { openSourceArchive } from './open-source-archive.ts'
import { type FolderTexts, type Obstacle, planRepairs } from './plan-repairs.ts'
import type { SourceArchive, SourceMember, SourceOptions } from './source-archive.ts'

/** What stands in the way of restoring this archive, task by task; empty for most. @throws as openSourceArchive */
export async function findObstacles(path: string, options: SourceOptions = {}): Promise<Obstacle[]> {
  const maxBytes = options.limits?.maxJsonBytes ?? defaultZipLimits.maxJsonBytes
  await using source = await openSourceArchive(path, options)
  const obstacles: Obstacle[] = []
  for (const folder of source.folders.keys()) {
    obstacles.push(...planRepairs(await readTexts(source, folder, maxBytes)))
  }
  return obstacles
}

/** The edits of all repairs, for withEdits. */
export function listEdits(obstacles: readonly Obstacle[]): FolderEdits[] {
  const byFolder = Map.groupBy(obstacles, ({ folder }) => folder)
  return [...byFolder].map(([folder, own]) => ({ folder, edits: own.flatMap(({ repair }) => repair?.edits ?? []) }))
}

async function readTexts(source: SourceArchive, folder: string, maxBytes: number): Promise<FolderTexts> {
  const found: { json?: SourceMember; guide?: SourceMember } = {}
  const assets: { name: string; crc32: number; sizeBytes: number }[] = []
  for await (const member of source.members(source.folders.get(folder))) {
    const path = member.name.slice(folder.length)
    if (path === 'task.json' || (path === 'project.json' && folder === '')) found.json = member
    else if (path === 'annotation_guide.md') found.guide = member
    else if (path.startsWith('assets/')) assets.push(pick(member))
  }
  const read = async (member: SourceMember | undefined) => member && source.readText(member, maxBytes)
  return {
    folder,
    jsonName: found.json?.name.slice(folder.length) ?? 'task.json',
    json: await read(found.json),
    guide: await read(found.guide),
    assets,
  }
}

function pick({ name, crc32, sizeBytes }: SourceMember) {
  return { name, crc32, sizeBytes }
}
