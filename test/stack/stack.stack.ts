// The whole stack on real containers: scaled, killed, upgraded, its Redis restarted, in the middle of runs.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { isGood } from '#shared/store/record.ts'
import { waitFor } from '../support/wait-for.ts'
import { type ComposeProject, openComposeProject, type ServiceName } from './compose-project.ts'
import { CONTAINER_UID, crash, docker, inspectContainer, runInside } from './docker.ts'
import { countArchives, demoEntities, examineStore, nothingWrong } from './examine-store.ts'
import { findInContainerLogs, findInFolder, findInRedis } from './find-secrets.ts'

const images = inject('images')
const EXPORTER_COUNT = 2
const DOWNLOADER_COUNT = 3
const scale = [`--scale=exporter=${EXPORTER_COUNT}`, `--scale=downloader=${DOWNLOADER_COUNT}`]
const ours = ['scheduler', 'exporter', 'downloader', 'sweeper', 'listener', 'notifier', 'board'] as const
const killed = ['scheduler', 'exporter', 'downloader', 'sweeper'] as const

describe.skipIf(images.missing !== undefined)('the stack', () => {
  let project: ComposeProject
  let alarms: string | undefined

  beforeAll(async () => {
    // Three seconds an export, four at once: a run lasts long enough to strike in its middle.
    const env = { SIMULATOR_EXPORT_MS: '3000', COMPOSE_PROFILES: 'demo,events,alarms' }
    project = await openComposeProject({ images, env })
    // Who is told is there before anybody tells: what is not taken at first comes a minute later.
    await project.compose(['create', '--no-build', '--pull', 'never', 'cvat'])
    alarms = await startAlarmReceiver(project.name)
    const up = ['up', '--detach', '--no-build', '--wait', '--wait-timeout', '180', ...scale]
    await project.compose(up, { timeoutMs: 240_000 })
  })

  afterAll(async () => {
    if (alarms !== undefined) await docker(['rm', '--force', alarms], { mayFail: true })
    await project?.[Symbol.asyncDispose]()
  })

  const all = async (services: readonly ServiceName[]): Promise<string[]> =>
    (await Promise.all(services.map((service) => project.containers(service)))).flat()

  const untilInTheMiddle = (from: number) =>
    waitFor('the run to be in its middle', async () => (await countArchives(project.directory)) >= from + 4, {
      timeoutMs: 120_000,
      everyMs: 100,
    })

  test('starts as many containers as it was scaled to, all of them healthy', async () => {
    expect(await project.containers('exporter')).toHaveLength(EXPORTER_COUNT)
    expect(await project.containers('downloader')).toHaveLength(DOWNLOADER_COUNT)
    for (const name of await all([...ours, 'redis', 'cvat'])) {
      expect((await inspectContainer(name)).State, name).toMatchObject({ Running: true, Health: { Status: 'healthy' } })
    }
  })

  test('runs read-only, as nobody special, with no capability, with limits', async () => {
    for (const name of await all([...ours, 'redis', 'cvat'])) {
      const { Config, HostConfig } = await inspectContainer(name)
      expect(HostConfig, name).toMatchObject({
        Privileged: false,
        ReadonlyRootfs: true,
        CapAdd: null,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges:true'],
        RestartPolicy: { Name: 'unless-stopped' },
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      })
      expect(HostConfig.Memory, name).toBeGreaterThan(0)
      expect(HostConfig.PidsLimit, name).toBeGreaterThan(0)
      expect(Config.User, name).toBe(name.includes('-redis-') ? 'redis' : `${CONTAINER_UID}:${CONTAINER_UID}`)
    }
    // What the kernel makes of it.
    for (const name of await all([...ours, 'cvat'])) {
      const status = await runInside(
        name,
        "import fs from 'node:fs'; console.log(fs.readFileSync('/proc/1/status','utf8'))",
      )
      expect(status, name).toMatch(/^CapBnd:\s0+$/m)
      expect(status, name).toMatch(/^CapEff:\s0+$/m)
      expect(status, name).toMatch(/^NoNewPrivs:\s1$/m)
      const write =
        "import fs from 'node:fs'; try { fs.writeFileSync('/app/x', '') } catch (error) { console.log(error.code) }"
      expect(await runInside(name, write), name).toBe('EROFS')
    }
  })

  test('publishes the board and the listener to this machine only, and nothing else', async () => {
    const published: Record<string, unknown> = {}
    for (const name of await all([...ours, 'redis', 'cvat'])) {
      const { PortBindings } = (await inspectContainer(name)).HostConfig
      for (const [port, bindings] of Object.entries(PortBindings ?? {})) {
        published[`${name.replace(`${project.name}-`, '')} ${port}`] = bindings?.map(({ HostIp }) => HostIp)
      }
    }
    expect(published).toEqual({ 'board-1 3000/tcp': ['127.0.0.1'], 'listener-1 8090/tcp': ['127.0.0.1'] })
  })

  test('gives each service the secrets, the folder and the networks that it needs, and no others', async () => {
    const seen: Record<string, unknown> = {}
    for (const service of ours) {
      const [name] = await project.containers(service)
      const { Mounts, NetworkSettings, Config } = await inspectContainer(name!)
      const networks = Object.keys(NetworkSettings.Networks).map((network) => network.replace(`${project.name}_`, ''))
      seen[service] = {
        networks: networks.sort(),
        archives: describeMount(Mounts.find(({ Destination }) => Destination === '/cvat-backups')),
        login: Config.Env.some((variable) => /^CVAT_PASSWORD_FILE=./.test(variable)),
      }
      // A secret by file is in no container's environment.
      for (const secret of project.secrets) expect(JSON.stringify(Config.Env), service).not.toContain(secret)
    }
    expect(seen).toEqual({
      scheduler: { networks: ['cvat', 'queues'], archives: 'written', login: true },
      exporter: { networks: ['cvat', 'queues'], archives: 'none', login: true },
      downloader: { networks: ['cvat', 'queues'], archives: 'written', login: true },
      sweeper: { networks: ['queues'], archives: 'written', login: false },
      listener: { networks: ['cvat', 'queues', 'web'], archives: 'none', login: false },
      notifier: { networks: ['cvat', 'queues'], archives: 'written', login: true },
      board: { networks: ['queues', 'web'], archives: 'read', login: false },
    })
    const reach =
      "console.log(await fetch('http://cvat:8080/api/server/about').then((r) => r.status, (e) => e.cause.code))"
    const [exporter] = await project.containers('exporter')
    const [sweeper] = await project.containers('sweeper')
    expect(await runInside(exporter!, reach)).toBe('200')
    expect(await runInside(sweeper!, reach)).toMatch(/ENOTFOUND|EAI_AGAIN/)
  })

  test('loses nothing when one container of each kind is killed in the middle of a run', async () => {
    const run = project.backup('--mode', 'p')
    run.catch(() => undefined)
    await untilInTheMiddle(0)
    for (const service of killed) {
      const [name] = await project.containers(service)
      await crash(name!)
    }
    for (const service of killed) {
      const [name] = await project.containers(service)
      await waitFor(
        `${name} to be started again`,
        async () => {
          const { RestartCount, State } = await inspectContainer(name!)
          return RestartCount > 0 && State.Running
        },
        { timeoutMs: 60_000, everyMs: 500 },
      )
    }
    const summary = await run
    expect(summary).toMatchObject({
      ok: true,
      failed: 0,
      done: demoEntities().length,
      failures: [],
      listingError: null,
    })
    expect(await examineStore(project.store, { uid: CONTAINER_UID })).toMatchObject({
      ...nothingWrong,
      archives: demoEntities().length,
    })
    const [record] = await project.store.readRunRecords({ limit: 1 })
    expect(record).toMatchObject({ runId: summary.runId, ok: true, done: summary.done })
  })

  test('loses nothing when Redis is restarted and the workers are upgraded in the middle of a run', async () => {
    const before = await countArchives(project.directory)
    const run = project.backup('--mode', 'p', '--full')
    run.catch(() => undefined)
    await untilInTheMiddle(before)
    await project.compose(['restart', 'redis'])
    await untilInTheMiddle(await countArchives(project.directory))
    const workers = ['exporter', 'downloader'] as const
    const old = await Promise.all((await all(workers)).map(inspectContainer))
    const upgrade = ['up', '--detach', '--no-build', '--no-deps', ...scale, ...workers]
    await project.compose(upgrade, { env: { VERSION: images.nextVersion } })
    const now = await Promise.all((await all(workers)).map(inspectContainer))
    const oldIds = new Set(old.map(({ Id }) => Id))
    expect(now).toHaveLength(EXPORTER_COUNT + DOWNLOADER_COUNT)
    expect(
      now.filter(({ Id }) => oldIds.has(Id)),
      'containers that were not replaced',
    ).toEqual([])
    const summary = await run
    expect(summary).toMatchObject({
      ok: true,
      failed: 0,
      done: demoEntities().length,
      failures: [],
      listingError: null,
    })
    expect(await examineStore(project.store, { archives: 2, uid: CONTAINER_UID })).toMatchObject({
      ...nothingWrong,
      archives: 2 * demoEntities().length,
    })
  })

  test('tells people of what is wrong, once', async () => {
    const calls = async () =>
      (await docker(['logs', alarms!])).stdout.split('\n').filter((line) => line.startsWith('{'))
    await waitFor('an alarm to be told', async () => (await calls()).some((body) => body.includes('"disk-low"')), {
      timeoutMs: 120_000,
      everyMs: 500,
    })
    const changes = (await calls()).flatMap((body) => (JSON.parse(body) as { changes: Change[] }).changes)
    const told = changes.filter(({ alarm }) => alarm.key === 'disk-low').map(({ change }) => change)
    expect(told).toEqual(['raised'])
    const status = await project.run('notify', '--status')
    expect(status.stdout).toContain('ALARM    the backup directory fills up')
    expect(status.stdout).toContain('works    webhook: last sent')
    const test = await project.run('notify', '--test')
    expect(test).toMatchObject({ code: 0, stdout: expect.stringContaining('sent     webhook') })
    expect((await calls()).at(-1)).toContain('"type":"test"')
  })

  test('backs up what has changed once CVAT has told of it, and nothing else', async () => {
    const installed = await project.run('webhooks', 'install', '--yes')
    expect(installed.stdout, installed.stderr).toContain('CVAT has reached the listener.')
    const before = await countArchives(project.directory)
    const [cvat] = await project.containers('cvat')
    const rename = `const token = Buffer.from('admin:' + process.env.PASSWORD).toString('base64')
      const headers = { authorization: 'Basic ' + token, 'content-type': 'application/json' }
      const answer = await fetch('http://127.0.0.1:8080/api/projects/1', { method: 'PATCH', headers, body: '{"name":"renamed"}' })
      console.log(answer.status)`
    expect(await runInside(cvat!, rename, { PASSWORD: project.secrets[0]! })).toBe('200')
    const fresh = await waitFor(
      'the archive of what was renamed',
      async () => {
        const { archives } = await project.store.listRecords({ type: 'project', id: 1 })
        return archives.find(({ record }) => record.observation.name === 'renamed')
      },
      { timeoutMs: 120_000, everyMs: 500 },
    )
    expect(isGood(fresh.record)).toBe(true)
    expect(await countArchives(project.directory)).toBe(before + 1)
    const status = await project.run('webhooks', 'status')
    expect(status.stdout).toContain('the last call of 0 did not come through')
    expect(status.code).toBe(0)
    expect((await project.run('webhooks', 'remove', '--yes')).stdout).toContain('were removed')
  })

  test('leaves no secret in a log, a job, a metric or a record', async () => {
    const services = [...ours, 'redis', 'cvat'] as const
    for (const secret of project.secrets) {
      expect(await findInContainerLogs(await all(services), secret)).toEqual([])
      expect(await findInRedis(project, secret)).toEqual([])
      expect(await findInFolder(project.directory, secret)).toEqual([])
    }
    // That these look where something can be found.
    const [{ runId } = { runId: 'no run' }] = await project.store.readRunRecords({ limit: 1 })
    expect(await findInContainerLogs(await all(['scheduler']), runId)).not.toEqual([])
    expect(await findInRedis(project, runId)).not.toEqual([])
    expect(await findInFolder(project.directory, runId)).not.toEqual([])
    for (const name of await all(ours)) {
      const metrics = await runInside(name, "console.log(await (await fetch('http://127.0.0.1:9464/metrics')).text())")
      expect(metrics, name).toMatch(/^# HELP /m)
      for (const secret of project.secrets) expect(metrics, name).not.toContain(secret)
    }
  })

  test('stops everything within ten seconds, with exit code 0 and no download left half', async () => {
    await project.compose(['stop', '--timeout', '10'])
    for (const name of await all(ours)) {
      expect((await inspectContainer(name)).State, name).toMatchObject({
        Running: false,
        ExitCode: 0,
        OOMKilled: false,
      })
    }
    expect(await readdir(join(project.directory, '.cvat-backups', 'partial'))).toEqual([])
  })
})

interface Change {
  readonly change: string
  readonly alarm: { readonly key: string }
}

/** Takes messages under the name `alarms.internal` and prints each on a line; in the network by which the world is reached. */
async function startAlarmReceiver(projectName: string): Promise<string> {
  const program = `import { createServer } from 'node:http'
    process.once('SIGTERM', () => process.exit())
    createServer(async (call, answer) => {
      let body = ''
      for await (const piece of call.setEncoding('utf8')) body += piece
      console.log(body)
      answer.end('ok')
    }).listen(8080)`
  const network = [`--network=${projectName}_cvat`, '--network-alias=alarms.internal']
  const node = ['--entrypoint=node', images.services, '--input-type=module', '-e', program]
  const { stdout } = await docker(['run', '--detach', ...network, '--no-healthcheck', ...node])
  return stdout.trim().slice(0, 12)
}

function describeMount(mount: { readonly RW: boolean } | undefined): 'none' | 'read' | 'written' {
  if (!mount) return 'none'
  return mount.RW ? 'written' : 'read'
}
