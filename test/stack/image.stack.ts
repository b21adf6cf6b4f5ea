// The images by themselves: what is in them, how they stop, and the sidecar.

import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import type { RunSummary } from '#services/scheduler/end-run.ts'
import { openStore } from '#shared/store/open-store.ts'
import { waitFor } from '../support/wait-for.ts'
import { docker, inspectContainer, runInside } from './docker.ts'
import { countArchives, demoEntities, examineStore, nothingWrong } from './examine-store.ts'
import { findInImage } from './find-secrets.ts'

const images = inject('images')
const UID = process.getuid?.() || 1000
const user = `--user=${UID}:${UID}`
const hardened = ['--read-only', '--tmpfs=/tmp', '--cap-drop=ALL', '--security-opt=no-new-privileges', user]
const login = ['--env=CVAT_URL=http://cvat:8080', '--env=CVAT_USERNAME=admin', '--env=CVAT_PASSWORD=demo-password']
/** The base image is no part of what is added. */
const MOST_BYTES_ABOVE_BASE = 250e6

describe.skipIf(images.missing !== undefined)('the image', () => {
  test('runs as uid 1000, says what it is, and has no development dependency and no compiler', async () => {
    const { stdout } = await docker(['image', 'inspect', images.services])
    const [image] = JSON.parse(stdout) as {
      Config: { User: string; Labels: Record<string, string>; ExposedPorts?: unknown }
    }[]
    expect(image!.Config.User).toBe('1000:1000')
    expect(image!.Config.ExposedPorts ?? null).toBeNull()
    expect(image!.Config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'cvat-backups',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': images.version,
    })
    const look =
      "import fs from 'node:fs'; console.log(fs.readdirSync('/app').sort().join(), ['vitest','typescript','node','@biomejs'].filter((name) => fs.existsSync('/app/node_modules/' + name)).join())"
    const listing = await docker([
      'run',
      '--rm',
      ...hardened,
      '--entrypoint=node',
      images.services,
      '--input-type=module',
      '-e',
      look,
    ])
    expect(listing.stdout.trim()).toBe('LICENSE,bin,cli,crontab,docker,node_modules,package.json,services,shared')
  })

  test('adds less to its base than stated', async () => {
    const sizes: number[] = []
    for (const target of [images.services, images.sidecar]) {
      const { stdout } = await docker([
        'history',
        '--no-trunc',
        '--human=false',
        '--format',
        '{{.Size}} {{.CreatedBy}}',
        target,
      ])
      const layers = stdout.trim().split('\n')
      const first = layers.findLastIndex(
        (layer) => layer.includes('/usr/bin/tini-static') || layer.includes('/usr/local/bin/tini'),
      )
      expect(first, 'the first layer that is ours').toBeGreaterThan(-1)
      sizes.push(layers.slice(0, first + 1).reduce((sum, layer) => sum + Number.parseInt(layer, 10), 0))
    }
    process.stdout.write(`above the base image: services ${sizes[0]} bytes, sidecar ${sizes[1]} bytes\n`)
    for (const size of sizes) expect(size).toBeLessThan(MOST_BYTES_ABOVE_BASE)
  })

  test('holds nothing that lay about where it was built', async () => {
    for (const image of [images.services, images.sidecar, images.simulator]) {
      expect(await findInImage(image, images.plantedInContext), image).toEqual([])
    }
    // A text that is in a layer, and one that is in the history only: both would have been found.
    expect(await findInImage(images.services, 'The frame of every service')).not.toEqual([])
    expect(await findInImage(images.services, 'docker/warm-cache.mjs')).not.toEqual([])
  })

  test('takes a command as `docker run IMAGE COMMAND`, and passes on its exit code', async () => {
    const help = await docker(['run', '--rm', ...hardened, images.services])
    expect(help.stdout).toContain('Usage: cvat-backups COMMAND')
    const wrong = await docker(['run', '--rm', ...hardened, images.services, 'exporter'], { mayFail: true })
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('- CVAT_URL is not set') })
  })

  test('says what is wrong when the backup directory cannot be written', async () => {
    const folder = await makeFolder()
    const env = ['--env=REDIS_URL=redis://redis:6379', ...login]
    const { network } = await startSurroundings({ redis: true })
    const run = (volume: string) =>
      docker(
        [
          'run',
          '--rm',
          `--network=${network}`,
          ...hardened,
          ...env,
          `--volume=${volume}`,
          images.services,
          'downloader',
        ],
        { mayFail: true },
      )
    await chown(folder, 4242, 4242).catch(() => undefined)
    const denied = await run(`${folder}:/cvat-backups`)
    expect(denied.code).toBe(1)
    expect(denied.stderr).toContain('Checking the backup directory /cvat-backups failed (EACCES)')
    expect(denied.stderr).toContain(`It runs as uid ${UID}, gid ${UID}`)
    const readOnly = await run(`${folder}:/cvat-backups:ro`)
    expect(readOnly.code).toBe(1)
    expect(readOnly.stderr).toContain('mount it writable')
  })

  test('stops on SIGTERM within ten seconds with exit code 0, also right after its start, and leaves no zombie', async () => {
    const directory = await makeFolder()
    const { network } = await startSurroundings({ redis: true })
    for (const service of ['scheduler', 'exporter', 'downloader', 'sweeper']) {
      const container = await start([
        `--network=${network}`,
        '--env=REDIS_URL=redis://redis:6379',
        ...login,
        `--volume=${directory}:/cvat-backups`,
        images.services,
        service,
      ])
      await says(container, `${service} is ready`)
      // What an exec leaves behind goes to process 1, which has to bury it.
      await docker([
        'exec',
        container,
        'node',
        '-e',
        "require('node:child_process').spawn('sleep', ['1'], { detached: true, stdio: 'ignore' }).unref()",
      ])
      await waitFor(
        'the orphan to be gone, and no zombie in its place',
        async () => {
          const found = await runInside(container, LIST_PROCESSES)
          return !found.includes('sleep') || Promise.reject(new Error(found))
        },
        { timeoutMs: 30_000, everyMs: 200 },
      )
      await docker(['stop', '--time=10', container])
      expect((await inspectContainer(container)).State, service).toMatchObject({ ExitCode: 0, Running: false })
    }
    // Before there is a handler the signal ends the process by itself: nothing was begun, and no ten seconds are waited.
    const early = await start([
      `--network=${network}`,
      '--env=REDIS_URL=redis://redis:6379',
      ...login,
      images.services,
      'exporter',
    ])
    await docker(['stop', '--time=10', early])
    expect([0, 143]).toContain((await inspectContainer(early)).State.ExitCode)
  })
})

describe.skipIf(images.missing !== undefined)('the sidecar', () => {
  test.each(['4g', '512m'])(
    'backs up all by itself in %s, and loses nothing when it is killed and restarted',
    async (memory) => {
      const directory = await makeFolder()
      const stateDir = await makeFolder()
      const { network } = await startSurroundings({ exportMs: 1500 })
      const container = await start([
        `--network=${network}`,
        `--memory=${memory}`,
        `--volume=${directory}:/cvat-backups`,
        `--volume=${stateDir}:/var/lib/cvat-backups`,
        '--env=CVAT_BACKUP_PARALLEL_EXPORTS=4',
        // No run of the schedule's own may come in between.
        '--env=CVAT_BACKUP_SCHEDULE_FILE=/dev/null',
        ...login,
        images.sidecar,
      ])
      await says(container, 'all services are ready')
      const first = docker(['exec', container, 'cvat-backups', 'backup', '--mode', 'p', '--json'], { mayFail: true })
      await waitFor('the run to be in its middle', async () => (await countArchives(directory)) >= 4, {
        timeoutMs: 120_000,
      })
      await docker(['kill', '--signal=KILL', container])
      await first
      await docker(['start', container])
      await waitFor(
        'it to be ready again',
        async () => {
          const { stdout } = await docker(['logs', container])
          return stdout.split('all services are ready').length > 2
        },
        { timeoutMs: 120_000, everyMs: 500 },
      )
      const { stdout } = await docker(['exec', container, 'cvat-backups', 'backup', '--mode', 'p', '--json'], {
        timeoutMs: 300_000,
      })
      expect(JSON.parse(stdout) as RunSummary).toMatchObject({ ok: true, failed: 0 })
      const store = openStore({ directory })
      expect(await examineStore(store, { uid: UID })).toMatchObject({
        ...nothingWrong,
        archives: demoEntities().length,
      })
      expect(await runInside(container, LIST_PROCESSES)).not.toContain(' Z')
      await docker(['stop', '--time=20', container])
      expect((await inspectContainer(container)).State).toMatchObject({ ExitCode: 0, OOMKilled: false })
    },
  )
})

const LIST_PROCESSES =
  "import fs from 'node:fs'; for (const pid of fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) { try { console.log(fs.readFileSync('/proc/' + pid + '/stat', 'utf8').replace(/^(.*\\) .).*$/s, '$1')) } catch {} }"

/** A folder of this machine that the containers may write; removed after the test. */
async function makeFolder(): Promise<string> {
  const outer = await mkdtemp(join(tmpdir(), 'cvat-backups-image-'))
  const folder = join(outer, 'folder')
  await mkdir(folder)
  await chown(folder, UID, UID)
  onTestFinished(() => rm(outer, { recursive: true, force: true }))
  return folder
}

/** Starts a container with these words behind `docker run`, hardened; it is removed after the test. */
async function start(words: readonly string[], hardening: readonly string[] = hardened): Promise<string> {
  const { stdout } = await docker(['run', '--detach', ...hardening, ...words])
  const id = stdout.trim().slice(0, 12)
  onTestFinished(async () => {
    await docker(['rm', '--force', '--volumes', id], { mayFail: true })
  })
  return id
}

/** A network with a simulated CVAT under the name `cvat`, and a Redis if asked for. */
async function startSurroundings({ redis = false, exportMs = 400 }: { redis?: boolean; exportMs?: number }) {
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

async function says(container: string, text: string): Promise<void> {
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
