// Looks for a text where secrets must not be: logs, Redis, the backup directory, image layers.

import { execFileSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'
import type { ComposeProject } from './compose-project.ts'
import { docker } from './docker.ts'

/** Names of the containers whose log holds the text. */
export async function findInContainerLogs(containers: readonly string[], text: string): Promise<string[]> {
  const found: string[] = []
  for (const name of containers) {
    const { stdout, stderr } = await docker(['logs', name])
    if (stdout.includes(text) || stderr.includes(text)) found.push(name)
  }
  return found
}

/** Files of Redis that hold the text: every job that ever was is in its append-only file until that is rewritten. */
export async function findInRedis(project: ComposeProject, text: string): Promise<string[]> {
  const { stdout } = await project.compose(['exec', '-T', 'redis', 'grep', '-rlF', '--', text, '/data'], {
    mayFail: true,
  })
  return stdout.split('\n').filter(Boolean)
}

/** Files below a folder that hold the text, in their names or their bytes. */
export async function findInFolder(folder: string, text: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (path.includes(text) || (entry.isFile() && (await fileHolds(path, text)))) found.push(path)
  }
  return found
}

/** Layers and other parts of an image, with its history, that hold the text. */
export async function findInImage(image: string, text: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cvat-backups-layers-'))
  try {
    const file = join(folder, 'image.tar')
    await docker(['save', '--output', file, image], { timeoutMs: 300_000 })
    const found = (await fileHolds(file, text)) ? ['image'] : []
    // Some daemons save layers compressed.
    execFileSync('tar', ['-xf', file, '-C', folder])
    await rm(file)
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile() && (await isGzip(path)) && (await fileHolds(path, text, true))) found.push(entry.name)
    }
    const { stdout } = await docker(['history', '--no-trunc', image])
    return stdout.includes(text) ? [...found, 'history'] : found
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Reads a piece at a time; a text that lies across two of them is found too. */
async function fileHolds(path: string, text: string, gzip = false): Promise<boolean> {
  const wanted = Buffer.from(text)
  let rest: Buffer = Buffer.alloc(0)
  const stream = createReadStream(path, { highWaterMark: 1 << 20 })
  for await (const piece of gzip ? stream.pipe(createGunzip()) : stream) {
    const bytes = Buffer.concat([rest, piece as Buffer])
    if (bytes.includes(wanted)) {
      stream.destroy()
      return true
    }
    rest = bytes.subarray(Math.max(0, bytes.length - wanted.length))
  }
  return false
}

async function isGzip(path: string): Promise<boolean> {
  await using file = await open(path)
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0)
  return buffer[0] === 0x1f && buffer[1] === 0x8b
}
