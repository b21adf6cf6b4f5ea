// Annotations of an export back into a task, by the command line, against a simulated server.

import { expect, test } from 'vitest'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { openInstallation } from '../support/installation.ts'
import { smallWorld } from '../support/small-world.ts'

expectNoLeaks()

const slow = { timeout: 180_000 }

/** Project 1 with task 1, and the loose task 2; their annotations exported, then both spoilt. */
async function open() {
  const world = smallWorld({ projects: 1, looseTasks: 1 })
  world.addTask({ projectId: 1, name: 'second of 1', frames: 2, bytesPerFrame: 500 })
  const server = await openInstallation({ world })
  expect((await server.run(['backup', '--mode', 'a'])).code).toBe(0)
  for (const id of [1, 2, 3]) world.annotate(id, 5)
  return { server, world }
}

test('a dry run tells everything and changes nothing', slow, async () => {
  const { server } = await open()
  const changes = watchChanges(server)
  const ended = await server.run(['restore', '--annotations', 'task-2', '--dry-run'])
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout).toMatch(/brings +0 tags, \d+ shapes, 0 tracks on 2 pictures/)
  expect(ended.stdout).toMatch(/replaces +0 tags, \d+ shapes, 0 tracks/)
  expect(ended.stdout).toContain('loses     tracks: this format has none')
  expect(ended.stdout).toContain('Dry run: nothing was changed.')
  expect(changes()).toEqual([])
})

test('annotations are replaced by those of the export, after a backup, and the numbers are told', slow, async () => {
  const { server } = await open()
  const unasked = await server.run(['restore', '--annotations', 'task-2'])
  expect(unasked).toMatchObject({ code: 1, stderr: expect.stringContaining('--yes') })
  expect(unasked.stderr).toMatch(/Replace all annotations of http:\S+\/tasks\/\d+ by those of \S+\.zip from http:\S+\?/)
  const ended = await server.run(['restore', '--annotations', 'task-2', '--yes'])
  expect(ended.stderr).toBe('')
  expect(ended.code).toBe(0)
  const [, held] = /export +(.*)\n/.exec(ended.stdout) ?? []
  const [, now] = /now +(.*)\n/.exec(ended.stdout) ?? []
  expect(now).toBe(held)
  const [, undo] = /undo +cvat-backups restore task-2 --archive (\S+):/.exec(ended.stdout) ?? []
  const backups = (await server.archives()).filter(({ record }) => record.series.content.kind === 'backup')
  expect(backups.map(({ record }) => record.archive.fileName)).toEqual([undo])
  expect(server.world.tasks.get(2)?.annotations.stored?.jobs.length).toBeGreaterThan(0)
})

test("of a project's export only the task's own part is taken", slow, async () => {
  const { server } = await open()
  const ended = await server.run(['restore', '--annotations', 'task-3', '--yes'])
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' })
  expect(ended.stdout).toContain('task 3 of it')
  expect(ended.stdout).toMatch(/on 2 pictures/)
  // The other task of the project keeps what was done since.
  expect(server.world.tasks.get(1)?.annotations.extraShapes).toBe(5)
})

test('a video gets its annotations back, frame by frame', slow, async () => {
  const world = smallWorld({ projects: 0 })
  const { id: projectId } = world.addProject({ name: 'videos', labels: ['tram'] })
  const video = { projectId, frames: 12, bytesPerFrame: 100, shapesPerFrame: 2, mode: 'interpolation' } as const
  // In a project's export the second one's frames have the names of the first one's, numbered.
  const tasks = ['first', 'second'].map((name) => world.addTask({ ...video, name }))
  const server = await openInstallation({ world })
  expect((await server.run(['backup', '--mode', 'a'])).code).toBe(0)
  for (const { id } of tasks) {
    world.annotate(id, 7)
    const ended = await server.run(['restore', '--annotations', `task-${id}`, '--yes'])
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(/brings +0 tags, 24 shapes, 0 tracks on 12 pictures/)
    expect(ended.stdout).toMatch(/now +0 tags, 24 shapes, 0 tracks/)
  }
})

test('frames that are not those of the export are named, and nothing is sent', slow, async () => {
  const { server, world } = await open()
  const other = world.addTask({ projectId: null, name: 'other pictures', frames: 2, bytesPerFrame: 500 })
  server.simulator.faults.add({
    path: new RegExp(`/tasks/${other.id}/data/meta`),
    fault: {
      kind: 'rewrite',
      json: (body) => ({ ...(body as object), frames: [{ name: 'a.jpg' }, { name: 'b.jpg' }] }),
    },
  })
  const changes = watchChanges(server)
  const ended = await server.run(['restore', '--annotations', 'task-2', '--into', `${other.id}`, '--yes'])
  expect(ended.code).toBe(1)
  expect(ended.stderr).toMatch(/2 of 2 pictures in the export are no frames of the task: ".*", ".*"/)
  expect(ended.stderr).toContain('Nothing was sent')
  expect(changes()).toEqual([])
})

test('labels that the task has not are named, and nothing is sent', slow, async () => {
  const { server, world } = await open()
  for (const id of world.task(2).labelIds) world.changeLabel(id, { name: `renamed ${id}` })
  const changes = watchChanges(server)
  const ended = await server.run(['restore', '--annotations', 'task-2', '--yes'])
  expect(ended.code).toBe(1)
  expect(ended.stderr).toMatch(/has no label/)
  expect(changes()).toEqual([])
})

test('another import under way is told, and a failed one leaves what was there', slow, async () => {
  const { server } = await open()
  server.simulator.faults.addImport({ times: 1, fate: { kind: 'fail', message: 'ValueError: no' } })
  const failed = await server.run(['restore', '--annotations', 'task-2', '--yes'])
  expect(failed.code).toBe(1)
  expect(failed.stderr).toContain('are what they were before')
  server.simulator.imports.pause()
  const first = server.start(['restore', '--annotations', 'task-2', '--yes', '--i-have-a-backup'])
  await first.says(/brings/)
  await waitForImport(server)
  const second = await server.run(['restore', '--annotations', 'task-2', '--yes', '--i-have-a-backup'])
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('Another import') })
  server.simulator.imports.resume()
  expect((await first.ended).code).toBe(0)
})

test.each([
  ['PATCH', /annotations\/./, 1],
  ['POST', /annotations$/, 2],
  ['GET', /requests\/action%3Dimport|requests\/action=import/, 1],
] as const)('killed at %s %s, the same command comes to the same', slow, async (method, path, nth) => {
  const { server } = await open()
  const killed = server.start(['restore', '--annotations', 'task-2', '--yes', '--i-have-a-backup'])
  const kill = () => killed.kill('SIGKILL')
  const rule = server.simulator.faults.add({ method, path, nth, fault: { kind: 'run', action: kill } })
  await killed.ended
  expect(rule.hits).toBe(1)
  rule.remove()
  await server.simulator.imports.whenIdle()
  const ended = await server.run(['restore', '--annotations', 'task-2', '--yes', '--i-have-a-backup'])
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' })
  const [, held] = /export +(.*)\n/.exec(ended.stdout) ?? []
  expect(ended.stdout).toContain(`now       ${held}`)
})

type Installation = Awaited<ReturnType<typeof openInstallation>>

async function waitForImport({ simulator }: Installation): Promise<void> {
  const { waitFor } = await import('../support/wait-for.ts')
  await waitFor('an import to be queued', () => simulator.imports.requests.some(({ status }) => status === 'queued'))
}

/** Calls that could change something. */
function watchChanges({ simulator }: Installation): () => string[] {
  const seen: string[] = []
  simulator.faults.add({
    where: ({ method, path }) => {
      if (!['GET', 'HEAD', 'OPTIONS'].includes(method) && !path.includes('/auth/')) seen.push(`${method} ${path}`)
      return false
    },
    fault: { kind: 'delay', ms: 0 },
  })
  return () => seen
}
