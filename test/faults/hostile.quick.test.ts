// A server, files and jobs that mean harm.

import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Queue } from 'bullmq'
import { expect, it } from 'vitest'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { buildZip } from '../shared/store/build-zip.ts'
import type { Answer } from '../simulator/answers.ts'
import { emptyWorld, login } from '../support/small-world.ts'
import { waitFor } from '../support/wait-for.ts'
import { assertNothingLost } from './assert-nothing-lost.ts'
import { faultWorld, isIncremental, openInstallation } from './installation.ts'
import { startRecordingServer } from './recording-server.ts'

const timeout = 300_000
const firstDownload = `/api/${isIncremental ? 'tasks' : 'projects'}/{id}/backup/download`

it.concurrent('hostile names stay names: nothing is written outside its own folder', { timeout }, async (test) => {
  const world = emptyWorld()
  const names = [
    '../../../../tmp/escape',
    '..\\..\\escape',
    '/etc/cron.d/escape',
    'nul\0byte',
    'x'.repeat(300),
    'ü'.repeat(200),
    '\u202egpj.exe\u2066',
    'CON',
    'aux.txt',
    '.',
    '..',
    '-rf --no-preserve-root',
    '$(touch escape)\n`id`',
    '\u001b[2J\u001b]0;title\u0007',
    '',
  ]
  for (const name of names) {
    const { id } = world.addProject({ name })
    world.addTask({ projectId: id, name, frames: 1, bytesPerFrame: 500 })
    world.addTask({ projectId: null, name, frames: 1, bytesPerFrame: 500 })
  }
  const installation = await openInstallation({ test, separate: false, world })
  const around = await readdir(dirname(installation.directory))

  const { summary } = await installation.backup()

  const found = await assertNothingLost(installation, { summary })
  expect(found.archives).toBe(names.length * 2)
  for await (const entity of installation.store.listEntities()) {
    for (const { record } of (await installation.store.listRecords(entity)).archives) {
      expect(record.archive.fileName).toMatch(/^[\w.+=@,()äöüÄÖÜß-]{1,200}\.zip$/u)
    }
  }
  const folders = Array.from(names, (_, index) => [`project-${index + 1}`]).flat()
  expect(await readdir(installation.directory)).toEqual(expect.arrayContaining(folders))
  expect((await readdir(installation.directory)).filter((name) => !/^(project|task)-\d+$/.test(name))).toEqual([
    '.cvat-backups',
  ])
  expect((await readdir(dirname(installation.directory))).sort()).toEqual([...around, 'state'].sort())
})

it.concurrent('addresses that point elsewhere get no credentials, and names in headers no say', {
  timeout,
}, async (test) => {
  const installation = await openInstallation({ test, separate: false, world: faultWorld(6) })
  const stranger = await startRecordingServer(test, 'not an archive')
  const { faults } = installation.simulator
  const elsewhere = (body: unknown, key: string) => {
    const given = (body as Record<string, unknown>)[key]
    return typeof given === 'string'
      ? { ...(body as object), [key]: given.replace(/^http:\/\/[^/]+/, stranger.url) }
      : body
  }
  const requests = faults.add({
    route: '/api/requests/{id}',
    fault: { kind: 'rewrite', json: (body) => elsewhere(body, 'result_url') },
  })
  faults.add({ route: '/api/projects', fault: { kind: 'rewrite', json: (body) => elsewhere(body, 'next') } })
  const disposition = 'attachment; filename="../../../../../../tmp/escape.zip"; filename*=UTF-8\'\'%2Fetc%2Fescape'
  const files = faults.add({
    path: /\/download$/,
    fault: { kind: 'rewrite', headers: { 'content-disposition': disposition } },
  })
  const redirect: Answer = {
    status: 302,
    contentType: null,
    body: Buffer.alloc(0),
    headers: { location: `${stranger.url}/storage`, 'content-length': '0' },
    origin: 'nginx',
  }
  const redirects = faults.add({ route: firstDownload, times: 1, fault: { kind: 'answer', answer: redirect } })

  const { summary } = await installation.backup()

  for (const rule of [requests, files, redirects]) expect(rule.hits).toBeGreaterThan(0)
  expect((await assertNothingLost(installation, { summary })).archives).toBe(6)
  expect(stranger.seen.map(({ path }) => path)).toEqual(expect.arrayContaining(['/storage']))
  for (const { headers } of stranger.seen) {
    for (const name of ['authorization', 'cookie', 'x-csrftoken']) expect(headers).not.toHaveProperty(name)
    expect(JSON.stringify(headers)).not.toContain(login.password)
  }
})

const bomb = Buffer.alloc(30_000_000)
const json = { name: 'project.json', data: '{"name":"x"}' }
it.concurrent.for([
  { name: 'a bomb', zip: buildZip([json, { name: 'task_0/data/bomb', data: bomb, deflate: true }]) },
  { name: 'an absolute path', zip: buildZip([json, { name: '/etc/cron.d/escape', data: 'x' }]) },
  { name: 'a path upwards', zip: buildZip([json, { name: '../../../escape', data: 'x' }]) },
  { name: 'a link', zip: buildZip([json, { name: 'task_0', data: '/etc', claims: { mode: 0o120777 } }]) },
  { name: 'overlapping members', zip: buildZip([json, { name: 'b', data: '{"name":"x"}', claims: { offset: 0 } }]) },
  { name: 'two members of one name', zip: buildZip([json, { ...json, data: '{"name":"y"}' }]) },
  { name: 'a member beyond everything', zip: buildZip([{ ...json, zip64: { size: 2n ** 63n, offset: 2n ** 62n } }]) },
  { name: 'more members than there are', zip: buildZip([json], { zip64: { members: 2n ** 40n } }) },
  { name: 'half a directory', zip: buildZip([json, { name: 'b', data: 'x' }]).subarray(0, -40) },
  { name: 'another size than claimed', zip: buildZip([{ ...json, claims: { size: 4_000_000_000 } }]) },
])('a file that holds $name is refused and fetched again', { timeout }, async ({ zip }, test) => {
  const installation = await openInstallation({
    test,
    separate: false,
    world: faultWorld(2),
    env: { LOG_LEVEL: 'warn' },
  })
  const headers = { 'content-length': String(zip.length) }
  const answer: Answer = { status: 200, contentType: 'application/zip', body: zip, headers, origin: 'nginx' }
  const rule = installation.simulator.faults.add({ route: firstDownload, times: 1, fault: { kind: 'answer', answer } })

  const { summary, stderr } = await installation.backup()

  expect(rule.hits).toBe(1)
  expect(stderr).toMatch(/"code":"(damaged|truncated-archive|damaged-archive|not-a-zip)"/)
  expect((await assertNothingLost(installation, { summary })).archives).toBe(2)
})

it.concurrent('an answer without an end is given up, and the run says that it is not whole', {
  timeout,
}, async (test) => {
  const installation = await openInstallation({ test, separate: false, world: faultWorld(3) })
  const body = Buffer.alloc(80_000_000, ' ')
  body.write('{"count":1,"next":null,"previous":null,"results":[')
  const headers = { 'content-length': String(body.length) }
  const answer: Answer = { status: 200, contentType: 'application/vnd.cvat+json', body, headers, origin: 'nginx' }
  const rule = installation.simulator.faults.add({ route: '/api/tasks', fault: { kind: 'answer', answer } })

  const first = await installation.backup()
  expect(first).toMatchObject({ code: 1, summary: { ok: false, listingError: expect.stringContaining('longer than') } })

  rule.remove()
  const { summary } = await installation.backup()
  expect((await assertNothingLost(installation, { summary })).archives).toBe(3)
})

it.concurrent('forged jobs are refused by name, and the next run has everything', { timeout }, async (test) => {
  const installation = await openInstallation({ test, world: faultWorld(6) })
  const stranger = await startRecordingServer(test, 'not an archive')
  await installation.start('serve')
  const connection = await connectRedis(installation.redis.address)
  test.onTestFinished(() => connection.disconnect())
  const series = { entity: { type: 'project', id: 1 }, content: { kind: 'backup' } }
  const backup = { backupId: 'run.project-1.backup', runId: 'run', series, name: 'x', organization: null, link: '' }
  const evil = '../../../../tmp/escape'
  const observation = { name: 'x', organization: null, updatedDate: '2026-11-22T20:34:44.000000Z', tasks: [] }
  const asked = { requestId: 'x', askedAt: '2026-11-22T20:34:44.000Z', serverVersion: '2.64.1', exportAttempts: 1 }
  const download = { ...backup, ...asked, observation, resultUrl: '/api/projects/1/backup/download?rq_id=x' }
  const restore = {
    restoreId: 'forged',
    entity: { type: 'project', id: 1 },
    archive: { fileName: 'a.zip', sha256: 'a'.repeat(64) },
    name: 'x',
    targetUrl: installation.simulator.url,
    organization: null,
  }
  const forged: [queue: string, data: object, named: RegExp][] = [
    ['exports', { ...backup, backupId: evil }, /backupId/],
    ['exports', { ...backup, runId: evil }, /runId/],
    ['exports', { ...backup, series: { ...series, entity: { type: 'project', id: evil } } }, /series\.entity\.id/],
    ['exports', { ...backup, series: { ...series, entity: { type: evil, id: 1 } } }, /series\.entity\.type/],
    ['downloads', { ...download, requestId: undefined }, /requestId/],
    ['downloads', { ...download, askedAt: evil }, /askedAt/],
    [
      'downloads',
      { ...download, observation: { ...download.observation, tasks: [{ id: evil }] } },
      /observation\.tasks/,
    ],
    ['downloads', {}, /backupId/],
    ['snapshots', { ...backup, full: false, backupId: evil }, /backupId/],
    ['snapshots', { ...backup, full: evil }, /full/],
    ['snapshots', { ...backup, full: false, startedAt: evil }, /startedAt/],
    ['snapshots', { ...backup, full: false, tried: [evil] }, /tried/],
    [
      'snapshots',
      { ...backup, full: false, asked: { round: 1, at: asked.askedAt, taskIds: [evil] } },
      /asked\.taskIds/,
    ],
    ['workflows', { ...backup, runId: evil }, /runId/],
    ['sweeps', { entity: { type: 'project', id: evil } }, /entity\.id/],
    ['runs', { do: 'start-run', runId: evil, mode: 'p', full: false, trigger: 'command' }, /runId/],
    ['runs', { do: 'end-run', runId: evil }, /runId/],
    ['runs', { do: 'remove-everything' }, /do/],
    ['outcomes', { ...backup, result: 'splendid' }, /result/],
    ['verifications', { startedAt: evil }, /startedAt/],
    ['restores', { ...restore, archive: { ...restore.archive, fileName: `${evil}.zip` } }, /archive\.fileName/],
    ['restores', { ...restore, archive: { ...restore.archive, sha256: evil } }, /archive\.sha256/],
    ['restores', { ...restore, restoreId: evil }, /restoreId/],
    ['restores', { ...restore, entity: { type: 'project', id: 1e30 } }, /entity\.id/],
    ['restores', { ...restore, name: 'x'.repeat(1e6) }, /name/],
    ['restores', { ...restore, as: 'x'.repeat(1e6) }, /as/],
    ['restores', { ...restore, organization: evil }, /organization/],
    ['restores', { ...restore, targetUrl: `file:///${evil}` }, /targetUrl/],
    ['restores', { ...restore, targetUrl: stranger.url }, /targetUrl|this restore is for/],
    ['restores', { ...restore, notAfter: evil }, /notAfter/],
    ['drills', { drillId: evil }, /drillId/],
    ['drills', { drillId: '20261122T203444Z-drill-../../..' }, /drillId/],
    ['drills', { drillId: 'x'.repeat(1e6) }, /drillId/],
  ]
  for (const [name, data, named] of forged) {
    const queue = new Queue(name, { connection, prefix: '{cvat-backups}' })
    const job = await queue.add('forged', data)
    await waitFor(`${name} to refuse ${JSON.stringify(data)}`, async () => (await job.getState()) === 'failed')
    const reason = (await queue.getJob(String(job.id)))?.failedReason ?? ''
    expect(reason).toMatch(/refused/)
    expect(reason).toMatch(named)
    expect(reason).not.toContain(evil)
    await queue.close()
  }
  // Everything in it is as it should be but the address: the file is asked of no one.
  const downloads = new Queue('downloads', { connection, prefix: '{cvat-backups}' })
  for (const resultUrl of ['file:///etc/passwd', `${stranger.url}/etc/passwd`, '/api/../../etc/passwd', evil]) {
    const job = await downloads.add('forged', { ...download, resultUrl })
    await waitFor(`${resultUrl} to be refused`, async () => (await job.getState()) === 'failed')
    expect((await downloads.getJob(String(job.id)))?.failedReason).toMatch(/result_url/)
  }
  await downloads.close()
  expect(stranger.seen).toEqual([])
  const { summary } = await installation.backup()
  expect((await assertNothingLost(installation, { summary })).archives).toBe(6)
})
