// Single containers with what they need around them, hardened as in docker-compose.yml; all removed after the test.

import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import { CONTAINER_UID, docker, inspectContainer } from './docker.ts'

const images = inject('images')
const user = `--user=${CONTAINER_UID}:${CONTAINER_UID}`
export const hardened = ['--read-only', '--tmpfs=/tmp', '--cap-drop=ALL', '--security-opt=no-new-privileges', user]
export const login = [
  '--env=CVAT_URL=http://cvat:8080',
  '--env=CVAT_USERNAME=admin',
  '--env=CVAT_PASSWORD=demo-password',
]

/** Prints number, name and state of each process of a container. */
export const LIST_PROCESSES =
  "import fs from 'node:fs'; for (const pid of fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) { try { console.log(fs.readFileSync('/proc/' + pid + '/stat', 'utf8').replace(/^(.*\\) .).*$/s, '$1')) } catch {} }"

/** A folder of this machine that the containers may write; removed after the test. */
export async function makeFolder(): Promise<string> {
  const outer = await mkdtemp(join(tmpdir(), 'cvat-backups-image-'))
  const folder = join(outer, 'folder')
  await mkdir(folder)
  await chown(folder, CONTAINER_UID, CONTAINER_UID)
  onTestFinished(() => rm(outer, { recursive: true, force: true }))
  return folder
}

/** Starts a container with these words behind `docker run`, hardened; it is removed after the test. */
export async function start(words: readonly string[], hardening: readonly string[] = hardened): Promise<string> {
  const { stdout } = await docker(['run', '--detach', ...hardening, ...words])
  const id = stdout.trim().slice(0, 12)
  onTestFinished(async () => {
    await docker(['rm', '--force', '--volumes', id], { mayFail: true })
  })
  return id
}

/** A network with a simulated CVAT under the name `cvat`, and a Redis if asked for. */
export async function startSurroundings({ redis = false, exportMs = 400 }: { redis?: boolean; exportMs?: number }) {
  const network = `${images.name}-${process.hrtime.bigint()}`
  await docker(['network', 'create', network])
  onTestFinished(async () => {
    await docker(['network', 'rm', network], { mayFail: true })
  })
  const named = (name: string) => [`--network=${network}`, `--network-alias=${name}`]
  const simulator = ['--host=0.0.0.0', '--workers=4', `--export-ms=${exportMs}`]
  const cvat = await start([...named('cvat'), images.simulator, ...simulator])
  if (redis)
    await start([...named('redis'), 'redis:7', 'redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no'], [])
  await says(cvat, 'http://')
  return { network }
}

export async function says(container: string, text: string): Promise<void> {
  const said = await waitFor(
    `${container} to say «${text}»`,
    async () => {
      const { stdout, stderr } = await docker(['logs', container])
      const log = stdout + stderr
      if (log.includes(text) || !(await inspectContainer(container)).State.Running) return log
      throw new Error(log.slice(-1500))
    },
    { timeoutMs: 120_000, everyMs: 250 },
  )
  expect(said).toContain(text)
}
