import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { chooseDrills, orderDrills } from '#services/restorer/choose-drills.ts'
import type { RestoreDeps } from '#services/restorer/restore-work.ts'
import { assertDrilled, makeDrillId, runDrill } from '#services/restorer/run-drill.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import { judgeDrill } from '#shared/store/judge-drill.ts'
import { archiveRecordSchema, isGood, provenLevel } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { buildZip, type MemberPlan } from '../../shared/store/build-zip.ts'
import { observe, planTask, withData, without } from '../../shared/store/plan-backup.ts'
import { storeFile } from '../../shared/store/store-file.ts'
import { serverUrl } from '../../shared/store/store-fixture.ts'
import { troubledAnswers } from '../../simulator/faults.ts'
import { openRestoreFixture, type RestoreFixture, storeProject } from './restore-fixture.ts'

const project: EntityRef = { type: 'project', id: 6 }
const task: EntityRef = { type: 'task', id: 101 }

describe('a drill', () => {
  it('restores an archive, compares, removes what it made, and keeps the proof beside the archive', async () => {
    const fixture = await openRestoreFixture()
    await storeProject(fixture.store)
    const before = (await read(fixture, project)).record
    const report = await drill(fixture, [project])
    expect(report.archives).toMatchObject([{ entity: 'project-6', result: 'restored', differences: [] }])
    expect(fixture.present()).toEqual([])
    const { record } = await read(fixture, project)
    expect(record.verification.drill).toMatchObject({ ok: true, target: fixture.target.url, targetVersion: '2.64.1' })
    expect(isGood(record)).toBe(true)
    expect(provenLevel(record)).toBe('restored')
    // What checking had found is still known, and a version that knows no drills reads the record as before.
    expect({ ...record.verification, drill: undefined }).toEqual({ ...before.verification, drill: undefined })
    expect(await fixture.store.listOpenDrills()).toEqual([])
    expect(() => assertDrilled(report)).not.toThrow()
  })

  it('finds a frame that was lost together with its checksums', async () => {
    const fixture = await openRestoreFixture()
    const archive = await storeFile(fixture.store, {
      entity: task,
      bytes: buildZip(threeFrames()),
      observation: observe(3),
    })
    await plant(archive, losePicture(threeFrames()))
    expect(await verify(fixture, 'sound')).toEqual(['intact'])
    const report = await drill(fixture, [task])
    expect(report.archives).toMatchObject([{ result: 'differs' }])
    expect(report.archives[0]?.differences).toContainEqual({
      where: expect.stringContaining('task_0 "alpha'),
      what: 'frames: the archive has 2, the server had 3 when it was backed up',
    })
    const { record } = await read(fixture, task)
    expect(isGood(record)).toBe(false)
    expect(record.verification.problems).toMatchObject([
      { code: 'not-restored', message: expect.stringContaining('the server had 3') },
    ])
    // So the next run takes nothing for backed up.
    expect(await fixture.store.newestGood({ entity: task, content: { kind: 'backup' } }, serverUrl)).toBeUndefined()
    expect(fixture.present()).toEqual([])
    expect(() => assertDrilled(report)).toThrow(/1 of 1 archives were not restored.*the server had 3/)
    await verify(fixture, 'sound')
    const { record: verified } = await read(fixture, task)
    expect(verified.verification.problems.map(({ code }) => code)).toContain('not-restored')
  })

  it('names an archive that CVAT refuses, and takes that back when a later drill goes well', async () => {
    const fixture = await openRestoreFixture()
    await storeProject(fixture.store)
    fixture.target.faults.addImport({ times: 1, fate: { kind: 'fail', message: 'KeyError: 1' } })
    expect((await drill(fixture, [project])).archives).toMatchObject([{ result: 'refused', code: 'import-failed' }])
    expect(isGood((await read(fixture, project)).record)).toBe(false)
    expect((await drill(fixture, [project])).archives).toMatchObject([{ result: 'restored' }])
    const { record } = await read(fixture, project)
    expect(record.verification.problems).toEqual([])
    expect(provenLevel(record)).toBe('restored')
  })

  it('holds a server in trouble against no archive', async () => {
    const fixture = await openRestoreFixture()
    await storeProject(fixture.store)
    const message = 'OSError: [Errno 28] No space left on device'
    fixture.target.faults.addImport({ fate: { kind: 'fail', message } })
    const report = await drill(fixture, [project])
    expect(report.archives).toMatchObject([{ result: 'failed', code: 'import-failed' }])
    const { record } = await read(fixture, project)
    expect(record.verification).toMatchObject({ problems: [] })
    expect(record.verification.drill).toBeUndefined()
    expect(() => assertDrilled(report)).toThrow(/No space left/)
  })

  it('ends at once where the login may not write, says so, and holds it against no archive', async () => {
    const fixture = await openRestoreFixture()
    await storeProject(fixture.store)
    fixture.target.faults.add({
      method: 'POST',
      path: /projects\/backup/,
      fault: { kind: 'answer', answer: troubledAnswers.denied() },
    })
    await expect(drill(fixture, [project])).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('may not create projects and tasks'),
      hint: expect.stringContaining('CVAT_RESTORE_USERNAME'),
    })
    expect((await read(fixture, project)).record.verification.drill).toBeUndefined()
  })

  it('leaves alone what has lost its mark, and what holds a task of somebody else', async () => {
    const fixture = await openRestoreFixture()
    const { world, faults } = fixture.target
    await storeProject(fixture.store)
    const renamed = faults.add({
      method: 'DELETE',
      times: 1,
      fault: { kind: 'answer', answer: troubledAnswers.denied() },
    })
    const first = await drill(fixture, [project])
    expect(renamed.hits).toBe(1)
    expect(first.archives[0]?.left).toContain('[drill ')
    expect(() => assertDrilled(first)).toThrow()
    const [scratch] = [...world.projects.values()]
    world.addTask({ projectId: scratch!.id, name: 'mine', frames: 1 })
    const second = await drill(fixture, [])
    expect(second.leftovers).toMatchObject([{ isLeft: true, what: expect.stringContaining('3 tasks, and 2 were') }])
    Object.assign(scratch!, { name: 'mine now' })
    const third = await drill(fixture, [])
    expect(third.leftovers).toMatchObject([{ isLeft: false, what: expect.stringContaining('another name') }])
    expect((await drill(fixture, [])).leftovers).toEqual([])
    expect(fixture.present()).toEqual(['mine now'])
  })

  it('cleans up after interrupted ones, and touches nothing that looks like theirs', async () => {
    const fixture = await openRestoreFixture()
    await storeProject(fixture.store)
    const { world } = fixture.target
    world.addProject({ name: 'alpha' })
    world.addProject({ name: 'alpha [drill 0123456789ab]' })
    for (const path of [/requests/, /labels/, /projects\/\d+$/]) {
      const stopping = new AbortController()
      const rule = fixture.target.faults.add({
        path,
        times: 1,
        fault: { kind: 'run', action: () => stopping.abort(new Error('killed')) },
      })
      await expect(drill(fixture, [project], stopping.signal)).rejects.toThrow('killed')
      expect(rule.hits).toBe(1)
      expect(await fixture.store.listOpenDrills()).toHaveLength(1)
      const { leftovers } = await drill(fixture, [])
      expect(leftovers).toMatchObject([{ isLeft: false, what: expect.stringContaining('was removed') }])
      expect(fixture.present()).toEqual(['alpha', 'alpha [drill 0123456789ab]'])
      expect(await fixture.store.listOpenDrills()).toEqual([])
    }
  })

  it('drills nothing twice when it is taken up again', async () => {
    const fixture = await openRestoreFixture()
    await storeProject(fixture.store, 6)
    await storeProject(fixture.store, 7)
    const drillId = makeDrillId(new Date())
    const both: EntityRef[] = [project, { type: 'project', id: 7 }]
    const stopping = new AbortController()
    fixture.target.faults.add({
      path: /labels/,
      nth: 2,
      fault: { kind: 'run', action: () => stopping.abort(new Error('killed')) },
    })
    await expect(drill(fixture, both, stopping.signal, drillId)).rejects.toThrow('killed')
    const done = (await fixture.store.readDrillReport(drillId))?.archives.length ?? 0
    const imports = fixture.target.imports.requests.length
    const report = await drill(fixture, both, undefined, drillId)
    expect(report.archives.map(({ entity, result }) => [entity, result])).toEqual([
      ['project-6', 'restored'],
      ['project-7', 'restored'],
    ])
    expect(fixture.target.imports.requests.length - imports).toBe(2 - done)
    expect(fixture.present()).toEqual([])
  })
})

describe('a drill that another process carries out', () => {
  const leave = async (aliveAt: Date) => {
    const fixture = await openRestoreFixture()
    await storeProject(fixture.store)
    const stopping = new AbortController()
    fixture.target.faults.add({
      path: /labels/,
      times: 1,
      fault: { kind: 'run', action: () => stopping.abort(new Error('killed')) },
    })
    await expect(drill(fixture, [project], stopping.signal)).rejects.toThrow('killed')
    const [drillId] = await fixture.store.listOpenDrills()
    const report = await fixture.store.readDrillReport(drillId!)
    const holder = { host: 'another machine', pid: 1 }
    await fixture.store.writeDrillReport({ ...report!, holder, aliveAt: aliveAt.toISOString() })
    return fixture
  }

  it('keeps what it has made as long as it shows itself', async () => {
    const fixture = await leave(new Date())
    const { leftovers } = await drill(fixture, [])
    expect(leftovers).toMatchObject([{ isLeft: false, what: expect.stringContaining('under way on another machine') }])
    expect(fixture.present()).toEqual([expect.stringMatching(/^alpha \[drill /)])
  })

  it('is cleaned up after once it has long been silent', async () => {
    const fixture = await leave(new Date(Date.now() - 10 * 60_000))
    await drill(fixture, [])
    expect(fixture.present()).toEqual([])
  })
})

describe('the turns of a drill', () => {
  it('come round: never drilled before all, then the longest undrilled', async () => {
    const fixture = await openRestoreFixture()
    for (const id of [6, 7, 8]) await storeProject(fixture.store, id)
    const order: number[] = []
    for (let night = 0; night < 6; night++) {
      const [next] = await chooseDrills(fixture.store, serverUrl, 1, new AbortController().signal)
      order.push(next!.id)
      await drill(fixture, [next!])
      // A new archive every night wins nobody a turn.
      if (next!.id === 6)
        await storeFile(fixture.store, {
          entity: project,
          bytes: 'project_backup_non_ascii_name.zip',
          observation: { ...observe(3, 3), name: 'alpha' },
          createdAt: '2026-11-24T20:34:44.500Z',
        })
    }
    expect(order).toEqual([6, 7, 8, 6, 7, 8])
  })

  it('are decided by the last drill, then by age', () => {
    const rows = [
      { entity: { type: 'task', id: 1 }, drilledAtMs: 5, createdAt: '2026-01-01T00:00:00Z' },
      { entity: { type: 'task', id: 2 }, drilledAtMs: 0, createdAt: '2026-01-03T00:00:00Z' },
      { entity: { type: 'task', id: 3 }, drilledAtMs: 0, createdAt: '2026-01-02T00:00:00Z' },
    ] as const
    expect(orderDrills(rows).map(({ entity }) => entity.id)).toEqual([3, 2, 1])
  })
})

it('keeps what checking had found, whatever a drill says', () => {
  const verification = { level: 'fresh' as const, checkedAt: '2026-11-22T00:00:00Z', problems: [], warnings: [] }
  const proof = {
    at: '2026-11-23T00:00:00Z',
    drillId: 'd',
    target: 't',
    targetVersion: '2.64.1',
    differences: [],
    notes: [],
  }
  const bad = judgeDrill(verification, { ...proof, ok: false, reason: 'no' })
  expect(bad).toMatchObject({ level: 'fresh', problems: [{ code: 'not-restored' }] })
  expect(judgeDrill(bad, { ...proof, ok: false, reason: 'no' }).problems).toHaveLength(1)
  expect(judgeDrill(bad, { ...proof, ok: true })).toMatchObject({ level: 'fresh', problems: [] })
})

it('reads on where a later version has written a drill that this one does not understand', async () => {
  const fixture = await openRestoreFixture()
  const { record } = await storeProject(fixture.store)
  const odd = { ...record, verification: { ...record.verification, drill: { at: 'some day' } } }
  expect(archiveRecordSchema.parse(odd).verification.drill).toBeUndefined()
})

async function drill(
  { deps, logs }: RestoreFixture,
  entities: EntityRef[],
  signal = new AbortController().signal,
  drillId = makeDrillId(new Date()),
) {
  const request = { drillId, source: serverUrl, targetVersion: '2.64.1', entities }
  return runDrill(request, { signal, logger: logs.logger, progress: async () => {} }, deps satisfies RestoreDeps)
}

async function read({ store }: RestoreFixture, entity: EntityRef): Promise<StoredArchive> {
  return (await store.listRecords(entity)).archives[0]!
}

async function verify({ store }: RestoreFixture, level: 'sound' | 'complete'): Promise<string[]> {
  const now = new Date(Date.now() + 3600_000)
  const verdicts: string[] = []
  const signal = new AbortController().signal
  for await (const event of store.verifyArchives({ level, checkedBefore: now, startedAt: now, signal })) {
    if (event.what === 'checked') verdicts.push(event.judgement.verdict)
  }
  return verdicts
}

function threeFrames(): MemberPlan[] {
  const members = planTask('', { frames: 3 })
  const json = JSON.parse(String(members.find(({ name }) => name === 'task.json')!.data))
  const whole = { ...json, version: '1.0', subset: '', status: 'annotation', mode: 'annotation' }
  const annotations = [{ version: 0, tags: [], shapes: [], tracks: [] }]
  return withData(
    withData(members, 'task.json', JSON.stringify(whole)),
    'annotations.json',
    JSON.stringify(annotations),
  )
}

/** Everything in the archive is made to fit; only what the server had said is left to tell. */
function losePicture(members: MemberPlan[]): MemberPlan[] {
  const textOf = (name: string) => String(members.find((member) => member.name === name)!.data)
  const manifest = textOf('data/manifest.jsonl').replace(/.*picture_2.*\n/, '')
  const taskJson = textOf('task.json').replace('"stop_frame":2', '"stop_frame":1')
  const fewer = without(members, /picture_2/)
  return withData(withData(fewer, 'data/manifest.jsonl', manifest), 'task.json', taskJson)
}

async function plant({ archivePath, recordPath, record }: StoredArchive, members: MemberPlan[]): Promise<void> {
  const bytes = buildZip(members)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const rename = (path: string) => path.replace(record.archive.sha256.slice(0, 8), sha256.slice(0, 8))
  const fitting = {
    ...record,
    archive: { fileName: rename(record.archive.fileName), sizeBytes: bytes.length, sha256 },
    members: { count: members.length, perTask: [{ ...record.members.perTask[0], frames: 2 }] },
  }
  await Promise.all([rm(archivePath), rm(recordPath)])
  await writeFile(rename(archivePath), bytes)
  await writeFile(rename(recordPath), JSON.stringify(fitting))
}
