import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStore } from '#shared/store/open-store.ts'
import { interfere, type Operation, systemError } from './interfere.ts'
import { now, openTestStore, prepareCommit, project6, storeArchive } from './store-fixture.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const failWhen = (code: string, matches: (operation: Operation) => boolean) =>
  interfere((operation) => {
    if (matches(operation)) throw systemError(code)
  })

describe('a fault of the file system', () => {
  test.each([
    ['ENOSPC', 'disk-full', true],
    ['EDQUOT', 'disk-full', true],
    ['EROFS', 'read-only', true],
    ['EIO', 'disk-error', true],
    ['EACCES', 'permission-denied', true],
    ['ESTALE', 'mount-lost', true],
    ['ENOTCONN', 'mount-lost', true],
    ['EXDEV', 'cross-device', false],
  ])('%s while storing is told as %s', async (errno, code, retryable) => {
    const { directory } = await openTestStore()
    const store = openStore({ directory, now: () => now, files: failWhen(errno, ({ name }) => name === 'rename') })
    const error = await storeArchive(store).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ name: 'BackupError', code, retryable })
    expect((error as { hint?: string }).hint).toBeTruthy()
  })

  test('a full disk while writing a download is told', async () => {
    const { directory } = await openTestStore()
    const store = openStore({ directory, files: failWhen('ENOSPC', ({ name }) => name === 'handle.write') })
    await using partial = await store.createPartial('run.1')
    await expect(partial.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'disk-full', retryable: true })
  })

  test.each(['handle.sync', 'handle.close', 'handle.writeFile', 'rename', 'open', 'mkdir'])(
    'a disk that is full at any %s leaves nothing that cannot be finished by trying again',
    async (name) => {
      const { directory } = await openTestStore()
      const healthy = openStore({ directory, now: () => now })
      for (let nth = 1; ; nth += 1) {
        let count = 0
        const files = failWhen('ENOSPC', (operation) => operation.name === name && ++count === nth)
        const store = openStore({ directory, now: () => now, files })
        const failure = await storeArchive(store).then(
          () => undefined,
          (error: unknown) => error,
        )
        if (failure !== undefined) expect(failure).toMatchObject({ code: 'disk-full' })
        await healthy.discardPartials('run-1.project-6.backup')
        await storeArchive(healthy)
        const { archives, unrecognised } = await healthy.listRecords(project6)
        expect(unrecognised).toEqual([])
        expect(archives).toHaveLength(1)
        await rm(join(directory, 'project-6'), { recursive: true })
        if (failure === undefined) break
      }
    },
  )

  test('a backup directory is made with its parents', async () => {
    const { directory } = await openTestStore()
    const deep = join(directory, 'one/two/three')
    await openStore({ directory: deep }).checkDirectory()
    expect(await openStore({ directory: deep }).checkDirectory()).toMatchObject({ isNew: false })
  })

  test.runIf(process.platform === 'linux')('a place that takes no folders is named, not tried for ever', async () => {
    await expect(openStore({ directory: '/proc/one/two' }).checkDirectory()).rejects.toMatchObject({
      code: 'directory-missing',
      message: expect.stringContaining('/proc/one/two'),
    })
  })

  test('a file system without fsync is fine, for files and for folders', async () => {
    for (const errno of ['EINVAL', 'ENOTSUP', 'ENOSYS', 'EPERM', 'EISDIR']) {
      const { directory } = await openTestStore()
      const store = openStore({ directory, files: failWhen(errno, ({ name }) => name === 'handle.sync') })
      await store.checkDirectory()
      await storeArchive(store)
      expect((await store.listRecords(project6)).archives).toHaveLength(1)
    }
  })

  test('a folder that cannot be opened for its fsync is fine', async () => {
    const { directory } = await openTestStore()
    const isFolder = ({ name, path }: Operation) => name === 'open' && /project-6$|partial$/.test(path)
    await storeArchive(openStore({ directory, files: failWhen('EISDIR', isFolder) }))
  })

  test('a rename whose answer was lost counts as done', async () => {
    const { directory } = await openTestStore()
    const { rename } = await import('node:fs/promises')
    const files = interfere(() => undefined)
    const store = openStore({
      directory,
      now: () => now,
      files: {
        ...files,
        async rename(from, to) {
          await rename(from, to)
          if (String(to).endsWith('.zip')) throw systemError('ENOENT')
        },
      },
    })
    const { wasThere } = await storeArchive(store)
    expect(wasThere).toBe(false)
    expect((await store.listRecords(project6)).unrecognised).toEqual([])
  })

  test('links are never made, modification times never read', async () => {
    const { directory } = await openTestStore()
    const names = new Set<string>()
    const store = openStore({ directory, files: interfere(({ name }) => void names.add(name)) })
    await store.commitArchive(await prepareCommit(store))
    await store.recover({ isActive: () => false })
    expect([...names].filter((name) => /link$|utimes|chmod|copyFile/.test(name) && name !== 'unlink')).toEqual([])
  })
})

describe('checking the directory', () => {
  test('creates it, and says whether it is new', async () => {
    const directory = join(await makeTemporaryFolder(), 'deep/er')
    const store = openStore({ directory })
    expect(await store.checkDirectory()).toEqual({ isNew: true })
    expect(await store.checkDirectory()).toEqual({ isNew: false })
    expect((await readdir(join(directory, '.cvat-backups'))).toSorted()).toEqual(['partial', 'runs'])
    expect(await readdir(join(directory, '.cvat-backups/partial'))).toEqual([])
  })

  test('refuses a file', async () => {
    const path = join(await makeTemporaryFolder(), 'file')
    await writeFile(path, '')
    const refusal = { code: 'not-a-directory', retryable: false }
    await expect(openStore({ directory: path }).checkDirectory()).rejects.toMatchObject(refusal)
    await expect(openStore({ directory: join(path, 'below') }).checkDirectory()).rejects.toMatchObject(refusal)
  })

  test.each([
    ['EACCES', 'permission-denied', /uid \d+, gid \d+/],
    ['EROFS', 'read-only', /read-only/],
    ['ENOTCONN', 'mount-lost', /mount/],
    ['ENOSPC', 'disk-full', /space/],
  ])('%s is told with a hint', async (errno, code, hint) => {
    const directory = await makeTemporaryFolder()
    const store = openStore({ directory, files: failWhen(errno, ({ name }) => name === 'rename') })
    await expect(store.checkDirectory()).rejects.toMatchObject({ code, hint: expect.stringMatching(hint) })
    expect(await readdir(join(directory, '.cvat-backups/partial'))).toEqual([])
  })
})
