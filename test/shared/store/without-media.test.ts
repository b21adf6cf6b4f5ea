// Archives of tasks that are kept without their media: they are read as whole ones, and nothing takes them for such.

import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { planFolder } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { contentBytes, isGood, isSnapshot, isThin } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { listMembers, listWithPython, testWithUnzip, writeArchive, writeOut } from '../composition/composed-files.ts'
import { buildZip } from './build-zip.ts'
import { findText, flipByte } from './damage.ts'
import { interfere, systemError } from './interfere.ts'
import { planProject, planTask } from './plan-backup.ts'
import { assembleOf, planStoredTask, storeSnapshot, storeTask } from './snapshot-fixture.ts'
import { openTestStore, project6, serverUrl } from './store-fixture.ts'

const at = (day: number, hour = 20) => `2026-11-${String(day).padStart(2, '0')}T${hour}:00:00.000Z`
const task17 = { type: 'task', id: 17 } as const
const plan = (day: number) => ({ id: 17, createdAt: at(day, 10), media: 'cats', mediaOnce: true })

async function storeTwo() {
  const store = await openTestStore()
  const whole = await storeTask(store, plan(1))
  const thin = await storeTask(store, plan(2))
  return { store, whole, thin }
}

async function composed({ archivePath, record }: StoredArchive) {
  return openComposedArchive({ parts: [planFolder({ archivePath, record }, '', '')] })
}

async function verify(store: Store, level: 'whole' | 'complete' = 'complete') {
  const found: string[] = []
  const options = { level, checkedBefore: new Date('2100-01-01'), startedAt: new Date() } as const
  for await (const event of store.verifyArchives({ ...options, signal: new AbortController().signal })) {
    if (event.what !== 'checked' || event.judgement.verdict === 'intact') continue
    const { entity, archivePath } = event.archive
    const kind = basename(archivePath).includes('-without-media-') ? 'thin' : entity.type
    found.push(...event.judgement.found.map(({ code }) => `${kind} ${code}`))
  }
  return found.sort()
}

async function references(store: Store) {
  const findings = await Array.fromAsync(store.checkReferences(new AbortController().signal))
  return findings.map((finding) => [finding.what, basename(finding.path), 'part' in finding ? finding.part : ''])
}

async function goodOf(store: Store): Promise<boolean[]> {
  return (await store.listRecords(task17)).archives.map(({ record }) => isGood(record))
}

describe('a further archive of a task with the same media', () => {
  test('is stored without them, under a name and with a record that nobody takes for a whole one’s', async () => {
    const { whole, thin } = await storeTwo()
    expect(whole.record).toMatchObject({ formatVersion: 1, archive: { fileName: expect.stringMatching(/Z-backup-/) } })
    expect(isThin(whole.record)).toBe(false)
    expect(thin.record.archive.fileName).toMatch(/^20261102T100000Z-without-media-task_17-[0-9a-f]{8}\.zip$/)
    const { fileName, sizeBytes, sha256 } = whole.record.archive
    expect(thin.record).toMatchObject({
      formatVersion: 2,
      type: 'archive',
      mediaFrom: { fileName, sizeBytes, sha256, mediaSha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      members: { count: whole.record.members.count, perTask: [{ taskId: 17, frames: 3, annotations: 1 }] },
      verification: { level: 'complete', problems: [] },
    })
    expect((await listMembers(thin.archivePath)).length).toBe(thin.record.members.count)
    expect((await listWithPython(thin.archivePath)).map(({ name }) => name)).toEqual(['task.json', 'annotations.json'])
    expect(contentBytes(thin.record)).toBeGreaterThan(thin.record.archive.sizeBytes)
  })

  test('is read as what the server had, member by member, by itself and in a snapshot', async () => {
    const { store, whole, thin } = await storeTwo()
    const wanted = await writeArchive(buildZip(planStoredTask('', plan(2))))
    const path = await writeOut(await composed(thin))
    await testWithUnzip(path)
    expect(await listWithPython(path)).toEqual(await listWithPython(wanted.archivePath))
    const inspection = await inspectArchive(path, {
      entityType: 'task',
      content: { kind: 'backup' },
      digestsMedia: true,
    })
    expect(inspection).toMatchObject({
      level: 'complete',
      problems: [],
      mediaSha256: thin.record.mediaFrom?.mediaSha256,
    })
    await using source = await openSourceArchive(thin.archivePath)
    for (const { name, data } of planStoredTask('', plan(2))) {
      expect(await source.readText((await source.find(name))!, 1e6)).toBe(data)
    }
    expect(await source.find('data/none.png')).toBeUndefined()

    const other = await storeTask(store, { id: 18, createdAt: at(2, 11) })
    const before = await storeSnapshot(store, { createdAt: at(1), parts: [whole, other] })
    const snapshot = await storeSnapshot(store, { createdAt: at(2), parts: [thin, other] })
    expect([before.record.formatVersion, snapshot.record.formatVersion]).toEqual([1, 2])
    const members = planProject(
      planStoredTask('task_0/', plan(2)),
      planStoredTask('task_1/', { id: 18, createdAt: at(2, 11) }),
    )
    const assembled = await assembleOf(snapshot)
    expect(await listWithPython(await writeOut(assembled))).toEqual(
      await listWithPython((await writeArchive(buildZip(members))).archivePath),
    )
    // From anywhere, as an upload that goes on does.
    const all = await readFile(await writeOut(assembled))
    for (const start of [0, 60, 700, all.length - 200])
      expect(await assembled.read(start, 150)).toEqual(all.subarray(start, start + 150))
  })

  test('takes them from a whole archive, never from one that lacks its own', async () => {
    const { store, whole } = await storeTwo()
    const third = await storeTask(store, plan(3))
    expect(third.record.mediaFrom?.fileName).toBe(whole.record.archive.fileName)
    // What has not changed is the same file.
    const again = await storeTask(store, { ...plan(4), seed: at(3, 10) })
    expect(again.record.archive.sha256).toBe(third.record.archive.sha256)
    const forged = { ...third.record.mediaFrom!, fileName: again.record.archive.fileName }
    const text = JSON.stringify({ ...third.record, mediaFrom: forged })
    await writeFile(third.recordPath, text)
    expect(await store.listRecords(task17)).toMatchObject({ unrecognised: [{ reason: 'broken-record' }] })
    await expect(openSourceArchive(third.archivePath)).rejects.toMatchObject({ code: 'no-media-record' })
  })

  test.each([
    ['other pictures', { media: 'dogs' }],
    ['a setting that says no', { mediaOnce: false }],
  ])('is stored whole with %s', async (_, change) => {
    const store = await openTestStore()
    await storeTask(store, plan(1))
    const second = await storeTask(store, { ...plan(2), ...change })
    expect(isThin(second.record)).toBe(false)
    // And is what the next one takes its media from.
    const third = await storeTask(store, { ...plan(3), ...change, mediaOnce: true })
    expect(third.record.mediaFrom?.fileName).toBe(second.record.archive.fileName)
  })

  test('is stored whole where the earlier one has rotted, though nobody knew', async () => {
    const store = await openTestStore()
    const whole = await storeTask(store, plan(1))
    await flipByte(whole.archivePath, await findText(whole.archivePath, 'pixels of'))
    const second = await storeTask(store, plan(2))
    expect(isThin(second.record)).toBe(false)
    expect(await verify(store)).toEqual(['task bit-rot'])
  })

  test('is stored whole when the disk refuses the smaller one', async () => {
    const store = await openTestStore()
    await storeTask(store, plan(1))
    const files = interfere(({ name }) => {
      if (name === 'handle.write') throw systemError('ENOSPC')
    })
    const second = await storeTask(store, { ...plan(2), files })
    expect(isThin(second.record)).toBe(false)
    expect(await readdir(join(store.directory, '.cvat-backups/partial'))).toEqual([])
  })

  test('that was killed at any operation is there, or will be, and never without its media', async () => {
    for (let step = 1; ; step++) {
      const store = await openTestStore()
      const whole = await storeTask(store, plan(1))
      let left = step
      const files = interfere(() => {
        left -= 1
        if (left < 0) throw systemError('EIO')
      })
      const dying = openStore({ directory: store.directory, files })
      await storeTask(dying, { ...plan(2), files }).catch(() => undefined)
      await store.recover({ isActive: () => false, graceMs: 0 })
      const { archives, unrecognised } = await store.listRecords(task17)
      expect(unrecognised).toEqual([])
      for (const archive of archives) {
        expect(await store.checkMedia(archive)).toEqual([])
        const day = archive.record.createdAt === whole.record.createdAt ? 1 : 2
        const wanted = await writeArchive(buildZip(planStoredTask('', plan(day))))
        expect(await listMembers(await writeOut(await composed(archive)))).toEqual(
          await listMembers(wanted.archivePath),
        )
      }
      expect(archives.at(-1)?.record).toEqual(whole.record)
      if (left < 0) continue
      expect(isThin(archives[0]!.record)).toBe(true)
      expect(step).toBeGreaterThan(15)
      return
    }
  })
})

describe('an archive without media whose media have gone or are damaged', () => {
  test('is found by verify, as are the snapshots that are made of it, until they are back', async () => {
    const { store, whole, thin } = await storeTwo()
    await storeSnapshot(store, { createdAt: at(2), parts: [thin] })
    expect(await verify(store)).toEqual([])
    expect(await references(store)).toEqual([])
    await rename(whole.archivePath, `${whole.archivePath}.away`)
    const part = `task-17/${basename(whole.archivePath)}`
    const found = await references(store)
    expect(found).toEqual([
      ['missing-part', basename(thin.archivePath), part],
      ['missing-part', expect.stringContaining('snapshot'), part],
    ])
    expect(await verify(store)).toEqual(['project part-missing', 'thin part-missing'])
    expect(await goodOf(store)).toEqual([false])
    expect(await references(store)).toEqual([])
    await expect(openSourceArchive(thin.archivePath)).rejects.toMatchObject({ code: expect.any(String) })
    await rename(`${whole.archivePath}.away`, whole.archivePath)
    expect(await verify(store)).toEqual([])
    expect(await goodOf(store)).toEqual([true, true])
  })

  test('is marked in the pass that finds the damage, whichever came first', async () => {
    const { store, whole, thin } = await storeTwo()
    await storeSnapshot(store, { createdAt: at(2), parts: [thin] })
    await flipByte(whole.archivePath, await findText(whole.archivePath, 'pixels of'))
    expect(await verify(store, 'whole')).toContain('task bit-rot')
    expect(await goodOf(store)).toEqual([false, false])
    const [snapshot] = (await store.listRecords(project6)).archives
    expect(snapshot!.record.verification.problems).toMatchObject([{ code: 'part-damaged', taskId: 17 }])
    // The next backup is whole again.
    const next = await storeTask(store, plan(3))
    expect(isThin(next.record)).toBe(false)
    expect((await store.newestGood({ entity: task17, content: { kind: 'backup' } }, serverUrl))?.archivePath).toBe(
      next.archivePath,
    )
  })

  test('is a fault of its own bytes only where these have changed', async () => {
    const { store, thin } = await storeTwo()
    await flipByte(thin.archivePath, await findText(thin.archivePath, 'rectangle'))
    expect(await verify(store)).toEqual(['thin bit-rot'])
  })

  test('cannot be read where its record is not', async () => {
    const { thin } = await storeTwo()
    await rm(thin.recordPath)
    await expect(openSourceArchive(thin.archivePath)).rejects.toMatchObject({ code: 'no-media-record' })
  })
})

test('a snapshot with such a part, whose record was changed, is nothing that could be relied on', async () => {
  const { store, thin } = await storeTwo()
  const { recordPath, record } = await storeSnapshot(store, { createdAt: at(2), parts: [thin] })
  expect(isSnapshot(record)).toBe(true)
  const { mediaFrom: _, ...part } = record.snapshot!.parts[0]!
  await writeFile(
    recordPath,
    JSON.stringify({ ...record, formatVersion: 1, snapshot: { ...record.snapshot, parts: [part] } }),
  )
  expect(await store.listRecords(project6)).toMatchObject({ unrecognised: [{ reason: 'broken-record' }] })
})

test('a task’s archive of another shape has no digest of its media, and is kept as it is', async () => {
  const members = planTask()
  const digest = async (plans: typeof members) => {
    const { archivePath } = await writeArchive(buildZip(plans))
    return (await inspectArchive(archivePath, { entityType: 'task', content: { kind: 'backup' }, digestsMedia: true }))
      .mediaSha256
  }
  const usual = await digest(members)
  expect(usual).toMatch(/^[0-9a-f]{64}$/)
  expect(await digest([members.at(-1)!, ...members.slice(0, -1)])).toBeUndefined()
  expect(await digest(members.filter(({ name }) => !name.startsWith('data/')))).toBeUndefined()
  expect(await digest([members[1]!, members[0]!, ...members.slice(2)])).not.toBe(usual)
  expect(await digest(planTask('', { name: 'renamed', media: 'a task' }))).toBe(usual)
})
