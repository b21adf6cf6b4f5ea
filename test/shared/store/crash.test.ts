import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { handleDownload } from './handle-download.ts'
import { makeArchive, now, openTestStore, prepareCommit, project6, sha256, storeArchive } from './store-fixture.ts'
import { storeWorkflow } from './workflow-fixture.ts'

const backupId = 'run-1.project-6.backup'
const nobody = { isActive: () => false, graceMs: 0 }

/** Prepares a store, lets a child die before its nth operation, looks at what is left; for every n until it survives. */
async function crashEverywhere(
  scenario: string,
  prepare: (store: Store) => Promise<unknown>,
  examine: (store: Store, survived: boolean) => Promise<void>,
): Promise<number> {
  for (let step = 1; ; step += 1) {
    const store = await openTestStore()
    await prepare(store)
    const survived = await runChild(store.directory, scenario, step)
    await expectNothingTorn(store)
    await examine(store, survived)
    if (survived) return step
  }
}

async function runChild(directory: string, scenario: string, step: number): Promise<boolean> {
  const script = join(import.meta.dirname, 'crash-child.ts')
  const child = spawn(process.execPath, [script, directory, scenario, String(step)], { stdio: 'inherit' })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (signal !== 'SIGKILL') expect(code).toBe(0)
  return signal !== 'SIGKILL'
}

/** At any instant: every archive under a final name is whole and has its record. */
async function expectNothingTorn(store: Store): Promise<void> {
  const { archives, unrecognised } = await store.listRecords(project6)
  for (const { archivePath, record } of archives) {
    expect(sha256(await readFile(archivePath))).toBe(record.archive.sha256)
  }
  expect(unrecognised.filter(({ reason }) => reason !== 'record-without-archive')).toEqual([])
}

async function listEverything(store: Store): Promise<string[]> {
  const names = await readdir(store.directory, { recursive: true, withFileTypes: true })
  return names.filter((entry) => entry.isFile()).map(({ name }) => name)
}

describe('a process that is killed at any file operation', () => {
  test('of a commit leaves an archive that recovery finishes, or nothing', { timeout: 600_000 }, async () => {
    const endings = new Set<string>()
    const steps = await crashEverywhere(
      'commit',
      async () => undefined,
      async (store, survived) => {
        const interrupted = (await store.listRecords(project6)).unrecognised.length > 0
        const { finished, waiting } = await store.recover(nobody)
        expect(waiting).toEqual([])
        expect(finished).toHaveLength(interrupted ? 1 : 0)
        const { archives, unrecognised } = await store.listRecords(project6)
        expect(unrecognised).toEqual([])
        expect(await listEverything(store)).toHaveLength(archives.length * 2)
        endings.add(`${archives.length} archives, interrupted ${interrupted}, survived ${survived}`)
        // The handler's second run ends with exactly one archive, wherever the first one stopped.
        await store.commitArchive(await prepareCommit(store))
        expect(await listEverything(store)).toHaveLength(2)
        expect((await store.findByBackupId(project6, backupId))?.record.archive.sha256).toBe(sha256(makeArchive()))
      },
    )
    expect(steps).toBeGreaterThan(15)
    expect([...endings].sort()).toEqual([
      '0 archives, interrupted false, survived false',
      '1 archives, interrupted false, survived false',
      '1 archives, interrupted false, survived true',
      '1 archives, interrupted true, survived false',
    ])
  })

  test('of a whole download leaves what the next handler finishes or removes, to the last file', {
    timeout: 600_000,
  }, async () => {
    const left = new Set<string>()
    const steps = await crashEverywhere(
      'download',
      async () => undefined,
      async (store) => {
        for (const name of await listEverything(store)) left.add(name.split('.').at(-1)!)
        await handleDownload(store)
        expect((await store.listRecords(project6)).archives).toHaveLength(1)
        expect(await listEverything(store)).toHaveLength(2)
      },
    )
    expect(steps).toBeGreaterThan(30)
    expect([...left].sort()).toEqual(['json', 'origin', 'part', 'record', 'zip'])
  })

  test('of a removal leaves the archive with its record, or neither after recovery', { timeout: 600_000 }, async () => {
    const left = new Set<number>()
    await crashEverywhere(
      'remove',
      (store) => storeArchive(store),
      async (store) => {
        await store.recover(nobody)
        const names = await listEverything(store)
        left.add(names.length)
        expect((await store.listRecords(project6)).archives).toHaveLength(names.length / 2)
      },
    )
    expect([...left].sort()).toEqual([0, 2])
  })

  test('of a recovery leaves what the next recovery finishes', { timeout: 600_000 }, async () => {
    await crashEverywhere(
      'recover',
      async (store) => {
        const stored = await storeArchive(store)
        await rename(stored.archivePath, join(store.directory, `.cvat-backups/partial/${backupId}.0123456789ab.part`))
        await storeArchive(store, { backupId: 'other', seed: 'other' }).then(store.removeArchive)
      },
      async (store) => {
        await store.recover(nobody)
        expect((await store.listRecords(project6)).archives).toHaveLength(1)
        expect(await listEverything(store)).toHaveLength(2)
      },
    )
  })

  test('of writing a workflow leaves the earlier ones and all of it, or nothing', { timeout: 600_000 }, async () => {
    const endings = new Set<number>()
    await crashEverywhere(
      'workflow',
      (store) => storeWorkflow(store, { backupId: 'run-0.project-6.backup', takenAt: '2026-11-21T00:00:00.000Z' }),
      async (store) => {
        const { workflows, unrecognised } = await store.workflows.list(project6)
        expect(unrecognised).toEqual([])
        for (const workflow of workflows) await store.workflows.verify(workflow)
        endings.add(workflows.length)
        await store.recover(nobody)
        expect(await listEverything(store)).toHaveLength(workflows.length)
      },
    )
    expect([...endings].sort()).toEqual([1, 2])
  })

  test('of storing an archive after its workflow never leaves the archive without it', {
    timeout: 600_000,
  }, async () => {
    const endings = new Set<string>()
    await crashEverywhere(
      'workflow-and-commit',
      async () => undefined,
      async (store) => {
        await store.recover(nobody)
        const { archives } = await store.listRecords(project6)
        const found = archives[0] && (await store.workflows.find(project6, { archive: archives[0] }))
        expect(found !== undefined).toBe(archives.length > 0)
        const { workflows } = await store.workflows.list(project6)
        endings.add(`${archives.length} archives, ${workflows.length} workflows`)
      },
    )
    expect([...endings].sort()).toEqual([
      '0 archives, 0 workflows',
      '0 archives, 1 workflows',
      '1 archives, 1 workflows',
    ])
  })

  test('of writing a summary leaves the old one or the new one', { timeout: 600_000 }, async () => {
    const states = new Set<unknown>()
    const old = { formatVersion: 1, type: 'run', runId: 'run', startedAt: now.toISOString(), state: 'old' } as const
    await crashEverywhere(
      'write-run',
      (store) => store.writeRunRecord(old),
      async (store) => {
        states.add((await store.readRunRecords())[0]?.state)
        const later = openStore({ directory: store.directory, now: () => new Date(now.getTime() + 7_200_000) })
        await later.recover(nobody)
        expect(await listEverything(store)).toHaveLength(1)
      },
    )
    expect([...states].sort()).toEqual(['new', 'old'])
  })
})
