import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { truncate } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { EntityRef } from '#shared/model/entity.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { json } from '../simulator/answers.ts'
import { login, smallWorld } from '../support/small-world.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Adopting, startAdopting } from './adopt-fixture.ts'

const project = (id: number): EntityRef => ({ type: 'project', id })

/** `cvat-backups adopt …` as a process of its own. */
async function startCommand(adopting: Adopting, ...args: string[]) {
  const script = join(import.meta.dirname, '../../cli/main.ts')
  const env = {
    PATH: process.env.PATH,
    CVAT_URL: adopting.simulator.url,
    CVAT_USERNAME: login.username,
    CVAT_PASSWORD: login.password,
    CVAT_BACKUP_DIR: adopting.directory,
  }
  // In a folder without .env.
  const cwd = await makeTemporaryFolder()
  const child = spawn(process.execPath, [script, 'adopt', ...args], { env, cwd })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk))
  child.stderr.on('data', (chunk: Buffer) => (output.err += chunk))
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...output }))
  return { child, output, ended }
}

async function run(adopting: Adopting, ...args: string[]) {
  return (await startCommand(adopting, ...args)).ended
}

test('says what became of each file and exits with 0', async () => {
  const adopting = await startAdopting(smallWorld({ projects: 2 }))
  const first = await adopting.download(project(1))
  const gone = await adopting.download(project(2))
  adopting.world.deleteProject(2)
  const dry = await run(adopting, '--dry-run')
  expect(dry).toMatchObject({ code: 0, err: '' })
  expect(dry.out).toContain('1 archives would be adopted')
  const { code, out, err } = await run(adopting)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toContain(`adopted "${first}" → project-1/`)
  expect(out).toContain(`LEFT    "${gone}": no project on the server is called "project 2"`)
  expect(out).toContain('1 archives adopted')
  expect(out).toContain('1 left alone because it cannot be told whose they are')
})

test('exits with 1 when a file is damaged, and tells it as JSON if asked to', async () => {
  const adopting = await startAdopting(smallWorld({ projects: 2 }))
  const folder = await makeTemporaryFolder()
  const [first, second] = [
    await adopting.download(project(1), 'backup', folder),
    await adopting.download(project(2), 'backup', folder),
  ]
  await truncate(join(folder, second), 500)
  const { code, out } = await run(adopting, folder, '--copy', '--json')
  expect(code).toBe(1)
  expect(JSON.parse(out)).toMatchObject({
    files: [
      { file: first, outcome: 'adopted', entity: 'project-1' },
      { file: second, outcome: 'damaged', reason: expect.stringContaining('ends early') },
    ],
    dryRun: false,
    adopted: 1,
    damaged: 1,
  })
  expect(JSON.parse((await run(adopting, await makeTemporaryFolder(), '--json')).out)).toMatchObject({ files: [] })
})

test('two folders, and a folder that is not there, are told in one line', async () => {
  const adopting = await startAdopting(smallWorld())
  expect(await run(adopting, 'one', 'two')).toMatchObject({ code: 2, err: expect.stringContaining('one folder') })
  const missing = await run(adopting, join(adopting.directory, 'missing'))
  expect(missing).toMatchObject({ code: 1, err: expect.stringMatching(/^cvat-backups: Reading .*missing failed/) })
})

test('stops where the server does, and goes on later', async () => {
  const adopting = await startAdopting(smallWorld())
  await adopting.download(project(1))
  const answer = json(403, { detail: 'Not now.' })
  adopting.simulator.faults.add({ route: '/api/projects', fault: { kind: 'answer', answer } })
  const before = await adopting.listFiles()
  const { code, err } = await run(adopting)
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('403') })
  expect(await adopting.listFiles()).toEqual(before)
  adopting.simulator.faults.clear()
  expect((await run(adopting)).out).toContain('1 archives adopted')
})

test('interrupted it ends its JSON and exits with 130', async () => {
  const adopting = await startAdopting(smallWorld({ projects: 12 }))
  for (let id = 1; id <= 12; id++) await adopting.download(project(id))
  holdAtSixth(adopting)
  const { child, output, ended } = await startCommand(adopting, '--json')
  await waitFor('five files to be adopted', () => output.out.split('"adopted"').length > 5)
  child.kill('SIGTERM')
  const { code, out, err } = await ended
  expect({ code, err }).toEqual({ code: 130, err: expect.stringMatching(/^interrupted: .*\n$/) })
  expect(JSON.parse(out)).toMatchObject({ adopted: 5, files: { length: 5 } })
  expect(await adopting.archives()).toHaveLength(5)
})

test('killed in the middle it has lost nothing, and the next run does the rest', { timeout: 60_000 }, async () => {
  const adopting = await startAdopting(smallWorld({ projects: 12 }))
  for (let id = 1; id <= 12; id++) await adopting.download(project(id))
  const before = new Map([...(await adopting.listFiles())].map(([path, bytes]) => [basename(path), bytes]))
  holdAtSixth(adopting)
  const { child, output, ended } = await startCommand(adopting)
  await waitFor('five files to be adopted', () => output.out.split('adopted').length > 5)
  child.kill('SIGKILL')
  expect(await ended).toMatchObject({ signal: 'SIGKILL' })
  expect(await adopting.archives()).toHaveLength(5)
  const left = (await adopting.listFiles()).values().toArray()
  for (const bytes of before.values()) expect(left.filter((other) => other.equals(bytes))).toHaveLength(1)
  expect((await run(adopting)).code).toBe(0)
  const archives = await adopting.archives()
  expect(archives.map(({ entity }) => entity.id).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 12 }, (_, i) => i + 1),
  )
  const files = await adopting.listFiles()
  expect(files.size).toBe(24)
  for (const { archivePath, record } of archives) {
    expect(files.get(archivePath)!.equals(before.get(record.origin.adoptedFrom!)!)).toBe(true)
  }
})

/** The server takes its time to say whose the sixth file is. */
function holdAtSixth({ simulator }: Adopting): void {
  simulator.faults.add({ route: '/api/projects', nth: 6, fault: { kind: 'delay', ms: 60_000 } })
}
