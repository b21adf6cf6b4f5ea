import { createHash } from 'node:crypto'
import { appendFile, copyFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { WorkflowRow } from '#shared/model/workflow.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { interfere, systemError } from './interfere.ts'
import { now, openTestStore, project6, serverUrl, storeArchive } from './store-fixture.ts'
import { give, planWorkflow, rows, storeWorkflow } from './workflow-fixture.ts'

const read = async (store: Store, workflow: Parameters<Store['workflows']['read']>[0]) =>
  Array.fromAsync(store.workflows.read(workflow))
const partials = (store: Store) => readdir(join(store.directory, '.cvat-backups/partial'))
const takenAt = (second: number, ms = 0) => new Date(Date.UTC(2026, 10, 22, 20, 0, second, ms)).toISOString()

describe('a workflow sidecar', () => {
  test('is read back as it was written, under a name that tells the time', async () => {
    const store = await openTestStore()
    const written = await storeWorkflow(store)
    expect(written.fileName).toMatch(/^20261122T203445Z-workflow-[0-9a-f]{8}\.ndjson$/)
    const newest = await store.workflows.newest(project6, `${serverUrl}/`)
    expect(newest).toEqual(written)
    expect(await read(store, newest!)).toEqual(rows)
    expect(newest).toMatchObject({
      head: { entity: project6, server: { url: serverUrl, version: '2.64.1' }, takenAt: '2026-11-22T20:34:45.500Z' },
      end: { tasks: 1, jobs: 1, issues: 1, comments: 1, missing: [], digest: { rows: 'r', issues: 'i' } },
    })
    await store.workflows.verify(newest!)
  })

  test('can be checked by hand: lines of JSON, the last one with the SHA-256 of all before it', async () => {
    const store = await openTestStore()
    const { path } = await storeWorkflow(store)
    const text = await readFile(path, 'utf8')
    const lines = text.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).type)).toEqual([
      'workflow',
      'project',
      'task',
      'job',
      'issue',
      'comment',
      'end',
    ])
    const before = text.slice(0, text.lastIndexOf('{"type":"end"'))
    expect(JSON.parse(lines.at(-1)!).sha256).toBe(createHash('sha256').update(before).digest('hex'))
  })

  test('is no archive, and nothing foreign, to whoever lists archives', async () => {
    const store = await openTestStore()
    await storeWorkflow(store)
    await storeArchive(store)
    const { archives, unrecognised } = await store.listRecords(project6)
    expect(archives).toHaveLength(1)
    expect(unrecognised).toEqual([])
  })

  test('holds any text: of 300 kB, with NUL, line ends of every kind, right to left, halves of characters', async () => {
    const store = await openTestStore()
    const texts = [
      'x'.repeat(300_000),
      'a\0b',
      'a\nb\r\nc\u2028d\u2029e',
      '\u202Eright to left',
      '{"type":"end"}\n',
      '',
    ]
    const comments = texts.map(
      (text, index): WorkflowRow => ({
        ...(rows[4] as Extract<WorkflowRow, { type: 'comment' }>),
        id: index + 1,
        text,
      }),
    )
    const broken = { ...comments[0]!, id: 99, text: '\ud800' } as WorkflowRow
    const workflow = await storeWorkflow(store, { rows: [...comments, broken] })
    expect(await read(store, workflow)).toEqual([...comments, broken])
    expect(workflow.end.comments).toBe(texts.length + 1)
  })

  test('of a hundred thousand comments is written and read without being held', { timeout: 120_000 }, async () => {
    const store = await openTestStore()
    const comment = rows[4] as Extract<WorkflowRow, { type: 'comment' }>
    let alive = 0
    let most = 0
    const registry = new FinalizationRegistry(() => alive--)
    function* many(): Generator<WorkflowRow> {
      for (let id = 1; id <= 100_000; id++) {
        const row = { ...comment, id, text: 'x'.repeat(100) }
        registry.register(row, id)
        most = Math.max(most, ++alive)
        yield row
      }
    }
    const workflow = await storeWorkflow(store, { rows: many() })
    expect(workflow.end.comments).toBe(100_000)
    let count = 0
    for await (const _ of store.workflows.read(workflow)) count++
    expect(count).toBe(100_000)
    // The rows may not all be alive at once: what is written is let go.
    expect(most).toBeLessThan(100_000)
  })

  test('whose rows break off leaves nothing, and the fault comes through', async () => {
    const store = await openTestStore()
    async function* broken(): AsyncGenerator<WorkflowRow> {
      yield rows[0]!
      throw new Error('the server went away')
    }
    await expect(storeWorkflow(store, { rows: broken() })).rejects.toThrow('the server went away')
    expect(await partials(store)).toEqual([])
    expect(await store.workflows.newest(project6, serverUrl)).toBeUndefined()
  })

  test.each(['ENOSPC', 'EIO'])('that the disk refuses (%s) is a named fault and leaves nothing', async (code) => {
    for (const operation of ['handle.writeFile', 'handle.sync', 'rename', 'open']) {
      const directory = (await openTestStore()).directory
      const files = interfere(({ name, path }) => {
        if (name === operation && path.includes('.record')) throw systemError(code)
      })
      const store = openStore({ directory, now: () => now, files })
      const fault = await storeWorkflow(store).catch((error) => error)
      expect(fault, operation).toMatchObject({ code: code === 'ENOSPC' ? 'disk-full' : expect.any(String) })
      expect(await partials(store), operation).toEqual([])
      expect((await store.workflows.list(project6)).workflows).toEqual([])
    }
  })

  test('that reads back differently than it was written gets no final name', async () => {
    const directory = (await openTestStore()).directory
    let isSynced = false
    const files = interfere(async ({ name, path }) => {
      if (name === 'handle.sync') isSynced = true
      if (name === 'open' && isSynced && path.endsWith('.record')) await appendFile(path, 'x')
    })
    const store = openStore({ directory, now: () => now, files })
    await expect(storeWorkflow(store)).rejects.toMatchObject({ code: 'disk-error' })
    expect((await store.workflows.list(project6)).workflows).toEqual([])
  })

  test('behind a lost mount is an error, and nothing is made in its place', async () => {
    const store = await openTestStore()
    await rm(store.directory, { recursive: true })
    await expect(storeWorkflow(store)).rejects.toMatchObject({ code: expect.any(String) })
    await expect(store.workflows.list(project6)).rejects.toMatchObject({ code: expect.any(String) })
    await expect(readdir(store.directory)).rejects.toThrow('ENOENT')
  })
})

describe('what is not as it was written', () => {
  test('is found wherever a bit of it is another', async () => {
    const store = await openTestStore()
    const { path, sizeBytes } = await storeWorkflow(store)
    const original = await readFile(path)
    let missed = 0
    for (let at = 0; at < sizeBytes; at += 7) {
      const changed = Buffer.from(original)
      changed[at]! ^= 1
      await writeFile(path, changed)
      const workflow = await store.workflows.newest(project6, serverUrl)
      const isFound =
        workflow === undefined ||
        (await store.workflows.verify(workflow).then(
          () => false,
          (error) => error.code === 'damaged-workflow',
        ))
      // In the end line only its SHA-256 is about others; of the rest of it a flip may read as another number.
      if (!isFound && at < original.lastIndexOf('{"type":"end"')) missed++
    }
    expect(missed).toBe(0)
  })

  test('and torn at any length is not taken for one, nor touched', async () => {
    const store = await openTestStore()
    const { path, sizeBytes } = await storeWorkflow(store)
    for (let length = sizeBytes - 1; length >= 0; length -= 11) {
      await truncate(path, length)
      expect(await store.workflows.newest(project6, serverUrl)).toBeUndefined()
      expect(await store.workflows.list(project6)).toEqual({
        workflows: [],
        unrecognised: [{ path, reason: 'broken' }],
      })
    }
    expect((await store.listRecords(project6)).unrecognised).toEqual([])
  })

  test('or lies in the folder of something else, or under another name, speaks for nothing', async () => {
    const store = await openTestStore()
    const { path, fileName } = await storeWorkflow(store)
    await mkdir(join(store.directory, 'project-7'))
    await copyFile(path, join(store.directory, 'project-7', fileName))
    expect(await store.workflows.newest({ type: 'project', id: 7 }, serverUrl)).toBeUndefined()
    await rename(path, join(dirname(path), fileName.replace('T20', 'T21')))
    expect(await store.workflows.newest(project6, serverUrl)).toBeUndefined()
  })

  test('of a later version is left alone, whatever comes after its head', async () => {
    const store = await openTestStore()
    const { path } = await storeWorkflow(store)
    await writeFile(path, '{"type":"workflow","formatVersion":2}\nsomething new\n')
    expect((await store.workflows.list(project6)).unrecognised).toEqual([{ path, reason: 'later-version' }])
  })

  test('rows of kinds that a later version adds are passed over', async () => {
    const store = await openTestStore()
    const later = { type: 'webhook', id: 1 } as unknown as WorkflowRow
    // A fake of a later writer: it counts what this one does not know under no name.
    const workflow = await storeWorkflow(store, { rows: [rows[0]!, later, rows[2]!] })
    expect(await read(store, workflow)).toEqual([rows[0], rows[2]])
  })
})

describe('the newest', () => {
  test('is that of this server, told by its head where two are of one second', async () => {
    const store = await openTestStore()
    for (const ms of [300, 900, 100, 500]) {
      await storeWorkflow(store, { takenAt: takenAt(5, ms), backupId: `run-${ms}.project-6.backup` })
    }
    await storeWorkflow(store, { takenAt: takenAt(9), serverUrl: 'https://other.example.org' })
    expect((await store.workflows.newest(project6, serverUrl))?.head.takenAt).toBe(takenAt(5, 900))
    const { workflows } = await store.workflows.list(project6)
    expect(workflows.map(({ head }) => Date.parse(head.takenAt) % 1000)).toEqual([0, 900, 500, 300, 100])
  })

  test('written twice by one backup in one second is one', async () => {
    const store = await openTestStore()
    await storeWorkflow(store)
    await storeWorkflow(store)
    expect((await store.workflows.list(project6)).workflows).toHaveLength(1)
  })
})

describe('what goes with an archive', () => {
  test('is the last one before the next archive, or the one of a time', async () => {
    const store = await openTestStore()
    const archives = []
    for (const [run, second] of [
      ['a', 10],
      ['b', 30],
    ] as const) {
      archives.push(
        await storeArchive(store, { backupId: `${run}.project-6.backup`, createdAt: takenAt(second), seed: run }),
      )
      await storeWorkflow(store, { takenAt: takenAt(second + 1), backupId: `${run}.project-6.backup` })
      await storeWorkflow(store, { takenAt: takenAt(second + 5), backupId: `${run}2.project-6.workflow` })
    }
    const find = async (moment: Parameters<Store['workflows']['find']>[1]) =>
      (await store.workflows.find(project6, moment))?.head.takenAt
    expect(await find({ archive: archives[0]! })).toBe(takenAt(15))
    expect(await find({ archive: archives[1]! })).toBe(takenAt(35))
    expect(await find({ serverUrl })).toBe(takenAt(35))
    expect(await find({ serverUrl, at: takenAt(33) })).toBe(takenAt(31))
    expect(await find({ serverUrl, at: takenAt(9) })).toBeUndefined()
    expect(await find({ serverUrl: 'https://other.example.org' })).toBeUndefined()
  })

  test('removing is harmless twice, and refuses what is not of this store', async () => {
    const store = await openTestStore()
    const workflow = await storeWorkflow(store)
    await store.workflows.remove(workflow)
    await store.workflows.remove(workflow)
    expect((await store.workflows.list(project6)).workflows).toEqual([])
    await expect(store.workflows.remove({ ...workflow, path: '/etc/passwd' })).rejects.toThrow('Not a workflow')
  })
})

test('a temporary file of a killed process goes with the leftovers of its backup', async () => {
  const store = await openTestStore()
  const rest = store.workflows.write(planWorkflow(), give(neverEnding()))
  void rest.catch(() => undefined)
  await expect.poll(() => partials(store)).toHaveLength(1)
  const active = { isActive: (id: string) => id === 'run-1.project-6.backup' }
  expect(await store.removeStalePartials(active)).toBe(0)
  expect(await store.removeStalePartials({ isActive: () => false })).toBe(1)
})

async function* neverEnding(): AsyncGenerator<WorkflowRow> {
  yield rows[0]!
  await new Promise(() => undefined)
}
