// The exported files on the server's disk, kept under CVAT's own keys: this is where its stale project backups come from.

import { listMembers } from './archive-members.ts'
import { type ArchivePlan, planArchive } from './archive-plan.ts'
import { archiveFileName } from './content-disposition.ts'
import type { World } from './world.ts'
import type { EntityKey } from './world-records.ts'
import { layOutZip, type ZipLayout } from './zip-layout.ts'

export interface ArchiveFile {
  readonly key: string
  readonly plan: ArchivePlan
  readonly fileName: string
  /** Moves at every re-export although the bytes stay: ETag and Last-Modified follow it. */
  modifiedMs: number
  expiresMs: number
  isRemoved: boolean
}

/** Layouts of large archives take memory: only the ones in use are kept, the others are made again. */
const layoutsKept = 16

export class ArchiveCache {
  readonly #world: World
  readonly #files = new Map<string, ArchiveFile>()
  readonly #layouts = new Map<ArchiveFile, ZipLayout>()

  constructor(world: World) {
    this.#world = world
  }

  /** The cached file of the entity as it is, or a new one made from what the world holds now. */
  open(
    entity: EntityKey,
    kind: ArchivePlan['kind'],
    format: string | null,
    ttlMs: number,
  ): { file: ArchiveFile; isCached: boolean } {
    const key = this.#keyOf(entity, kind, format)
    const cached = this.#files.get(key)
    if (cached && this.isAvailable(cached)) return { file: cached, isCached: true }
    const plan = planArchive(this.#world, entity, kind, format)
    const file: ArchiveFile = {
      key,
      plan,
      fileName: archiveFileName(plan),
      modifiedMs: plan.exportedMs,
      expiresMs: plan.exportedMs + ttlMs,
      isRemoved: false,
    }
    this.#files.set(key, file)
    return { file, isCached: false }
  }

  /** A finished export sets the file's date and prolongs its life. */
  touch(file: ArchiveFile, ttlMs: number): void {
    file.modifiedMs = this.#world.clock.nowMs()
    file.expiresMs = file.modifiedMs + ttlMs
  }

  isAvailable(file: ArchiveFile): boolean {
    return !file.isRemoved && this.#world.clock.nowMs() < file.expiresMs
  }

  layoutOf(file: ArchiveFile): ZipLayout {
    const layout = this.#layouts.get(file) ?? layOutZip(listMembers(file.plan))
    this.#layouts.delete(file)
    this.#layouts.set(file, layout)
    for (const oldest of this.#layouts.keys()) {
      if (this.#layouts.size <= layoutsKept) break
      this.#layouts.delete(oldest)
    }
    return layout
  }

  /** The files are cleaned away while their requests still say finished. Without an entity: all of them. */
  remove(entity?: EntityKey): void {
    for (const [key, file] of this.#files) {
      if (entity && !key.startsWith(`${entity.type}/${entity.id}/`)) continue
      file.isRemoved = true
      this.#files.delete(key)
    }
  }

  /** A backup hangs on the entity's own date alone, annotations on the newest date of project and tasks. */
  #keyOf(entity: EntityKey, kind: ArchivePlan['kind'], format: string | null): string {
    const row = entity.type === 'project' ? this.#world.project(entity.id) : this.#world.task(entity.id)
    let date = row.updatedDate
    if (kind !== 'backup' && entity.type === 'project') {
      for (const task of this.#world.tasksOf(entity.id)) if (task.updatedDate > date) date = task.updatedDate
    }
    return `${entity.type}/${entity.id}/${kind}/${format ?? ''}/${date}`
  }
}
