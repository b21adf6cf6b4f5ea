// Uploaded files: in a temporary folder on the disk, which goes when the simulator is closed.

import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { open, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Capacity } from '../capacity.ts'
import type { World } from '../world.ts'
import type { User } from '../world-records.ts'

export interface Upload {
  /** `USER_UUID`: the last part of its address, and its name when it is finished. */
  readonly id: string
  readonly owner: User
  readonly path: string
  readonly sizeBytes: number
  readonly createdMs: number
  /** Bytes that count as received, from the start. */
  offset: number
}

export class UploadStore {
  readonly #world: World
  readonly #capacity: Capacity
  readonly #uploads = new Map<string, Upload>()
  readonly #holders = new Map<string, number>()
  #folder: string | undefined

  constructor(server: { world: World; capacity: Capacity }) {
    this.#world = server.world
    this.#capacity = server.capacity
  }

  /** The file has its full size at once, of zeros: finished too early, it is taken and is no zip. */
  async create(owner: User, sizeBytes: number): Promise<Upload> {
    const id = `${owner.id}_${randomUUID()}`
    const upload: Upload = {
      id,
      owner,
      path: this.newPath(id),
      sizeBytes,
      createdMs: this.#world.clock.nowMs(),
      offset: 0,
    }
    await (await open(upload.path, 'wx')).close()
    await truncate(upload.path, sizeBytes)
    this.#uploads.set(id, upload)
    return upload
  }

  /** An upload whose bytes still come; complete ones are no longer known by their address, expired ones are gone. */
  findOpen(id: string): Upload | undefined {
    const upload = this.findFile(id)
    return upload && upload.offset < upload.sizeBytes ? upload : undefined
  }

  /** An upload, complete or not, whose file is there to be finished. */
  findFile(id: string): Upload | undefined {
    const upload = this.#uploads.get(id)
    if (!upload) return undefined
    if (this.#world.clock.nowMs() < upload.createdMs + this.#capacity.uploadTtlMs) return upload
    this.forget(id)
    return undefined
  }

  /**
   * Writes the bytes at the upload's offset, which counts each of them at once, so that a connection that breaks
   * leaves what has come; `countsPart` false stands for a proxy that passes whole requests on or nothing.
   */
  async append(upload: Upload, bytes: AsyncIterable<Buffer>, countsPart = true): Promise<void> {
    const file = await open(upload.path, 'r+')
    let at = upload.offset
    try {
      for await (const piece of bytes) {
        await file.write(piece, 0, piece.length, at)
        at += piece.length
        if (countsPart) upload.offset = at
      }
      upload.offset = at
    } finally {
      await file.close()
    }
  }

  /** Its name can be finished no more; the file stays for whoever reads from it. */
  forget(id: string): void {
    this.#uploads.delete(id)
  }

  forgetPath(path: string): void {
    this.forget(basename(path))
  }

  /** Every upload under way is gone, as after CVAT's clean-up. */
  expireAll(): void {
    this.#uploads.clear()
  }

  /** The file is needed once more, until {@link release}: finished twice, it is imported twice. */
  hold(path: string): void {
    this.#holders.set(path, (this.#holders.get(path) ?? 0) + 1)
  }

  /** The file is needed once less; with `isKept` it stays even when nobody needs it, to be finished later. */
  async release(path: string, isKept = false): Promise<void> {
    const left = (this.#holders.get(path) ?? 1) - 1
    this.#holders.set(path, left)
    if (left > 0) return
    this.#holders.delete(path)
    if (isKept) return
    this.forgetPath(path)
    await rm(path, { force: true })
  }

  newPath(name: string = randomUUID()): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'cvat-simulator-'))
    return join(this.#folder, name)
  }

  close(): void {
    this.#uploads.clear()
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
    this.#folder = undefined
  }
}
