// Whatever goes wrong at the server or on the way: each project is on the target once, or the failure says what is there.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describeRow } from '../../../cli/restore/report.ts'
import { readMembers } from '../../contracts/zip-shape.ts'
import { fixtures } from '../../shared/composition/composed-files.ts'
import { buildZip } from '../../shared/store/build-zip.ts'
import { observe } from '../../shared/store/plan-backup.ts'
import { storeFile } from '../../shared/store/store-file.ts'
import { project6 } from '../../shared/store/store-fixture.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { waitFor } from '../../support/wait-for.ts'
import { describePayload, openRestoreFixture, type RestoreFixture, storeProject } from './restore-fixture.ts'

expectNoLeaks()

const post = { method: 'POST', route: '/api/projects/backup/' } as const
const patch = { method: 'PATCH', route: '/api/projects/backup/{upload}' } as const
const isFinish = ({ query }: { query: URLSearchParams }) => /^\d+_/.test(query.get('filename') ?? '')
const finish = { ...post, where: isFinish }

async function start(...args: Parameters<typeof openRestoreFixture>) {
  const fixture = await openRestoreFixture(...args)
  const archive = await storeProject(fixture.store)
  return { ...fixture, archive, run: () => fixture.restore(archive) }
}

/** One project, without differences and without its mark; nothing is waiting for anybody. */
async function expectOnce(fixture: RestoreFixture & { run: RestoreFixture['restore'] | (() => Promise<unknown>) }) {
  expect(await (fixture.run as () => Promise<unknown>)()).toMatchObject({ differences: [] })
  expect(fixture.present()).toEqual(['alpha'])
  expect(fixture.target.stats.errors).toEqual([])
}

const uploads = (fixture: RestoreFixture) => fixture.target.stats.requestCount('POST /api/projects/backup/', 201)
const imports = (fixture: RestoreFixture) =>
  fixture.target.imports.requests.filter(({ order }) => order.subresource === 'backup').length

describe('an upload', () => {
  it('goes on after each cut connection, with what had arrived', async () => {
    const fixture = await start()
    for (const nth of [1, 2, 4, 5, 7]) {
      fixture.target.faults.add({ ...patch, nth, fault: { kind: 'cut-upload', afterBytes: 300 * nth } })
    }
    await expectOnce(fixture)
    expect(uploads(fixture)).toBe(1)
  })

  it('goes on where the server has taken nothing of a cut part', async () => {
    const fixture = await start()
    const fault = { kind: 'cut-upload', afterBytes: 100, counted: 'none' } as const
    fixture.target.faults.add({ ...patch, nth: [1, 2, 3], fault })
    await expectOnce(fixture)
    expect(uploads(fixture)).toBe(1)
  })

  it('that was sent, and the last answer lost, is finished and not sent again', async () => {
    const fixture = await start({}, { chunkBytes: 1e6 })
    fixture.target.faults.add({ ...patch, nth: 1, fault: { kind: 'drop', when: 'after' } })
    await expectOnce(fixture)
    expect(uploads(fixture)).toBe(1)
    expect(fixture.target.stats.requestCount('PATCH /api/projects/backup/{upload}')).toBeLessThanOrEqual(1)
  })

  it('asks for the offset after each lost answer, also one that says 409', async () => {
    const fixture = await start()
    fixture.target.faults.add({ ...patch, nth: [2, 4], fault: { kind: 'drop', when: 'after' } })
    fixture.target.faults.add({
      ...patch,
      nth: 3,
      fault: {
        kind: 'answer',
        answer: { status: 409, contentType: 'text/plain', body: Buffer.alloc(0), headers: {}, origin: 'api' },
      },
    })
    await expectOnce(fixture)
    expect(uploads(fixture)).toBe(1)
  })

  it('is sent in smaller parts where a proxy refuses large ones', async () => {
    const bytes = await largeArchive()
    const fixture = await openRestoreFixture({ maxRequestBytes: 1_500_000 }, { chunkBytes: 64e6 })
    const observation = { ...observe(3, 3), name: 'alpha' }
    const archive = await storeFile(fixture.store, { entity: project6, bytes, observation })
    await expectOnce({ ...fixture, run: () => fixture.restore(archive) })
    expect(uploads(fixture)).toBe(1)
  })

  it('above the limit of the server itself fails with that limit', async () => {
    const fixture = await start({ maxUploadBytes: 1000 })
    await expect(fixture.run()).rejects.toMatchObject({ code: 'too-large', message: expect.stringContaining('413') })
    expect(fixture.present()).toEqual([])
  })

  it('that has expired begins again', async () => {
    const fixture = await start()
    const action = () => fixture.target.uploads.expireAll()
    fixture.target.faults.add({ ...patch, nth: 3, fault: { kind: 'run', action } })
    await expectOnce(fixture)
    expect(uploads(fixture)).toBe(2)
  })

  it('that has expired while nobody was there begins again', async () => {
    const fixture = await start()
    await interruptAt(fixture, { ...patch, nth: 3 })
    fixture.target.uploads.expireAll()
    await expectOnce(fixture)
    expect(uploads(fixture)).toBe(2)
  })

  it('that expires between its last byte and the import begins again', async () => {
    const fixture = await start()
    const action = () => fixture.target.uploads.expireAll()
    fixture.target.faults.add({ ...finish, nth: 1, fault: { kind: 'run', action } })
    await expectOnce(fixture)
    expect(uploads(fixture)).toBe(2)
    expect(imports(fixture)).toBe(1)
  })

  it('goes on after a restart with bytes that were not sent yet', async () => {
    const fixture = await start()
    await interruptAt(fixture, { ...patch, nth: 4 })
    const before = fixture.told.length
    await expectOnce(fixture)
    expect(uploads(fixture)).toBe(1)
    const sent = fixture.told.slice(before).flatMap((one) => ('sentBytes' in one ? [one.sentBytes as number] : []))
    expect(Math.min(...sent)).toBeGreaterThan(9000)
  })

  it('by a login that may not write says so, and that nothing is there', async () => {
    const fixture = await start()
    const answer = { status: 403, contentType: 'application/vnd.cvat+json', headers: {}, origin: 'api' } as const
    fixture.target.faults.add({ ...post, fault: { kind: 'answer', answer: { ...answer, body: Buffer.from('{}') } } })
    await expect(fixture.run()).rejects.toMatchObject({
      code: 'forbidden',
      hint: expect.stringContaining('may not create anything'),
    })
    expect(fixture.present()).toEqual([])
  })
})

describe('an import', () => {
  it('whose order was answered but the answer lost is found, not asked for twice', async () => {
    const fixture = await start()
    fixture.target.faults.add({ ...finish, nth: 1, fault: { kind: 'drop', when: 'after' } })
    await expectOnce(fixture)
    expect([uploads(fixture), imports(fixture)]).toEqual([1, 1])
  })

  it('whose order was lost on the way is asked for again with what was uploaded', async () => {
    const fixture = await start()
    fixture.target.faults.add({ ...finish, nth: 1, fault: { kind: 'drop', when: 'before' } })
    await expectOnce(fixture)
    expect([uploads(fixture), imports(fixture)]).toEqual([1, 1])
  })

  it('whose answer was lost is waited for as long as it is under way', async () => {
    const fixture = await start()
    fixture.target.imports.pause()
    fixture.target.faults.add({ ...finish, nth: 1, fault: { kind: 'drop', when: 'after' } })
    const running = expectOnce(fixture)
    await waitFor('it to look for imports', () => fixture.target.stats.requestCount('GET /api/requests', 200) > 1)
    expect(fixture.target.stats.requestCount('POST /api/projects/backup/', 201)).toBe(1)
    fixture.target.imports.resume()
    await running
    expect([uploads(fixture), imports(fixture)]).toEqual([1, 1])
  })

  it.each(['kill-horse', 'forget'] as const)('is made once where it is lost: %s', async (how) => {
    const fixture = await start()
    if (how === 'kill-horse') fixture.target.faults.addImport({ nth: 1, fate: { kind: 'kill-horse' } })
    else {
      fixture.target.imports.pause()
      const action = () => {
        fixture.target.imports.forgetAll()
        fixture.target.imports.resume()
      }
      fixture.target.faults.add({ method: 'GET', route: '/api/requests/{id}', nth: 1, fault: { kind: 'run', action } })
    }
    await expectOnce(fixture)
  })

  it('whose worker is gone is noticed by the list, and made once', async () => {
    const fixture = await start({ abandonedAfterMs: { list: 1, byId: 1 } })
    fixture.target.faults.addImport({ nth: 1, fate: { kind: 'kill-worker' } })
    await expectOnce(fixture)
  })

  it('of which the server has forgotten everything after it was made is found by its name', async () => {
    const fixture = await start()
    const action = () => fixture.target.imports.forgetAll()
    fixture.target.faults.addImport({ nth: 1, fate: { kind: 'hold' } })
    fixture.target.faults.add({
      method: 'GET',
      route: '/api/requests/{id}',
      nth: 1,
      fault: {
        kind: 'run',
        action: () => {
          for (const { id } of fixture.target.imports.requests) fixture.target.imports.finish(id)
        },
      },
    })
    fixture.target.faults.add({ method: 'GET', route: '/api/requests/{id}', nth: 2, fault: { kind: 'run', action } })
    await expectOnce(fixture)
    expect(uploads(fixture)).toBe(1)
  })

  it('of bytes that were damaged on their way is sent once more', async () => {
    const fixture = await start()
    fixture.target.faults.addImport({
      nth: 1,
      fate: { kind: 'fail', message: 'zipfile.BadZipFile: Bad CRC-32 for file\n' },
    })
    await expectOnce(fixture)
    expect([uploads(fixture), imports(fixture)]).toEqual([2, 2])
  })

  it('of pictures that do not fit their list is refused with what can be done', async () => {
    const fixture = await start()
    const message =
      "rest_framework.exceptions.ValidationError: [ErrorDetail(string='Incorrect file mapping to manifest content', code='invalid')]\n"
    fixture.target.faults.addImport({ nth: 1, fate: { kind: 'fail', message } })
    await expect(fixture.run()).rejects.toMatchObject({
      code: 'import-failed',
      hint: expect.stringContaining('do not fit together'),
    })
    expect(fixture.present()).toEqual([])
  })

  it('that the server refuses fails with its reason, and the next try begins with the upload', async () => {
    const fixture = await start()
    fixture.target.faults.addImport({ nth: 1, fate: { kind: 'fail', message: 'ValueError: too late\n' } })
    await expect(fixture.run()).rejects.toMatchObject({ code: 'import-failed', retryable: false })
    expect(await fixture.store.readRestoreState('test', project6)).toMatchObject({
      state: 'uploading',
      failure: { code: 'import-failed', reason: "CVAT's import failed: ValueError: too late" },
    })
    expect(fixture.present()).toEqual([])
    await expectOnce(fixture)
  })
})

describe('after a crash', () => {
  it.each([
    ['before the first byte', { ...post, nth: 1 }],
    ['while bytes are sent', { ...patch, nth: 2 }],
    ['before the import is asked for', { ...finish, nth: 1 }],
    ['while the import is followed', { method: 'GET', route: '/api/requests/{id}', nth: 1 }],
    ['while it is compared', { method: 'GET', route: '/api/tasks/{id}/data/meta', nth: 2 }],
    ['before it is renamed', { method: 'PATCH', route: '/api/projects/{id}', nth: 1 }],
  ] as const)('%s the project is there once', async (_, where) => {
    const fixture = await start()
    await interruptAt(fixture, where)
    await expectOnce(fixture)
    expect(imports(fixture)).toBe(1)
  })

  it.each([
    ['the import was asked for', finish],
    ['it was renamed', { method: 'PATCH', route: '/api/projects/{id}' }],
  ] as const)('right after %s the project is there once', async (_, where) => {
    const fixture = await start()
    const stopping = new AbortController()
    fixture.target.faults.add({ ...where, nth: 1, fault: { kind: 'silence', when: 'after' } })
    const running = fixture.restore(fixture.archive, {}, stopping.signal)
    const rejected = expect(running).rejects.toThrow('killed')
    await waitFor('the call', () => (where === finish ? imports(fixture) === 1 : fixture.present().includes('alpha')))
    stopping.abort(new Error('killed'))
    await rejected
    await expectOnce(fixture)
    expect([uploads(fixture), imports(fixture)]).toEqual([1, 1])
  })

  it('what is done is not touched again', async () => {
    const fixture = await start()
    await expectOnce(fixture)
    fixture.target.world.renameProject([...fixture.target.world.projects.keys()][0]!, 'in use')
    const before = fixture.target.stats.requestCount()
    await fixture.run()
    expect(fixture.target.stats.requestCount()).toBe(before)
    expect(fixture.present()).toEqual(['in use'])
  })

  it('what was removed from the target meanwhile is named, and made anew by the next try', async () => {
    const fixture = await start()
    await interruptAt(fixture, { method: 'PATCH', route: '/api/projects/{id}', nth: 1 })
    fixture.target.world.deleteProject([...fixture.target.world.projects.keys()][0]!)
    await expect(fixture.run()).rejects.toMatchObject({ code: 'gone-from-target' })
    await expectOnce(fixture)
  })
})

describe('where a newer archive was chosen since it was broken off', () => {
  const getsNewer = async (fixture: Awaited<ReturnType<typeof start>>) => {
    const bytes = 'project_backup.zip'
    const observation = { ...observe(4), name: 'beta' }
    return storeFile(fixture.store, { entity: project6, bytes, observation, createdAt: '2026-11-23T20:34:44.500Z' })
  }

  it.each([
    ['its import was asked for', { ...finish, nth: 1, fault: { kind: 'silence', when: 'after' } }],
    [
      'it was made',
      { method: 'GET', route: '/api/tasks/{id}/data/meta', nth: 2, fault: { kind: 'silence', when: 'before' } },
    ],
  ] as const)('after %s it is there once, as what it was made of', async (_, rule) => {
    const fixture = await start()
    await interruptBy(fixture, rule)
    const newer = await getsNewer(fixture)
    expect(await fixture.restore(newer)).toMatchObject({ differences: [] })
    expect(fixture.present()).toEqual(['alpha'])
    expect([uploads(fixture), imports(fixture)]).toEqual([1, 1])
    const { fileName, sizeBytes } = fixture.archive.record.archive
    const state = await fixture.store.readRestoreState('test', project6)
    expect(state).toMatchObject({ archive: { fileName } })
    const row = describeRow(describePayload(newer, fixture.target), newer.record.archive.sizeBytes, state)
    expect(row).toMatchObject({ result: 'restored', name: 'alpha', archive: fileName, sizeBytes })
  })

  it('and the one it was made of was removed, it is there once all the same', async () => {
    const fixture = await start()
    await interruptBy(fixture, { ...finish, nth: 1, fault: { kind: 'silence', when: 'after' } })
    const newer = await getsNewer(fixture)
    await fixture.store.removeArchive(fixture.archive)
    const { differences, notes } = await fixture.restore(newer)
    expect(fixture.present()).toEqual(['alpha'])
    expect(differences).not.toEqual([])
    const { fileName, sizeBytes } = fixture.archive.record.archive
    expect(notes).toContainEqual(expect.stringContaining(`made of ${fileName}, which is not there any more`))
    const state = await fixture.store.readRestoreState('test', project6)
    const row = describeRow(describePayload(newer, fixture.target), newer.record.archive.sizeBytes, state)
    expect(row).toMatchObject({ result: 'differs', name: 'alpha', archive: fileName, sizeBytes })
    expect([uploads(fixture), imports(fixture)]).toEqual([1, 1])
  })

  it('the one it was made of was removed, and nothing was made, it is the newer one under its own name', async () => {
    const fixture = await start()
    await interruptAt(fixture, { ...finish, nth: 1 })
    const newer = await getsNewer(fixture)
    await fixture.store.removeArchive(fixture.archive)
    expect(await fixture.restore(newer)).toMatchObject({ differences: [], notes: [] })
    expect(fixture.present()).toEqual(['beta'])
    const { fileName } = newer.record.archive
    expect(await fixture.store.readRestoreState('test', project6)).toMatchObject({
      name: 'beta',
      archive: { fileName },
    })
    expect([uploads(fixture), imports(fixture)]).toEqual([2, 1])
  })

  it('and the old one was removed while it was sent, that is said, and the newer one is sent from its beginning', async () => {
    const fixture = await start()
    await interruptAt(fixture, { ...patch, nth: 3 })
    const newer = await getsNewer(fixture)
    await fixture.store.removeArchive(fixture.archive)
    await expect(fixture.run()).rejects.toMatchObject({ code: 'no-archive', hint: expect.stringContaining('show') })
    expect(fixture.present()).toEqual([])
    expect(await fixture.restore(newer)).toMatchObject({ differences: [] })
    expect(fixture.present()).toEqual(['beta'])
    expect([uploads(fixture), imports(fixture)]).toEqual([2, 1])
  })

  it('and the one that is sent goes in the middle of it, it fails and says so', async () => {
    const fixture = await start()
    const action = () => fixture.store.removeArchive(fixture.archive)
    fixture.target.faults.add({ ...patch, nth: 2, fault: { kind: 'run', action } })
    await expect(fixture.run()).rejects.toMatchObject({
      message: expect.stringContaining(fixture.archive.record.archive.fileName),
    })
    expect(fixture.present()).toEqual([])
    const newer = await getsNewer(fixture)
    expect(await fixture.restore(newer)).toMatchObject({ differences: [] })
    expect(fixture.present()).toEqual(['beta'])
  })
})

type Rule = Parameters<RestoreFixture['target']['faults']['add']>[0]

/** Stops the handler at this call, as a kill would: nothing of what it does afterwards takes place. */
async function interruptAt(
  fixture: Awaited<ReturnType<typeof start>>,
  where: Rule extends infer One ? Omit<One, 'fault'> : never,
): Promise<void> {
  await interruptBy(fixture, { ...where, fault: { kind: 'silence', when: 'before' } })
}

async function interruptBy(fixture: Awaited<ReturnType<typeof start>>, fault: Rule): Promise<void> {
  const stopping = new AbortController()
  const rule = fixture.target.faults.add(fault)
  const running = fixture.restore(fixture.archive, {}, stopping.signal)
  const rejected = expect(running).rejects.toThrow('killed')
  await waitFor('the call', () => rule.hits > 0)
  if (fault.fault.kind === 'silence' && fault.fault.when === 'after') {
    await waitFor('its import', () => fixture.present().length === 1)
  }
  stopping.abort(new Error('killed'))
  await rejected
  rule.remove()
}

/** The same project with a picture of 5 MB. */
async function largeArchive(): Promise<Buffer> {
  const members = await readMembers(readFileSync(join(fixtures, 'project_backup_non_ascii_name.zip')))
  const large = Buffer.alloc(5e6, 'noise')
  return buildZip(
    members.map(({ shape: { name }, content }) => ({ name, data: name === 'task_0/data/img_1.jpg' ? large : content })),
  )
}
