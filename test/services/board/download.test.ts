// What a download gives: CVAT must take it, however it is kept in the directory.

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { fixtures, listMembers, testWithUnzip } from '../../shared/composition/composed-files.ts'
import { storeRealSnapshot, storeTask } from '../../shared/store/snapshot-fixture.ts'
import { openTestStore } from '../../shared/store/store-fixture.ts'
import { makeTemporaryFolder } from '../../shared/store/temporary-folder.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { openBoard } from './board-fixture.ts'

const redis = useRedis()
expectNoLeaks()

const token = 'operator-token-0123456789abcdef0123456789'

async function open() {
  const store = await openTestStore()
  const board = await openBoard(await redis.connect(), { store, tokens: [{ role: 'operator', token }] })
  const folder = await makeTemporaryFolder()
  const ask = ({ entity, record }: StoredArchive, init: RequestInit = {}) =>
    fetch(
      `${board.address}/api/v1/entities/${entity.type}-${entity.id}/archives/${encodeURIComponent(record.archive.fileName)}/content`,
      { ...init, headers: { authorization: `Bearer ${token}`, connection: 'close', ...init.headers } },
    )
  const save = async (bytes: Uint8Array) => {
    const path = join(folder, 'downloaded.zip')
    await writeFile(path, bytes)
    onTestFinished(() => rm(path, { force: true }))
    await testWithUnzip(path)
    return path
  }
  return { store, ask, save }
}

test('of a snapshot it is the archive of the whole project, and goes on where it broke off', async () => {
  const { store, ask, save } = await open()
  const snapshot = await storeRealSnapshot(store)
  const whole = await ask(snapshot)
  expect(whole.status).toBe(200)
  expect(whole.headers.get('content-disposition')).toBe('attachment; filename=project-6-alpha-20261122T210000Z.zip')
  expect(whole.headers.get('content-type')).toBe('application/zip')
  const bytes = await whole.bytes()
  expect(whole.headers.get('content-length')).toBe(String(bytes.length))
  const own = join(fixtures, 'kinds/composed_project_cvats_own.zip')
  expect(await listMembers(await save(bytes))).toEqual(await listMembers(own))

  const etag = whole.headers.get('etag')!
  const rest = await ask(snapshot, { headers: { range: 'bytes=1000-', 'if-range': etag } })
  expect([rest.status, rest.headers.get('content-range')]).toEqual([
    206,
    `bytes 1000-${bytes.length - 1}/${bytes.length}`,
  ])
  expect(Buffer.compare(await rest.bytes(), bytes.subarray(1_000))).toBe(0)
  const other = await ask(snapshot, { headers: { range: 'bytes=1000-', 'if-range': '"another"' } })
  expect([other.status, (await other.bytes()).length]).toEqual([200, bytes.length])
  const beyond = await ask(snapshot, { headers: { range: `bytes=${bytes.length}-` } })
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${bytes.length}`])
  await beyond.bytes()
  const head = await ask(snapshot, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes.length)])
})

test('of a task that is kept without media it has them', async () => {
  const { store, ask, save } = await open()
  await storeTask(store, { id: 5, createdAt: '2026-11-20T10:00:00.000Z', media: 'same', mediaOnce: true })
  const thin = await storeTask(store, { id: 5, createdAt: '2026-11-21T10:00:00.000Z', media: 'same', mediaOnce: true })
  expect(thin.record.mediaFrom).toBeDefined()
  const names = (await listMembers(await save(await (await ask(thin)).bytes()))).map(({ name }) => name)
  expect(names).toContain('task.json')
  expect(names.some((name) => name.startsWith('data/'))).toBe(true)
})

test('of a snapshot whose part has gone is refused before anything is sent', async () => {
  const { store, ask } = await open()
  const snapshot = await storeRealSnapshot(store)
  const [task] = (await store.listRecords({ type: 'task', id: 102 })).archives
  await rm(task!.archivePath)
  const refused = await ask(snapshot)
  expect(refused.status).toBe(404)
  expect(await refused.text()).not.toContain(store.directory)
})
