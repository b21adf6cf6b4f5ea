import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { EntityRef } from '#shared/model/entity.ts'
import { realFiles } from '#shared/store/file-operations.ts'
import { describeLayout } from '#shared/store/layout.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import type { VerifyEvent, VerifyOptions } from '#shared/store/verify-pass.ts'
import { verifyArchives } from '#shared/store/verify-pass.ts'
import { cutOff, editRecord, findDirectory, findText, flipByte } from './damage.ts'
import { interfere, systemError } from './interfere.ts'
import { backupOfProject6, now, openTestStore, project6, serverUrl, storeArchive } from './store-fixture.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const later = new Date('2026-12-30T02:30:00.000Z')
const never = new AbortController().signal

function options(changes: Partial<VerifyOptions> = {}): VerifyOptions {
  return { level: 'complete', checkedBefore: later, startedAt: later, signal: never, ...changes }
}

/** The same directory, some weeks later. */
function reopen({ directory }: Store, files = realFiles): Store {
  return openStore({ directory, now: () => later, files })
}

async function verify(store: Store, changes: Partial<VerifyOptions> = {}): Promise<VerifyEvent[]> {
  return Array.fromAsync(reopen(store).verifyArchives(options(changes)))
}

/** What was found, in short: `intact`, `damaged`, `failed disk-error`, `missing-record`, … */
function describeFindings(events: readonly VerifyEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.what === 'scanned' || event.what === 'checking') return []
    if (event.what === 'checked') return [event.judgement.verdict]
    return ['error' in event ? `${event.what} ${event.error.code}` : event.what]
  })
}

function checkedFiles(events: readonly VerifyEvent[]): string[] {
  return events.flatMap((event) => (event.what === 'checked' ? [basename(event.archive.archivePath)] : []))
}

async function readRecord(archive: StoredArchive) {
  return JSON.parse(await readFile(archive.recordPath, 'utf8'))
}

describe('re-checking an archive', () => {
  test('that is intact changes the date of its check and nothing else', async () => {
    const store = await openTestStore()
    const archive = await storeArchive(store)
    const before = await readRecord(archive)
    const bytes = await readFile(archive.archivePath)
    expect(describeFindings(await verify(store))).toEqual(['intact'])
    const checkedAt = later.toISOString()
    expect(await readRecord(archive)).toEqual({ ...before, verification: { ...before.verification, checkedAt } })
    expect(await readFile(archive.archivePath)).toEqual(bytes)
    expect(await readdir(join(store.directory, '.cvat-backups/partial'))).toEqual([])
  })

  test('keeps what a later version has written into the record, wherever it is', async () => {
    const store = await openTestStore()
    const archive = await storeArchive(store)
    const { members } = await readRecord(archive)
    const added = { deep: [1] }
    await editRecord(archive.recordPath, { added, members: { ...members, added }, verification: { added } })
    await verify(store)
    const record = await readRecord(archive)
    expect(record).toMatchObject({ added, members: { added } })
    expect(record.verification).toMatchObject({ added, checkedAt: later.toISOString() })
  })

  test('that was incomplete from the start leaves it so: a re-check never makes an archive better', async () => {
    const store = await openTestStore()
    const archive = await storeArchive(store, { isGood: false })
    const warnings = [{ code: 'may-be-stale', message: 'as of the download', taskId: 101 }]
    const problems = [...archive.record.verification.problems, { code: 'of-its-own', message: 'seen by somebody else' }]
    await editRecord(archive.recordPath, { verification: { problems, warnings } })
    const before = await readRecord(archive)
    expect(describeFindings(await verify(store))).toEqual(['intact'])
    const { verification } = await readRecord(archive)
    expect(verification).toEqual({ ...before.verification, checkedAt: later.toISOString() })
    expect(await store.newestGood(backupOfProject6, serverUrl)).toBeUndefined()
  })

  test('does not raise a level either when nothing is wrong with it', async () => {
    const store = await openTestStore()
    const archive = await storeArchive(store)
    await editRecord(archive.recordPath, { verification: { level: 'whole' } })
    await verify(store)
    expect((await readRecord(archive)).verification.level).toBe('whole')
  })

  test('whose bytes are right but whose content no longer passes is marked with what was found', async () => {
    const store = await openTestStore()
    const archive = await storeArchive(store, { isGood: false })
    // As a version would have stored it that did not know this check.
    await editRecord(archive.recordPath, { verification: { level: 'complete', problems: [] } })
    expect(describeFindings(await verify(store, { level: 'sound' }))).toEqual(['intact'])
    expect(describeFindings(await verify(store))).toEqual([])
    await editRecord(archive.recordPath, { verification: { checkedAt: now.toISOString() } })
    expect(describeFindings(await verify(store))).toEqual(['wanting'])
    const { verification } = await readRecord(archive)
    expect(verification).toMatchObject({ level: 'sound', problems: [{ code: 'missing-task', taskId: 102 }] })
  })

  const damages: [string, (path: string) => Promise<void>, RegExp][] = [
    [
      "in a member's data",
      async (path) => flipByte(path, await findText(path, 'pixels of')),
      /SHA-256.*picture_0\.png.*CRC-32/,
    ],
    ["in the zip's directory", async (path) => flipByte(path, await findDirectory(path)), /SHA-256/],
    ["in a member's own header", (path) => flipByte(path, 28), /SHA-256/],
    ['in a date that no CRC covers', async (path) => flipByte(path, (await findDirectory(path)) + 12), /SHA-256/],
    [
      'at the end, which makes it no zip',
      async (path) => flipByte(path, (await readFile(path)).length - 22),
      /SHA-256/,
    ],
    ['by the loss of its end', (path) => cutOff(path, 10), /bytes, not/],
    ['by the loss of everything', async (path) => writeFile(path, ''), /it has 0 bytes/],
  ]

  test.each(damages)('that was damaged %s marks it, keeps it and counts on it no more', async (_, damage, message) => {
    const store = await openTestStore()
    const archive = await storeArchive(store)
    await damage(archive.archivePath)
    const bytes = await readFile(archive.archivePath)
    const before = await readRecord(archive)
    const events = await verify(store)
    expect(describeFindings(events)).toEqual(['damaged'])
    expect(events.at(-1)).toMatchObject({ judgement: { found: [{ code: 'bit-rot' }] } })
    const { verification } = await readRecord(archive)
    expect(verification).toMatchObject({ level: 'complete', checkedAt: later.toISOString() })
    expect(verification.problems).toEqual([{ code: 'bit-rot', message: expect.stringMatching(message) }])
    expect({ ...(await readRecord(archive)), verification: before.verification }).toEqual(before)
    expect(await readFile(archive.archivePath)).toEqual(bytes)
    expect(await store.newestGood(backupOfProject6, serverUrl)).toBeUndefined()
  })

  test.each(damages.slice(0, 5))('damaged %s is found by reading no further than its digest', async (_, damage) => {
    const store = await openTestStore()
    await damage((await storeArchive(store)).archivePath)
    expect(describeFindings(await verify(store, { level: 'whole' }))).toEqual(['damaged'])
  })

  test('makes the next older good archive the newest good one', async () => {
    const store = await openTestStore()
    const older = await storeArchive(store, { backupId: 'a', seed: 'a', createdAt: '2026-11-20T00:00:00Z' })
    const newer = await storeArchive(store, { backupId: 'b', seed: 'b', createdAt: '2026-11-21T00:00:00Z' })
    await flipByte(newer.archivePath, 100)
    await verify(store)
    expect((await store.newestGood(backupOfProject6, serverUrl))?.archivePath).toBe(older.archivePath)
  })

  test('that is damaged, then put back from a copy, makes it good again', async () => {
    const store = await openTestStore()
    const archive = await storeArchive(store)
    const before = await readRecord(archive)
    const copy = join(await makeTemporaryFolder(), 'copy')
    await copyFile(archive.archivePath, copy)
    await flipByte(archive.archivePath, 100)
    await verify(store)
    await copyFile(copy, archive.archivePath)
    const tomorrow = new Date(later.getTime() + 86_400_000)
    const again = openStore({ directory: store.directory, now: () => tomorrow })
    await Array.fromAsync(again.verifyArchives(options({ checkedBefore: tomorrow, startedAt: tomorrow })))
    const { verification } = await readRecord(archive)
    expect(verification).toEqual({ ...before.verification, checkedAt: tomorrow.toISOString() })
  })
})

describe('a pass over the stored archives', () => {
  test('tells of archives and records that lost each other, and touches neither', async () => {
    const store = await openTestStore()
    const [a, b, c] = [
      await storeArchive(store, { backupId: 'a', seed: 'a' }),
      await storeArchive(store, { backupId: 'b', seed: 'b' }),
      await storeArchive(store, { backupId: 'c', seed: 'c' }),
    ]
    await rm(a.archivePath)
    await rm(b.recordPath)
    await writeFile(c.recordPath, '{"torn')
    await storeArchive(store, { backupId: 'd', seed: 'd' })
    const files = await readdir(join(store.directory, 'project-6'))
    const findings = describeFindings(await verify(store))
    expect(findings.toSorted()).toEqual(['broken-record', 'intact', 'missing-archive', 'missing-record'])
    expect(await readdir(join(store.directory, 'project-6'))).toEqual(files)
  })

  test('says nothing of a record whose archive may still be on its way', async () => {
    const store = await openTestStore()
    await rm((await storeArchive(store)).archivePath)
    const soon = new Date(now.getTime() + 3600_000)
    const young = openStore({ directory: store.directory, now: () => soon })
    const events = await Array.fromAsync(young.verifyArchives(options({ startedAt: soon, checkedBefore: soon })))
    expect(describeFindings(events)).toEqual([])
  })

  test('begins with what was not checked for longest, whatever folder it is in', async () => {
    const store = await openTestStore()
    const dates = ['2026-11-03', '2026-11-01', '2026-11-05', '2026-11-02', '2099-01-01', '2026-11-04']
    const names: string[] = []
    for (const [index, date] of dates.entries()) {
      const entity: EntityRef = { type: 'project', id: 7 + (index % 2) }
      const archive = await storeArchive(store, { entity, backupId: `b${index}`, seed: `${index}` })
      await editRecord(archive.recordPath, { verification: { checkedAt: `${date}T00:00:00.000Z` } })
      names.push(basename(archive.archivePath))
    }
    // The date that lies in the future is no date of a check: that archive is taken for one never checked.
    const expected = [4, 1, 3, 0, 5, 2].map((index) => names[index]!)
    expect(checkedFiles(await verify(store))).toEqual(expected)
    expect(checkedFiles(await verify(store))).toEqual([])
  })

  test('checks each archive once, also when there are more than are planned at a time', async () => {
    const store = await openTestStore()
    for (let index = 0; index < 7; index++) {
      const archive = await storeArchive(store, { backupId: `b${index}`, seed: `${index}` })
      if (index === 2) await flipByte(archive.archivePath, 100)
    }
    const layout = describeLayout(store.directory)
    const unreadable = interfere(({ name, path }) => {
      if (name === 'handle.read' && path.endsWith(failing)) throw systemError('EIO')
    })
    const failing = basename((await store.listRecords(project6)).archives[4]!.archivePath)
    const events = await Array.fromAsync(verifyArchives(unreadable, layout, () => later, options(), 2))
    expect(events.filter(({ what }) => what === 'scanned')).toHaveLength(1)
    expect(describeFindings(events).toSorted()).toEqual([
      'damaged',
      'failed disk-error',
      ...Array.from({ length: 5 }, () => 'intact'),
    ])
    expect(new Set(checkedFiles(events)).size).toBe(6)
  })

  test('leaves out what was checked since the given time', async () => {
    const store = await openTestStore()
    const due = await storeArchive(store, { backupId: 'a', seed: 'a' })
    const fresh = await storeArchive(store, { backupId: 'b', seed: 'b' })
    await editRecord(fresh.recordPath, { verification: { checkedAt: '2026-12-29T00:00:00.000Z' } })
    const events = await verify(store, { checkedBefore: new Date('2026-12-01T00:00:00Z') })
    expect(checkedFiles(events)).toEqual([basename(due.archivePath)])
    expect(events[0]).toMatchObject({ what: 'scanned', scan: { archives: 2, due: 1 } })
  })

  test('looks only at the entities that are named', async () => {
    const store = await openTestStore()
    const other: EntityRef = { type: 'project', id: 9 }
    await storeArchive(store)
    const named = await storeArchive(store, { entity: other, backupId: 'b' })
    expect(checkedFiles(await verify(store, { entities: [other] }))).toEqual([basename(named.archivePath)])
  })

  test('ends with the archive that uses up its budget', async () => {
    const store = await openTestStore()
    for (let index = 0; index < 4; index++) await storeArchive(store, { backupId: `b${index}`, seed: `${index}` })
    const oneAndABit = ({ archiveBytes }: { archiveBytes: number }) => archiveBytes / 4 + 1
    expect(checkedFiles(await verify(store, { chooseBudget: oneAndABit }))).toHaveLength(2)
    expect(checkedFiles(await verify(store, { chooseBudget: () => 0 }))).toHaveLength(0)
    expect(checkedFiles(await verify(store))).toHaveLength(2)
  })

  test('stops when asked to, and the next one goes on where it stopped', async () => {
    const store = await openTestStore()
    const all: string[] = []
    for (let index = 0; index < 4; index++) {
      all.push(basename((await storeArchive(store, { backupId: `b${index}`, seed: `${index}` })).archivePath))
    }
    const stopping = new AbortController()
    const seen: VerifyEvent[] = []
    const interrupted = async () => {
      for await (const event of reopen(store).verifyArchives(options({ signal: stopping.signal }))) {
        seen.push(event)
        // In the middle of the third: it has begun and is not over.
        if (checkedFiles(seen).length === 2 && event.what === 'checking') stopping.abort(new Error('stop'))
      }
    }
    await expect(interrupted()).rejects.toThrow('stop')
    const rest = checkedFiles(await verify(store))
    expect(rest).toHaveLength(2)
    expect([...checkedFiles(seen), ...rest].toSorted()).toEqual(all.toSorted())
  })

  test.each(['open', 'handle.read', 'lstat'])('goes on after a disk error at %s of one archive', async (operation) => {
    const store = await openTestStore()
    const bad = await storeArchive(store, { backupId: 'a', seed: 'a' })
    const good = await storeArchive(store, { backupId: 'b', seed: 'b' })
    const before = await readFile(bad.recordPath, 'utf8')
    let listed = false
    const files = interfere(({ name, path }) => {
      if (name === 'opendir') listed = true
      if (listed && name === operation && path === bad.archivePath && isChecking) throw systemError('EIO')
    })
    let isChecking = false
    const events: VerifyEvent[] = []
    for await (const event of reopen(store, files).verifyArchives(options())) {
      isChecking = event.what === 'checking'
      events.push(event)
    }
    expect(describeFindings(events).toSorted()).toEqual(['failed disk-error', 'intact'])
    expect(checkedFiles(events)).toEqual([basename(good.archivePath)])
    // Nothing is known about it, so nothing is written about it: it stays the first in the queue.
    expect(await readFile(bad.recordPath, 'utf8')).toBe(before)
  })

  test('tells of damage also where it cannot be written into the record', async () => {
    const store = await openTestStore()
    const archive = await storeArchive(store)
    await flipByte(archive.archivePath, 100)
    const files = interfere(({ name }) => {
      if (name === 'rename') throw systemError('ENOSPC')
    })
    const events = await Array.fromAsync(reopen(store, files).verifyArchives(options()))
    expect(describeFindings(events)).toEqual(['damaged', 'failed disk-full'])
  })

  test('goes on after a folder that cannot be read', async () => {
    const store = await openTestStore()
    await storeArchive(store)
    await storeArchive(store, { entity: { type: 'project', id: 9 }, backupId: 'b' })
    const files = interfere(({ name, path }) => {
      if (name === 'readdir' && path.endsWith('project-6')) throw systemError('EIO')
    })
    const events = await Array.fromAsync(reopen(store, files).verifyArchives(options()))
    expect(describeFindings(events)).toEqual(['unreadable-folder disk-error', 'intact'])
  })

  test('ends when the whole directory goes away, and does not take an empty mount point for an empty store', async () => {
    const store = await openTestStore()
    await storeArchive(store)
    await storeArchive(store, { backupId: 'b', seed: 'b' })
    let isLost = false
    const files = interfere(() => {
      if (isLost) throw systemError('ENOTCONN')
    })
    const events: VerifyEvent[] = []
    const losing = async () => {
      for await (const event of reopen(store, files).verifyArchives(options())) {
        events.push(event)
        isLost = event.what === 'checking'
      }
    }
    await expect(losing()).rejects.toMatchObject({ code: 'mount-lost' })
    expect(describeFindings(events)).toEqual([])
    const empty = openStore({ directory: await makeTemporaryFolder() })
    await expect(Array.fromAsync(empty.verifyArchives(options()))).rejects.toMatchObject({ code: 'directory-missing' })
  })

  test('passes over what retention removes meanwhile, and does not bring its record back', async () => {
    const store = await openTestStore()
    const archive = await storeArchive(store)
    const events: VerifyEvent[] = []
    for await (const event of reopen(store).verifyArchives(options())) {
      events.push(event)
      if (event.what === 'checking') await store.removeArchive(archive)
    }
    expect(describeFindings(events)).toEqual([])
    expect(await readdir(join(store.directory, 'project-6'))).toEqual([])
  })
})
