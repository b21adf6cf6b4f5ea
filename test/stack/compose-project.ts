// The compose stack under a project name of its own, with the simulated CVAT, its archives in a folder of this machine.

import { randomBytes } from 'node:crypto'
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunSummary } from '#shared/coordination/summarise-run.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import type { BuiltImages } from './build-images.ts'
import { CONTAINER_UID, type DockerAnswer, type DockerOptions, docker } from './docker.ts'

const root = join(import.meta.dirname, '../..')

export type ServiceName =
  | 'redis'
  | 'scheduler'
  | 'exporter'
  | 'downloader'
  | 'sweeper'
  | 'listener'
  | 'notifier'
  | 'board'
  | 'cvat'

export interface ComposeProject extends AsyncDisposable {
  readonly name: string
  /** The backup directory, seen from outside. */
  readonly directory: string
  readonly store: Store
  /** Planted secrets, which must turn up nowhere. */
  readonly secrets: readonly string[]
  compose(args: readonly string[], options?: DockerOptions): Promise<DockerAnswer>
  /** Names of the running and stopped containers of a service, in the order of their numbers. */
  containers(service: ServiceName): Promise<string[]>
  /** `cvat-backups backup …` in a container of its own, to its end. */
  backup(...args: string[]): Promise<RunSummary>
  /** Another command in a container of its own, to its end. */
  run(...args: string[]): Promise<DockerAnswer>
}

export interface ProjectOptions {
  readonly images: BuiltImages
  readonly env?: Readonly<Record<string, string>>
}

/** Nothing is started yet. Disposing removes containers, networks, volumes and the folder. */
export async function openComposeProject({ images, env = {} }: ProjectOptions): Promise<ComposeProject> {
  const name = `cvat-backups-test-${randomBytes(4).toString('hex')}`
  const folder = await mkdtemp(join(tmpdir(), 'cvat-backups-stack-'))
  const directory = join(folder, 'backups')
  await mkdir(directory)
  await chown(directory, CONTAINER_UID, CONTAINER_UID)
  const password = `planted-cvat-${randomBytes(12).toString('hex')}`
  const boardPassword = `planted-board-${randomBytes(12).toString('hex')}`
  const hooksSecret = `planted-hooks-${randomBytes(12).toString('hex')}`
  const alarmsToken = `planted-alarms-${randomBytes(12).toString('hex')}`
  const settings = {
    COMPOSE_PROJECT_NAME: name,
    COMPOSE_PROFILES: 'demo',
    DOCKER_NAMESPACE: images.namespace,
    NAME: images.name,
    VERSION: images.version,
    CVAT_URL: 'http://cvat:8080',
    CVAT_USERNAME: 'admin',
    CVAT_PASSWORD_FILE: await writeSecret(folder, 'cvat_password', password),
    CVAT_BACKUP_DIR: directory,
    // No run of the schedule's own may come in between.
    CVAT_BACKUP_SCHEDULE_FILE: '/dev/null',
    CONTAINER_UID: String(CONTAINER_UID),
    CONTAINER_GID: String(CONTAINER_UID),
    CVAT_BACKUP_PARALLEL_EXPORTS: '4',
    CVAT_BACKUP_DISK_RESERVE: '0',
    BOARD_USERNAME: 'admin',
    BOARD_PASSWORD_FILE: await writeSecret(folder, 'board_password', boardPassword),
    // Any free port.
    BOARD_PUBLISH: '127.0.0.1:0',
    HOOKS_PUBLISH: '127.0.0.1:0',
    CVAT_BACKUP_HOOKS_SECRET_FILE: await writeSecret(folder, 'hooks_secret', hooksSecret),
    CVAT_BACKUP_HOOKS_URL: 'http://listener.cvat-backups.internal:8090',
    CVAT_BACKUP_QUIET_MINUTES: '0.05',
    CVAT_BACKUP_NOTIFY_WEBHOOK_URL_FILE: await writeSecret(
      folder,
      'notify_webhook_url',
      `http://alarms.internal:8080/${alarmsToken}`,
    ),
    // No disk has as much: an alarm from the first look on.
    CVAT_BACKUP_NOTIFY_DISK_FREE: '900 TB',
    CVAT_BACKUP_NOTIFY_DIGEST: 'off',
    SIMULATOR_PASSWORD: password,
    ...env,
  }
  const envFile = join(folder, 'stack.env')
  await writeFile(
    envFile,
    Object.entries(settings)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  )

  const compose: ComposeProject['compose'] = (args, options = {}) =>
    docker(['compose', '--env-file', envFile, ...args], { cwd: root, ...options })
  return {
    name,
    directory,
    store: openStore({ directory }),
    secrets: [
      ...[password, boardPassword, hooksSecret, alarmsToken],
      Buffer.from(`admin:${password}`).toString('base64'),
    ],
    compose,
    async containers(service) {
      const { stdout } = await compose(['ps', '--all', '--format', 'json', service])
      const rows = stdout.trim().split('\n').filter(Boolean)
      const names = rows.map((row) => (JSON.parse(row) as { Name: string }).Name)
      return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    },
    async backup(...args) {
      const words = ['run', '--rm', '-T', 'cli', 'backup', '--json', ...args]
      const { stdout, stderr, code } = await compose(words, { timeoutMs: 540_000, mayFail: true })
      if (!stdout.trim().startsWith('{')) throw new Error(`backup ended with ${code}\n${stdout}\n${stderr}`)
      return JSON.parse(stdout) as RunSummary
    },
    run: (...args) => compose(['run', '--rm', '-T', 'cli', ...args], { mayFail: true }),
    async [Symbol.asyncDispose]() {
      await compose(['--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '1'], { mayFail: true })
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A file that only the containers' user may read, as docs/deployment.md asks for. */
async function writeSecret(folder: string, name: string, secret: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, `${secret}\n`, { mode: 0o400 })
  await chown(path, CONTAINER_UID, CONTAINER_UID)
  return path
}
