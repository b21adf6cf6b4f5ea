// `cvat-backups restore` as a person calls it: the whole server, one project, through running services.

import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { compareArchives } from '#shared/comparison/compare-archives.ts'
import { openStore } from '#shared/store/open-store.ts'
import { seedDemo } from '../simulator/seed-demo.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import { World } from '../simulator/world.ts'
import { type Installation, openInstallation } from '../support/installation.ts'
import { emptyWorld, login, smallWorld } from '../support/small-world.ts'

interface Row {
  readonly entity: string
  readonly result: string
  readonly restored?: string
  readonly reason?: string
  readonly hint?: string
  readonly left?: string
}

interface Report {
  readonly restored: number
  readonly differs: number
  readonly failed: number
  readonly source: string
  readonly target: string
  readonly entities: readonly Row[]
}

async function startTarget(world: World = emptyWorld()): Promise<Simulator> {
  const target = await startSimulator({
    world,
    capacity: { exportMs: 1, importMs: 1, basicCostMs: 0, anonymousPerMinute: 100_000 },
  })
  onTestFinished(() => target.close())
  return target
}

const toTarget = ({ url }: Simulator) => ({
  CVAT_RESTORE_URL: url,
  CVAT_RESTORE_USERNAME: login.username,
  CVAT_RESTORE_PASSWORD: login.password,
})

async function backUp(installation: Installation, more: Record<string, string> = {}): Promise<void> {
  const { code, stderr, stdout } = await installation.run(['backup'], more)
  expect({ code, stderr, stdout }).toMatchObject({ code: 0 })
}

describe('the server is gone', { timeout: 240_000 }, () => {
  it('restore --all brings the demo server back: backed up again, all archives are equal by content', async () => {
    const world = new World()
    seedDemo(world)
    world.addUser({ ...login, isSuperuser: true })
    const installation = await openInstallation({ world })
    await backUp(installation)
    const target = await startTarget()
    const gone = { CVAT_URL: undefined, CVAT_USERNAME: undefined, CVAT_PASSWORD: undefined }
    const env = { ...gone, ...toTarget(target) }

    const missing = await installation.run(['restore', '--all'], env)
    expect(missing.code).toBe(1)
    expect(missing.stderr).toMatch(/has no organization city-roads, \S+.*, or this login is no member of it/)
    expect(target.stats.requestCount('POST /api/projects/backup/')).toBe(0)

    const planned = await installation.run(['restore', '--all', '--plan'], env)
    expect(planned).toMatchObject({ code: 0, stderr: '' })
    expect(planned.stdout).toContain(
      `would be restored from archives of ${installation.simulator.url} to ${target.url}`,
    )

    const args = ['restore', '--all', '--create-organizations', '--json']
    const { code, stdout, stderr } = await installation.run(args, env)
    const report = JSON.parse(stdout) as Report
    expect({ code, ...report }).toMatchObject({ code: 0, differs: 0, failed: 0, source: installation.simulator.url })
    expect(stderr).toContain(`restoring from archives of ${installation.simulator.url} to ${target.url}`)
    expect(target.world.projects.size).toBe(world.projects.size)

    const directory = join(installation.folder, 'again')
    const again = { CVAT_URL: target.url, CVAT_BACKUP_DIR: directory }
    await backUp(installation, again)
    const before = openStore({ directory: installation.directory })
    const after = openStore({ directory })
    for (const { entity, restored } of report.entities) {
      const [first] = (await before.listRecords(parse(entity))).archives
      const [second] = (await after.listRecords(parse(restored!))).archives
      expect(second?.record.observation).toMatchObject({
        name: first?.record.observation.name,
        organization: first?.record.observation.organization,
      })
      const side = (archive: typeof first) => ({ path: archive!.archivePath })
      const found = await Array.fromAsync(compareArchives(side(first), side(second), {}))
      expect({ entity, found }).toEqual({ entity, found: [expect.objectContaining({ what: 'end', differing: 0 })] })
    }
  })
})

describe('somebody deleted a project', { timeout: 120_000 }, () => {
  it('it comes back by its name on the same server, once it was said that this is meant', async () => {
    const installation = await openInstallation({ world: smallWorld({ projects: 2 }) })
    await backUp(installation)
    installation.world.deleteProject(2)
    const { url } = installation.simulator
    const asked = await installation.run(['restore', 'project 2'])
    expect(asked).toMatchObject({ code: 1, stdout: '' })
    expect(asked.stderr).toContain(`from archives of ${url} will be made anew on ${url} itself`)
    expect(asked.stderr).toContain('--yes')
    expect(installation.world.projects.size).toBe(1)
    const done = await installation.run(['restore', 'project 2', '--yes'])
    expect(done).toMatchObject({ code: 0, stderr: '' })
    expect(done.stdout).toMatch(/^restored project-2 "project 2" \(.*\): http:\/\/\S+\/projects\/3$/m)
    expect([...installation.world.projects.values()].map(({ name }) => name)).toEqual(['project 1', 'project 2'])
    const twice = await installation.run(['restore', 'project 2', '--yes'])
    expect(twice).toMatchObject({ code: 1, stdout: '' })
    expect(twice.stderr).toContain('--again makes it once more')
    expect(installation.world.projects.size).toBe(2)
    expect(await installation.run(['restore', '--project', '2', '--yes', '--as', 'again'])).toMatchObject({ code: 0 })
    expect([...installation.world.projects.values()].map(({ name }) => name)).toEqual([
      'project 1',
      'project 2',
      'again',
    ])
  })

  it('what cannot be restored is refused with the reason, and what else can be done', async () => {
    const installation = await openInstallation({ world: smallWorld({ projects: 1 }) })
    expect(await installation.run(['backup', '--mode', 'a'])).toMatchObject({ code: 0 })
    const target = await startTarget()
    const { code, stdout } = await installation.run(['restore', 'project-1'], toTarget(target))
    expect(code).toBe(1)
    expect(stdout).toContain('there are only annotation exports, of which CVAT makes nothing new')
    expect(target.world.projects.size).toBe(0)
    for (const words of [[], ['project-1', '--all'], ['--all', '--as', 'x'], ['project-1', '--at', 'yesterday']]) {
      expect(await installation.run(['restore', ...words], toTarget(target))).toMatchObject({ code: 2 })
    }
  })

  it('a login that the target refuses is told of the target and its own settings', async () => {
    const installation = await openInstallation({ world: smallWorld({ projects: 1 }) })
    await backUp(installation)
    const target = await startTarget()
    const wrong = { ...toTarget(target), CVAT_RESTORE_PASSWORD: 'wrong' }
    for (const command of [
      ['restore', 'project-1'],
      ['drill', '--yes'],
    ]) {
      const refused = await installation.run(command, wrong)
      expect(refused.stderr).toContain(`The target ${target.url}: `)
      expect(refused.stderr).toContain('Check CVAT_RESTORE_USERNAME and CVAT_RESTORE_PASSWORD')
      expect(refused.code).not.toBe(0)
    }
    expect(target.world.projects.size).toBe(0)
  })

  it('a failure says what is on the target now, and the same command goes on', async () => {
    const installation = await openInstallation({ world: smallWorld({ projects: 2 }) })
    await backUp(installation)
    const target = await startTarget()
    target.faults.addImport({ nth: 1, fate: { kind: 'fail', message: 'ValueError: disk full\n' } })
    const env = { ...toTarget(target), CVAT_RESTORE_PARALLEL: '1' }
    const first = await installation.run(['restore', '--all', '--json'], env)
    const report = JSON.parse(first.stdout) as Report
    expect({ code: first.code, ...report }).toMatchObject({ code: 1, restored: 1, failed: 1 })
    expect(report.entities.find(({ result }) => result === 'failed')).toMatchObject({
      entity: 'project-1',
      reason: "CVAT's import failed: ValueError: disk full",
      left: `nothing of it is on ${target.url}`,
    })
    const second = await installation.run(['restore', '--all'], env)
    expect(second.code).toBe(0)
    expect(second.stdout).toContain('which was begun before')
    expect(second.stdout).toContain('2 restored')
    expect([...target.world.projects.values()].map(({ name }) => name).sort()).toEqual(['project 1', 'project 2'])
  })
})

describe('while services run', { timeout: 120_000 }, () => {
  it('a restore is handed over to them, and its progress and end are those of a job', async () => {
    const installation = await openInstallation({ world: smallWorld({ projects: 2 }) })
    await backUp(installation)
    const target = await startTarget()
    const env = { ...toTarget(target), LOG_FORMAT: 'json' }
    const serve = installation.start(['serve'], env)
    await serve.says('all services are ready')
    const { code, stdout, stderr } = await installation.run(['restore', '--all'], env)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('2 restored')
    await serve.says(/"queue":"restores".*"restored":"project-1"/)
    expect(serve.output()).toContain(`"target":"${target.url}"`)
    expect(target.world.projects.size).toBe(2)
    serve.kill('SIGTERM')
    expect(await serve.ended).toMatchObject({ code: 0 })
    expect(serve.output()).not.toContain(login.password)
  })

  it('a server other than theirs is restored to by the command itself', async () => {
    const installation = await openInstallation({ world: smallWorld({ projects: 1 }) })
    await backUp(installation)
    const serve = installation.start(['serve'])
    await serve.says('all services are ready')
    const target = await startTarget()
    const { CVAT_RESTORE_URL: _, ...loginOnly } = toTarget(target)
    const done = await installation.run(['restore', 'project-1', '--to', target.url], loginOnly)
    expect(done).toMatchObject({ code: 0, stderr: '' })
    expect(target.world.projects.size).toBe(1)
    serve.kill('SIGTERM')
    expect(await serve.ended).toMatchObject({ code: 0 })
    expect(serve.output()).not.toContain('"queue":"restores"')
  })
})

function parse(text: string) {
  const [type, id] = text.split('-')
  return { type: type as 'project' | 'task', id: Number(id) }
}
