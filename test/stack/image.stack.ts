// The image by itself: what is in it, what it says and how it stops.

import { chmod } from 'node:fs/promises'
import { describe, expect, inject, test } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import { hardened, LIST_PROCESSES, login, makeFolder, says, start, startSurroundings } from './containers.ts'
import { CONTAINER_UID, docker, inspectContainer, runInside } from './docker.ts'
import { findInImage } from './find-secrets.ts'

const images = inject('images')
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
    await chmod(folder, 0o555)
    const denied = await run(`${folder}:/cvat-backups`)
    expect(denied.code).toBe(1)
    expect(denied.stderr).toContain('Checking the backup directory /cvat-backups failed (EACCES)')
    expect(denied.stderr).toContain(`It runs as uid ${CONTAINER_UID}, gid ${CONTAINER_UID}`)
    await chmod(folder, 0o755)
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
