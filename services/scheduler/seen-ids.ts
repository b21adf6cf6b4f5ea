// Ids of which a listing has shown rows, as bits: a server with a hundred thousand tasks takes some tens of kilobytes.

import type { EntityRef, EntityType } from '#shared/model/entity.ts'

/** Ids a block. Ids of one server lie close together; were they scattered, each would take a block of 512 bytes. */
const BLOCK = 4096

export class SeenIds {
  readonly #blocks: Record<EntityType, Map<number, Uint32Array>> = { project: new Map(), task: new Map() }

  add({ type, id }: EntityRef): void {
    const blocks = this.#blocks[type]
    const number = Math.floor(id / BLOCK)
    const block = blocks.get(number) ?? new Uint32Array(BLOCK / 32)
    blocks.set(number, block)
    const at = id % BLOCK
    block[at >>> 5]! |= 1 << (at & 31)
  }

  has({ type, id }: EntityRef): boolean {
    const at = id % BLOCK
    const word = this.#blocks[type].get(Math.floor(id / BLOCK))?.[at >>> 5] ?? 0
    return (word & (1 << (at & 31))) !== 0
  }
}
