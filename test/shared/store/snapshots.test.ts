import { readFile, rename, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import type { Store } from '#shared/store/open-store.ts'
import { contentBytes, isGood, isSnapshot } from '#shared/store/record.ts'
import { listMembers, listWithPython, testWithUnzip, writeOut } from '../composition/composed-files.ts'
import { findText, flipByte } from './damage.ts'
import { planProject, planTask } from './plan-backup.ts'
import { assembleOf, prepareSnapshot, storeSnapshot, storeTask } from './snapshot-fixture.ts'
import { backupOfProject6, openTestStore, project6, serverUrl, storeArchive } from './store-fixture.ts'

const at = (day: number, hour = 20) => `2026-11-${String(day).padStart(2, '0')}T${hour}:00:00.000Z`

async function storeOne() {
  const store = await openTestStore()
  const parts = [
    await storeTask(store, { id: 17, createdAt: at(1, 10) }),
    await storeTask(store, { id: 18, createdAt: at(1, 11) }),
  ]
  const snapshot = await storeSnapshot(store, { createdAt: at(1), parts })
  return { store, parts, snapshot }
}

async function verify(store: Store) {
  const found: string[] = []
  const options = { level: 'complete', checkedBefore: new Date('2100-01-01'), startedAt: new Date() } as const
  for await (const event of store.verifyArchives({ ...options, signal: new AbortController().signal })) {
    if (event.what !== 'checked') continue
    const { verdict, found: problems } = event.judgement
    if (verdict !== 'intact') found.push(...problems.map(({ code, message }) => `${code}: ${message}`))
  }
  return found
}

describe('a snapshot', () => {
  test('is one of the backups of its project, the newest good one if it is', async () => {
    const { store, snapshot } = await storeOne()
    const whole = await storeArchive(store, { createdAt: '2026-10-31T20:00:00.000Z' })
    const { series, unrecognised } = await store.listSeries(project6)
    expect(unrecognised).toEqual([])
    expect(series.map(({ archives }) => archives.map(({ record }) => record.archive.fileName))).toEqual([
      [snapshot.record.archive.fileName, whole.record.archive.fileName],
    ])
    expect(snapshot.record.archive.fileName).toMatch(/^20261101T200000Z-snapshot-alpha-[0-9a-f]{8}\.zip$/)
    expect((await store.newestGood(backupOfProject6, serverUrl))?.archivePath).toBe(snapshot.archivePath)
    expect(isSnapshot(snapshot.record) && isGood(snapshot.record)).toBe(true)
    const [a, b] = (await store.listRecords({ type: 'task', id: 17 })).archives.concat(
      (await store.listRecords({ type: 'task', id: 18 })).archives,
    )
    const bytes = [snapshot, a!, b!].reduce((sum, { record }) => sum + record.archive.sizeBytes, 0)
    expect(contentBytes(snapshot.record)).toBe(bytes)
  })

  test('is read and streamed as the archive of the whole project', async () => {
    const { snapshot } = await storeOne()
    const wanted = planProject(
      planTask('task_0/', { name: `task 17 ${at(1, 10)}` }),
      planTask('task_1/', { name: `task 18 ${at(1, 11)}` }),
    )
    const composed = await assembleOf(snapshot)
    const path = await writeOut(composed)
    await testWithUnzip(path)
    const members = await listWithPython(path)
    expect(members.map(({ name }) => name)).toEqual(wanted.map(({ name }) => name))
    expect(await listMembers(path)).toEqual(members)
    await using source = await openSourceArchive(snapshot.archivePath)
    expect([...source.folders.keys()]).toEqual(['', 'task_0/', 'task_1/'])
    expect(source.memberCount).toBe(wanted.length)
    for (const { name, data } of wanted) {
      const member = (await source.find(name))!
      expect(await source.readText(member, 1e6)).toBe(data)
    }
    const whole = await readFile(path)
    expect(await composed.read(whole.length - 500, 500)).toEqual(whole.subarray(-500))
  })

  test('whose record was changed is nothing that could be relied on', async () => {
    const { store, snapshot } = await storeOne()
    const text = await readFile(snapshot.recordPath, 'utf8')
    await writeFile(snapshot.recordPath, text.replace('"position": 1', '"position": 2'))
    expect(await store.listRecords(project6)).toMatchObject({
      archives: [],
      unrecognised: [{ reason: 'broken-record' }],
    })
    await expect(openSourceArchive(snapshot.archivePath)).rejects.toMatchObject({ code: 'no-snapshot-record' })
    // Whoever removes archives of tasks still sees what it names.
    const { fileName } = snapshot.record.snapshot!.parts[0]!.archive
    expect((await store.readPartReferences()).has(17, fileName)).toBe(true)
  })

  test('that was committed twice is there once', async () => {
    const { store, parts, snapshot } = await storeOne()
    const again = await store.commitArchive(await prepareSnapshot(store, { createdAt: at(1), parts }))
    expect(again).toMatchObject({ wasThere: true, archivePath: snapshot.archivePath })
  })

  test('that is made again of other parts, since those of its first try have gone, is another one', async () => {
    const { store, parts, snapshot } = await storeOne()
    const other = [parts[0]!, await storeTask(store, { id: 18, createdAt: at(1, 12) })]
    const again = await store.commitArchive(await prepareSnapshot(store, { createdAt: at(1), parts: other }))
    expect(again.wasThere).toBe(false)
    expect(again.archivePath).not.toBe(snapshot.archivePath)
    expect(again.record.snapshot?.parts[1]?.archive).toMatchObject({ sha256: other[1]!.record.archive.sha256 })
  })

  test('that lacks a part, or whose part was found damaged, is not good until the part is back', async () => {
    const { store, parts, snapshot } = await storeOne()
    const { archivePath } = parts[1]!
    await rename(archivePath, `${archivePath}.away`)
    expect(await verify(store)).toEqual([
      `part-missing: Its part task-18/${parts[1]!.record.archive.fileName} is not there`,
    ])
    const problemsNow = async () => {
      const [stored] = (await store.listRecords(project6)).archives
      return { problems: stored!.record.verification.problems.map(({ code }) => code), good: isGood(stored!.record) }
    }
    expect(await problemsNow()).toEqual({ problems: ['part-missing'], good: false })
    await rename(`${archivePath}.away`, archivePath)
    expect(await verify(store)).toEqual([])
    expect(await problemsNow()).toEqual({ problems: [], good: true })
    await flipByte(archivePath, await findText(archivePath, 'pixels of'))
    // Found in the part, it is marked in the snapshot in the same pass, whichever came first.
    expect((await verify(store)).map((text) => text.slice(0, 8))).toContain('bit-rot:')
    expect(await problemsNow()).toEqual({ problems: ['part-damaged'], good: false })
    expect(await store.checkParts({ entity: project6, parts: snapshot.record.snapshot!.parts })).toMatchObject([
      { code: 'part-damaged', taskId: 18 },
    ])
  })
})
