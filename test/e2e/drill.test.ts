// Drills by the command line, killed at every step, against a simulated server on which others work too.

import { expect, test } from 'vitest'
import { isGood, provenLevel } from '#shared/store/record.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { type Installation, openInstallation } from '../support/installation.ts'
import { smallWorld } from '../support/small-world.ts'

expectNoLeaks()

const slow = { timeout: 180_000 }

async function open(projects = 1) {
  const server = await openInstallation({ world: smallWorld({ projects, looseTasks: 1 }) })
  expect((await server.run(['backup'])).code).toBe(0)
  return server
}

function names({ world }: Installation): string[] {
  const loose = [...world.tasks.values()].filter(({ projectId }) => projectId === null)
  return [...[...world.projects.values()], ...loose].map(({ name }) => name).sort()
}

test('a drill asks first, says what it does and where, proves it, and leaves the server as it was', slow, async () => {
  const server = await open()
  const before = names(server)
  const unasked = await server.run(['drill', '--sample', '2'])
  expect(unasked.code).toBe(1)
  expect(unasked.stdout).toContain(`Each is restored to ${server.simulator.url}, where they come from`)
  expect(unasked.stderr).toContain('--yes')
  expect(server.simulator.imports.requests).toEqual([])
  const ended = await server.run(['drill', '--sample', '2', '--yes'])
  expect(ended.stderr).toBe('')
  expect(ended.code).toBe(0)
  expect(ended.stdout).toContain('restored project-1 "project 1"')
  expect(ended.stdout).toContain('restored task-2 "loose 1"')
  expect(ended.stdout).toContain('2 restored without a difference')
  expect(names(server)).toEqual(before)
  const archives = await server.archives()
  expect(archives.map(({ record }) => provenLevel(record))).toEqual(['restored', 'restored'])
  expect((await server.run(['list'])).stdout).toMatch(/project-1 .* restored/)
  expect((await server.run(['show', 'project-1'])).stdout).toMatch(
    /good \(fresh, restored\)[\s\S]*drilled +20.*nothing differed/,
  )
  // The proof is no change: the next run finds everything unchanged.
  server.newExports()
  expect((await server.run(['backup'])).code).toBe(0)
  expect(server.newExports()).toEqual([])
})

test('an archive that does not restore is named, counts no more, and is backed up anew', slow, async () => {
  const server = await open()
  server.simulator.faults.addImport({
    target: 'project',
    times: 1,
    fate: { kind: 'fail', message: 'ValueError: broken' },
  })
  const ended = await server.run(['drill', '--project', '1', '--yes', '--json'])
  expect(ended.code).toBe(1)
  const report = JSON.parse(ended.stdout)
  expect(report.archives).toMatchObject([{ entity: 'project-1', result: 'refused', code: 'import-failed' }])
  const [archive] = (await server.archives()).filter(({ entity }) => entity.type === 'project')
  expect(isGood(archive!.record)).toBe(false)
  expect((await server.run(['show', 'project-1'])).stdout).toMatch(
    /INCOMPLETE[\s\S]*problem +not-restored: The drill of/,
  )
  server.newExports()
  expect((await server.run(['backup'])).code).toBe(0)
  expect(server.newExports()).toEqual(['project 1'])
})

test('a login that may not write is told so, and no archive is blamed', slow, async () => {
  const server = await open()
  const token = server.world.addAccessToken('admin', { readOnly: true }).value
  const ended = await server.run(['drill', '--project', '1', '--yes'], {
    CVAT_RESTORE_ACCESS_TOKEN: token,
  })
  expect(ended.code).toBe(1)
  expect(ended.stderr).toContain('This login may not create projects and tasks')
  expect(ended.stderr).toContain('CVAT_RESTORE_USERNAME')
  expect((await server.archives()).every(({ record }) => isGood(record))).toBe(true)
})

test('a run backs up nothing of a drill that is under way, and what merely looks like it', slow, async () => {
  const server = await open()
  server.world.addProject({ name: 'project 1 [drill 0123456789ab]' })
  const killed = server.start(['drill', '--project', '1', '--yes'])
  server.simulator.faults.add({
    path: /labels/,
    times: 1,
    fault: { kind: 'run', action: () => killed.kill('SIGKILL') },
  })
  await killed.ended
  expect(names(server).filter((name) => name.includes('[drill '))).toHaveLength(2)
  server.newExports()
  expect((await server.run(['backup'])).code).toBe(0)
  expect(server.newExports()).toEqual(['project 2'])
  expect((await server.run(['backup', '--mode', 't'])).code).toBe(0)
  expect(server.newExports()).toEqual(['task 1'])
})

const steps = [
  { at: 'the upload', hasMade: false, method: 'PATCH', path: /projects\/backup/ },
  { at: 'the order to import', hasMade: true, method: 'POST', path: /projects\/backup/, nth: 3 },
  { at: 'waiting for the import', hasMade: true, method: 'GET', path: /requests\/action/ },
  { at: 'comparing', hasMade: true, method: 'GET', path: /labels/ },
  { at: 'looking before removing', hasMade: true, method: 'GET', path: /projects\/\d+$/ },
  { at: 'removing', hasMade: false, method: 'DELETE', path: /projects\/\d+$/ },
] as const

test.each(steps)(
  'killed at $at, the next drill removes its own and nothing else',
  slow,
  async ({ at: _, hasMade, ...step }) => {
    const server = await open()
    server.world.addProject({ name: 'project 1 [drill 0123456789ab]' })
    const before = names(server)
    const killed = server.start(['drill', '--project', '1', '--yes'])
    const rule = server.simulator.faults.add({ ...step, fault: { kind: 'run', action: () => killed.kill('SIGKILL') } })
    expect((await killed.ended).signal ?? 'SIGKILL').toBe('SIGKILL')
    expect(rule.hits).toBe(1)
    rule.remove()
    await server.simulator.imports.whenIdle()
    expect(await server.store.listOpenDrills()).toHaveLength(1)
    if (hasMade) expect(names(server)).toHaveLength(before.length + 1)
    const next = await server.run(['drill', '--task', '2', '--yes'])
    expect(next.stderr).toBe('')
    expect(next.code).toBe(0)
    expect(names(server)).toEqual(before)
    expect(await server.store.listOpenDrills()).toEqual([])
  },
)
