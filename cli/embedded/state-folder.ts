// Where the embedded Redis of one server and one backup directory lives, and who uses it at the moment.

import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lock } from 'proper-lockfile'
import { BackupError } from '#shared/errors/backup-error.ts'

export interface StateFolder {
  readonly path: string
  /** A unix socket's path may have 107 bytes only, so a deep folder has its socket elsewhere. */
  readonly socket: string
}

export type HolderCommand = 'backup' | 'serve'

export interface Held {
  release(): Promise<void>
}

/** A holder that shows no life for this long is taken for dead. */
const STALE_MS = 10_000
const SOCKET_BYTES = 100

/** One folder per CVAT server and backup directory: two installations of one user must not share queues. */
export async function prepareStateFolder(stateDir: string, serverUrl: string, backupDir: string): Promise<StateFolder> {
  const key = createHash('sha256')
    .update(JSON.stringify([serverUrl, backupDir]))
    .digest('hex')
    .slice(0, 12)
  const path = join(stateDir, key)
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    const inside = join(path, 'redis.sock')
    if (Buffer.byteLength(inside) <= SOCKET_BYTES) return { path, socket: inside }
    const elsewhere = join(tmpdir(), `cvat-backups-${process.getuid?.() ?? 0}-${key}`)
    await mkdir(elsewhere, { recursive: true, mode: 0o700 })
    return { path, socket: join(elsewhere, 'redis.sock') }
  } catch (cause) {
    throw new BackupError(`the state folder ${path} cannot be made`, {
      code: 'configuration',
      retryable: false,
      hint: 'Set CVAT_BACKUP_STATE_DIR to a folder on a local disk that this user can write.',
      cause,
    })
  }
}

/** Takes the folder for this process; undefined while another has it. */
export async function tryToHold(folder: StateFolder, command: HolderCommand): Promise<Held | undefined> {
  let release: () => Promise<void>
  try {
    release = await lock(folder.path, {
      stale: STALE_MS,
      update: STALE_MS / 4,
      // After a suspended laptop wakes the lock may have been taken; Redis itself still has one server per socket.
      onCompromised: () => undefined,
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOCKED') return undefined
    throw error
  }
  await writeFile(holderFile(folder), command)
  return {
    async release() {
      await rm(holderFile(folder), { force: true })
      await release().catch(() => undefined)
    },
  }
}

/** Which command has the folder; undefined when it cannot be told. */
export async function readHolder(folder: StateFolder): Promise<HolderCommand | undefined> {
  const text = await readFile(holderFile(folder), 'utf8').catch(() => '')
  return text === 'backup' || text === 'serve' ? text : undefined
}

function holderFile(folder: StateFolder): string {
  return join(folder.path, 'holder')
}
