// What goes wrong in an ordinary year, with the command line as people run it.

import { readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { troubledAnswers } from '../simulator/faults.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { type Installation, openInstallation } from '../support/installation.ts'
import { smallWorld } from '../support/small-world.ts'
import { waitFor } from '../support/wait-for.ts'

expectNoLeaks()

const allOf = (projects: number) => Array.from({ length: projects }, (_, i) => `project ${i + 1}`).sort()

async function partials({ directory }: Installation): Promise<string[]> {
  return readdir(join(directory, '.cvat-backups/partial'))
}

/** Lets the first exports through and holds the rest back, so that something can happen in the middle. */
function holdExportsAfter(server: Installation, count: number) {
  const { simulator } = server
  const check = simulator.faults.add({
    route: '/api/projects/{id}/backup/export',
    fault: {
      kind: 'run',
      action: () => {
        if (simulator.stats.exports.length >= count) simulator.exports.pause()
      },
    },
  })
  return () => {
    check.remove()
    simulator.exports.resume()
  }
}

async function untilStored(server: Installation, count: number): Promise<void> {
  await waitFor(`${count} archives`, async () => (await server.archives().catch(() => [])).length >= count)
}

test('some that fail stop no other, each is named with its reason, and the command fails', {
  timeout: 600_000,
}, async () => {
  const server = await openInstallation({ world: smallWorld({ projects: 6, looseTasks: 2 }) })
  const { faults, world } = server.simulator
  const message = 'rest_framework.exceptions.ValidationError: the disk is broken\n'
  faults.addExport({ entity: { type: 'project', id: 2 }, fate: { kind: 'fail', message } })
  faults.add({
    route: '/api/projects/{id}/backup/export',
    entity: { type: 'project', id: 3 },
    times: 1,
    fault: { kind: 'run', action: () => world.deleteProject(3) },
  })
  faults.add({
    route: '/api/projects/{id}/backup/export',
    entity: { type: 'project', id: 4 },
    fault: { kind: 'answer', answer: troubledAnswers.denied() },
  })
  const ended = await server.run(['backup'])
  expect(ended.code).toBe(1)
  expect(await server.inspect()).toEqual({
    good: ['project 1', 'project 5', 'project 6', 'task 7', 'task 8'],
    faults: [],
  })
  expect(ended.stdout).toMatch(/FAILED project-2 "project 2": .*the disk is broken/)
  expect(ended.stdout).toMatch(/FAILED project-3 "project 3": /)
  expect(ended.stdout).toMatch(/FAILED project-4 "project 4": .*403/)
  expect(ended.stdout).toContain('5 backed up')
  expect(ended.stdout).toContain('3 failed')
  expect(await server.store.readRunRecords()).toMatchObject([
    { ok: false, done: 5, failed: 3, failures: { length: 3 } },
  ])
})

describe('a backup that is interrupted', () => {
  test('by Ctrl-C keeps what is stored, and the next one goes on from there', { timeout: 600_000 }, async () => {
    const server = await openInstallation({ world: smallWorld({ projects: 8 }) })
    const release = holdExportsAfter(server, 4)
    const first = server.start(['backup'])
    await untilStored(server, 3)
    await waitFor('exports to be held back', () => server.simulator.stats.exports.length >= 5)
    first.kill('SIGINT')
    const { code, stdout } = await first.ended
    expect(code).toBe(130)
    expect(stdout).toContain('the next run goes on from here')
    const stored = (await server.inspect()).good
    expect(stored.length).toBeLessThan(8)
    server.newExports()
    release()

    expect(await server.run(['backup'])).toMatchObject({ code: 0 })
    expect(await server.inspect()).toEqual({ good: allOf(8), faults: [] })
    expect(server.newExports().filter((entity) => stored.includes(entity))).toEqual([])
    // A download that the stop met is kept until then: it was gone on with.
    expect(await partials(server)).toEqual([])
  })

  test('by kill -9 leaves nothing torn, and the next one completes it', { timeout: 600_000 }, async () => {
    const server = await openInstallation({ world: smallWorld({ projects: 8 }) })
    const release = holdExportsAfter(server, 4)
    const stall = server.simulator.faults.add({
      route: '/api/projects/{id}/backup/download',
      nth: 4,
      fault: { kind: 'stall', afterBytes: 300 },
    })
    const first = server.start(['backup'])
    await untilStored(server, 3)
    await waitFor('a download to be in its middle', () => stall.hits === 1)
    first.kill('SIGKILL')
    expect(await first.ended).toMatchObject({ signal: 'SIGKILL' })
    const stored = (await server.inspect()).good
    server.newExports()
    release()

    expect(await server.run(['backup'])).toMatchObject({ code: 0 })
    expect(await server.inspect()).toEqual({ good: allOf(8), faults: [] })
    expect(await partials(server)).toEqual([])
    expect(server.newExports().filter((entity) => stored.includes(entity))).toEqual([])
    expect(server.simulator.stats.outstanding.max).toBeLessThanOrEqual(8)
  })

  test('by kill -9 is gone on with: what the server has exported is not exported again', {
    timeout: 600_000,
  }, async () => {
    const env = { CVAT_BACKUP_PARALLEL_DOWNLOADS: '1' }
    const server = await openInstallation({ world: smallWorld({ projects: 6 }), env })
    const stall = server.simulator.faults.add({
      route: '/api/projects/{id}/backup/download',
      nth: 1,
      fault: { kind: 'stall', afterBytes: 300 },
    })
    const first = server.start(['backup'])
    await waitFor('a download to be in its middle', () => stall.hits === 1)
    await waitFor('all to be exported', () => server.simulator.stats.exports.length === 6)
    await server.simulator.exports.whenIdle()
    first.kill('SIGKILL')
    await first.ended
    server.newExports()

    expect(await server.run(['backup'])).toMatchObject({ code: 0 })
    expect(await server.inspect()).toEqual({ good: allOf(6), faults: [] })
    expect(server.newExports()).toEqual([])
  })

  test('by kill -9 and with its state lost leaves a partial file that goes when its run is a week old', {
    timeout: 600_000,
  }, async () => {
    const server = await openInstallation({ world: smallWorld({ projects: 2 }) })
    const stall = server.simulator.faults.add({
      route: '/api/projects/{id}/backup/download',
      nth: 1,
      fault: { kind: 'stall', afterBytes: 300 },
    })
    const first = server.start(['backup'])
    await waitFor('a download to be in its middle', async () => stall.hits === 1 && (await partials(server)).length > 0)
    first.kill('SIGKILL')
    await first.ended
    const elsewhere = { CVAT_BACKUP_STATE_DIR: join(server.folder, 'state', 'new') }

    expect(await server.run(['backup'], elsewhere)).toMatchObject({ code: 0 })
    // It might be of another server that shares the directory.
    const left = await partials(server)
    expect(left).not.toEqual([])
    const folder = join(server.directory, '.cvat-backups/partial')
    for (const name of left) await rename(join(folder, name), join(folder, name.replace(/^\d{8}/, '20250101')))
    expect(await server.run(['backup'], elsewhere)).toMatchObject({ code: 0 })
    expect(await partials(server)).toEqual([])
  })

  test('in another mode does not hold up the next one', { timeout: 600_000 }, async () => {
    const env = { CVAT_BACKUP_PARALLEL_EXPORTS: '2' }
    const server = await openInstallation({ world: smallWorld({ projects: 4 }), env })
    server.simulator.exports.pause()
    const first = server.start(['backup'])
    await waitFor('both slots to be taken', () => server.simulator.stats.exports.length === 2)
    first.kill('SIGINT')
    await first.ended
    server.simulator.exports.resume()
    await server.simulator.exports.whenIdle()
    const startedAt = performance.now()
    expect(await server.run(['backup', '--mode', 'a'])).toMatchObject({ code: 0 })
    expect(performance.now() - startedAt).toBeLessThan(20_000)
    expect(server.simulator.stats.outstanding.max).toBe(2)
  })
})

describe('two at the same time', () => {
  test('on one backup directory take turns, and both succeed', { timeout: 600_000 }, async () => {
    const server = await openInstallation({ world: smallWorld({ projects: 6 }) })
    const both = await Promise.all([server.run(['backup']), server.run(['backup'])])
    expect(both.map(({ code }) => code)).toEqual([0, 0])
    expect(both.filter(({ stdout }) => stdout.includes('waiting: another cvat-backups'))).toHaveLength(1)
    expect(await server.inspect()).toEqual({ good: allOf(6), faults: [] })
    expect(server.newExports()).toEqual(allOf(6))
  })

  test('a backup while serve runs hands over to it', { timeout: 600_000 }, async () => {
    const server = await openInstallation({ world: smallWorld({ projects: 4 }) })
    const schedule = join(server.folder, 'crontab')
    await writeFile(schedule, '0 0 1 1 * backup --mode p\n')
    const serve = server.start(['serve'], { CVAT_BACKUP_SCHEDULE_FILE: schedule })
    await serve.says('all services are ready')
    const ended = await server.run(['backup'])
    expect(ended).toMatchObject({ code: 0 })
    expect(ended.stdout).toContain('4 backed up')
    expect(await server.inspect()).toEqual({ good: allOf(4), faults: [] })
    serve.kill('SIGTERM')
    expect(await serve.ended).toMatchObject({ code: 0 })
  })

  test('a second serve waits for the first, and ends quietly when it is asked to', { timeout: 600_000 }, async () => {
    const server = await openInstallation({ world: smallWorld({ projects: 1 }) })
    const schedule = join(server.folder, 'crontab')
    await writeFile(schedule, '0 0 1 1 * backup --mode p\n')
    const env = { CVAT_BACKUP_SCHEDULE_FILE: schedule, BOARD_PORT: 'off' }
    const first = server.start(['serve'], env)
    await first.says('all services are ready')
    const second = server.start(['serve'], env)
    await second.says('waiting: another cvat-backups serve')
    second.kill('SIGTERM')
    const ended = await second.ended
    expect(ended.code).toBe(0)
    expect(second.output()).not.toContain('AbortError')
    first.kill('SIGTERM')
    expect(await first.ended).toMatchObject({ code: 0 })
  })

  test('what a backup has asked serve for is not lost when serve stops: the next one goes on with it', {
    timeout: 600_000,
  }, async () => {
    const server = await openInstallation({ world: smallWorld({ projects: 4 }) })
    const serve = server.start(['serve'])
    await serve.says('all services are ready')
    server.simulator.exports.pause()
    const follower = server.start(['backup'])
    await waitFor('the run to begin', () => server.simulator.stats.exports.length > 0)
    serve.kill('SIGTERM')
    expect(await serve.ended).toMatchObject({ code: 0 })
    follower.kill('SIGINT')
    expect(await follower.ended).toMatchObject({ code: 130 })
    server.simulator.exports.resume()
    const again = server.start(['serve'])
    await untilStored(server, 4)
    again.kill('SIGTERM')
    expect(await again.ended).toMatchObject({ code: 0 })
    expect(await server.inspect()).toEqual({ good: allOf(4), faults: [] })
  })

  test('a backup after serve was killed does not wait for the dead', { timeout: 600_000 }, async () => {
    const server = await openInstallation({ world: smallWorld({ projects: 3 }) })
    const serve = server.start(['serve'])
    await serve.says('all services are ready')
    serve.kill('SIGKILL')
    await serve.ended
    const startedAt = performance.now()
    expect(await server.run(['backup'])).toMatchObject({ code: 0 })
    expect(performance.now() - startedAt).toBeLessThan(30_000)
    expect(await server.inspect()).toEqual({ good: allOf(3), faults: [] })
  })
})
