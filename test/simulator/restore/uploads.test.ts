// Uploads as CVAT speaks TUS, and what goes wrong with them.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildZip } from '../../shared/store/build-zip.ts'
import { troubledAnswers } from '../faults.ts'
import { asAdmin, call, callJson, fetchBackup } from '../raw-client.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import { createWorld } from '../test-world.ts'
import {
  askOffset,
  askRequest,
  createUpload,
  finishUpload,
  formWith,
  type RequestBody,
  restore,
  send,
  sendBytes,
  upload,
} from './upload-client.ts'

const archive = readFileSync(new URL('../../fixtures/archives/task_backup.zip', import.meta.url))
const root = '/api/tasks/backup/'
const patch = '/api/tasks/backup/{upload}'

async function start(capacity: object = {}): Promise<Simulator> {
  return await startSimulator({ world: createWorld(), capacity: { basicCostMs: 0, importMs: 1, ...capacity } })
}

describe('an upload', () => {
  it('is addressed below the host that the client named', async () => {
    await using simulator = await start()
    const outcome = await call(simulator, root, {
      method: 'POST',
      headers: { ...asAdmin, host: 'cvat.example:8080', 'upload-length': '10' },
    })
    expect(outcome.headers.location).toMatch(/^http:\/\/cvat\.example:8080\/api\/tasks\/backup\/1_[0-9a-f-]{36}$/)
  })

  it('goes on at the offset that it tells, and nowhere else', async () => {
    await using simulator = await start()
    const { path, name } = await createUpload(simulator, root, archive.length)
    expect((await sendBytes(simulator, path, 0, archive.subarray(0, 500))).status).toBe(204)
    expect((await sendBytes(simulator, path, 0, archive.subarray(0, 500))).status).toBe(409)
    expect(await askOffset(simulator, path)).toEqual({ status: 200, offset: 500 })
    expect((await sendBytes(simulator, path, 500, archive)).status).toBe(413)
    expect((await sendBytes(simulator, path, 500, archive.subarray(500))).headers['upload-offset']).toBe(
      String(archive.length),
    )
    expect((await finishUpload(simulator, root, name)).status).toBe(202)
    await simulator.imports.whenIdle()
    expect(simulator.world.tasks.size).toBe(1)
  })

  it('is forgotten by its address once it is whole, and can be finished as long as nothing has imported it', async () => {
    await using simulator = await start()
    const { path, name } = await createUpload(simulator, root, archive.length)
    await sendBytes(simulator, path, 0, archive)
    expect((await askOffset(simulator, path)).status).toBe(404)
    expect((await finishUpload(simulator, root, name)).status).toBe(202)
    await simulator.imports.whenIdle()
    const again = await finishUpload(simulator, root, name)
    expect([again.status, again.body.toString()]).toEqual([400, '"No such file were uploaded"'])
  })

  it('that is finished twice in time makes two tasks', async () => {
    await using simulator = await start()
    simulator.imports.pause()
    const { path, name } = await createUpload(simulator, root, archive.length)
    await sendBytes(simulator, path, 0, archive)
    const answers = [await finishUpload(simulator, root, name), await finishUpload(simulator, root, name)]
    expect(answers.map(({ status }) => status)).toEqual([202, 202])
    simulator.imports.resume()
    await simulator.imports.whenIdle()
    expect(simulator.world.tasks.size).toBe(2)
    // Each reads from the one file by itself.
    await call(simulator, '/api/tasks/1', { method: 'DELETE' })
    expect((await fetchBackup(simulator, { type: 'task', id: 2 })).end).toBe('complete')
  })

  it('that is finished too early is taken, and is no zip', async () => {
    await using simulator = await start()
    const { path, name } = await createUpload(simulator, root, archive.length)
    await sendBytes(simulator, path, 0, archive.subarray(0, 1000))
    const { rq_id: id } = JSON.parse((await finishUpload(simulator, root, name)).body.toString()) as { rq_id: string }
    await simulator.imports.whenIdle()
    expect(await askRequest(simulator, id)).toMatchObject({
      status: 'failed',
      message: 'zipfile.BadZipFile: File is not a zip file\n',
      result_id: null,
    })
  })

  it('is gone after its time, and when it never was', async () => {
    await using simulator = await start()
    const { path, name } = await createUpload(simulator, root, archive.length)
    simulator.world.clock.advance(13 * 60 * 60 * 1000)
    expect((await askOffset(simulator, path)).status).toBe(404)
    expect((await sendBytes(simulator, path, 0, archive)).status).toBe(404)
    expect((await finishUpload(simulator, root, name)).status).toBe(400)
    const second = await createUpload(simulator, root, archive.length)
    simulator.uploads.expireAll()
    expect((await askOffset(simulator, second.path)).status).toBe(404)
  })

  it('is refused above the limits of CVAT and of its proxy', async () => {
    await using simulator = await start({ maxUploadBytes: 2000, maxRequestBytes: 1000 })
    expect((await createUpload(simulator, root, 2001)).status).toBe(413)
    const { path } = await createUpload(simulator, root, 2000)
    const answer = await send(simulator, 'PATCH', path, Buffer.alloc(1001), {
      'upload-offset': '0',
      'content-type': 'application/offset+octet-stream',
    })
    expect([answer.status, answer.headers['content-type']]).toEqual([413, 'text/html'])
  })

  it('is nobody else’s, and nothing for a read-only token', async () => {
    await using simulator = await start()
    const { path } = await createUpload(simulator, root, archive.length)
    const bob = { authorization: `Basic ${Buffer.from('bob:bob-password').toString('base64')}` }
    expect((await call(simulator, path, { method: 'HEAD', headers: bob })).status).toBe(403)
    expect((await sendBytes(simulator, path, 0, archive, bob)).status).toBe(403)
    const reader = { authorization: `Bearer ${simulator.world.addAccessToken('admin', { readOnly: true }).value}` }
    expect((await createUpload(simulator, root, archive.length, reader)).status).toBe(403)
    expect((await sendBytes(simulator, path, 0, archive, reader)).status).toBe(403)
    expect((await call(simulator, path, { method: 'HEAD', headers: {} })).status).toBe(401)
  })

  it('leaves the disk when what was restored from it is deleted, or could not be restored', async () => {
    await using simulator = await start()
    const { result_id: id } = await restore(simulator, 'task', archive)
    const folder = dirname(simulator.uploads.newPath())
    expect(readdirSync(folder)).toHaveLength(1)
    await call(simulator, `/api/tasks/${id}`, { method: 'DELETE' })
    await restore(simulator, 'project', archive)
    await expect.poll(() => readdirSync(folder)).toEqual([])
  })

  it('leaves nothing on the disk when the simulator is closed', async () => {
    const simulator = await start()
    await restore(simulator, 'task', archive)
    await createUpload(simulator, root, 1_000_000)
    const folder = dirname(simulator.uploads.newPath())
    expect(readdirSync(folder)).toHaveLength(2)
    await simulator.close()
    expect(existsSync(folder)).toBe(false)
  })
})

describe('an upload in one piece', () => {
  it('is taken as a form, whatever is around the file', async () => {
    await using simulator = await start()
    const { body, headers } = formWith('task_file', 'a.zip', archive)
    const answer = await send(simulator, 'POST', root, body, headers)
    expect(answer.status).toBe(202)
    await simulator.imports.whenIdle()
    expect(simulator.world.tasks.size).toBe(1)
  })

  it('is refused without the file', async () => {
    await using simulator = await start()
    const { body, headers } = formWith('other_file', 'a.zip', archive)
    expect((await send(simulator, 'POST', root, body, headers)).status).toBe(400)
    expect((await call(simulator, root, { method: 'POST' })).status).toBe(400)
  })
})

describe('a fault of an upload', () => {
  it('cuts the connection, and what has come counts', async () => {
    await using simulator = await start()
    const { path, name } = await createUpload(simulator, root, archive.length)
    simulator.faults.add({ method: 'PATCH', route: patch, nth: 1, fault: { kind: 'cut-upload', afterBytes: 1234 } })
    await expect(sendBytes(simulator, path, 0, archive)).rejects.toThrow()
    await expect.poll(() => askOffset(simulator, path)).toEqual({ status: 200, offset: 1234 })
    expect((await sendBytes(simulator, path, 1234, archive.subarray(1234))).status).toBe(204)
    await finishUpload(simulator, root, name)
    await simulator.imports.whenIdle()
    expect(simulator.world.tasks.size).toBe(1)
    expect(simulator.stats.errors).toEqual([])
  })

  it('is also a client that goes away in the middle', async () => {
    await using simulator = await start()
    const { path } = await createUpload(simulator, root, archive.length)
    const headers = { ...asAdmin, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' }
    const outgoing = request(simulator.url + path, {
      method: 'PATCH',
      headers: { ...headers, 'content-length': archive.length },
    })
    outgoing.on('error', () => undefined)
    outgoing.write(archive.subarray(0, 2000))
    await expect.poll(() => askOffset(simulator, path)).toEqual({ status: 200, offset: 2000 })
    outgoing.destroy()
    expect((await sendBytes(simulator, path, 2000, archive.subarray(2000))).status).toBe(204)
    expect(simulator.stats.errors).toEqual([])
  })

  it('can be slowness', async () => {
    await using simulator = await start({ uploadBandwidthBytesPerSecond: archive.length * 5 })
    const { path } = await createUpload(simulator, root, archive.length)
    const began = performance.now()
    await sendBytes(simulator, path, 0, archive)
    expect(performance.now() - began).toBeGreaterThan(100)
  })

  it('cuts the connection before a proxy that passes on whole requests only', async () => {
    await using simulator = await start()
    const { path } = await createUpload(simulator, root, archive.length)
    const fault = { kind: 'cut-upload', afterBytes: 1234, counted: 'none' } as const
    simulator.faults.add({ method: 'PATCH', route: patch, nth: 1, fault })
    await expect(sendBytes(simulator, path, 0, archive)).rejects.toThrow()
    expect(await askOffset(simulator, path)).toEqual({ status: 200, offset: 0 })
    expect((await sendBytes(simulator, path, 0, archive)).status).toBe(204)
  })

  it('answers in place of the server, as for every call', async () => {
    await using simulator = await start()
    const { path } = await createUpload(simulator, root, archive.length)
    const answer = troubledAnswers.badGateway()
    simulator.faults.add({ method: 'PATCH', route: patch, nth: 1, fault: { kind: 'answer', answer } })
    expect((await sendBytes(simulator, path, 0, archive)).status).toBe(502)
    expect(await askOffset(simulator, path)).toEqual({ status: 200, offset: 0 })
  })

  it('loses the answer to the end of the upload, whose import runs', async () => {
    await using simulator = await start()
    const { path, name } = await createUpload(simulator, root, archive.length)
    await sendBytes(simulator, path, 0, archive)
    simulator.faults.add({
      where: ({ query }) => query.get('filename') === name,
      fault: { kind: 'drop', when: 'after' },
    })
    await expect(finishUpload(simulator, root, name)).rejects.toThrow()
    await simulator.imports.whenIdle()
    const list = (await callJson(simulator, '/api/requests?action=import&subresource=backup')) as { results: object[] }
    expect(list.results).toMatchObject([{ status: 'finished', result_id: 1 }])
  })
})

describe('a request of an import', () => {
  it('is kept for an hour when it finished and for 30 days when it failed, as the recorded ones', async () => {
    await using simulator = await start()
    const recorded = (name: string) => {
      const text = readFileSync(new URL(`../../contracts/recordings/${name}.json`, import.meta.url), 'utf8')
      return lifeOf((JSON.parse(text) as { response: { json: RequestBody } }).response.json)
    }
    expect(lifeOf(await restore(simulator, 'task', archive))).toBe(recorded('g3b_rq'))
    expect(lifeOf(await restore(simulator, 'project', archive))).toBe(recorded('g4b_rq'))
  })
})

/** Hours between a request's end and its expiry. */
function lifeOf({ finished_date: finished, expiry_date: expiry }: RequestBody): number {
  return Math.round((Date.parse(expiry ?? '') - Date.parse(finished ?? '')) / 3_600_000)
}

describe('a fault of an import', () => {
  it('fails with its message and makes nothing', async () => {
    await using simulator = await start()
    simulator.faults.addImport({ target: 'task', nth: 1, fate: { kind: 'fail', message: 'OSError: disk full\n' } })
    expect(await restore(simulator, 'task', archive)).toMatchObject({
      status: 'failed',
      message: 'OSError: disk full\n',
    })
    expect(simulator.world.tasks.size).toBe(0)
    expect((await restore(simulator, 'task', archive)).status).toBe('finished')
  })

  it('kills the process at work, or the worker, which somebody notices later', async () => {
    await using simulator = await start()
    simulator.faults.addImport({ nth: 1, fate: { kind: 'kill-horse' } })
    simulator.faults.addImport({ nth: 1, fate: { kind: 'kill-worker' } })
    expect((await restore(simulator, 'task', archive)).message).toMatch(/^Work-horse terminated/)
    const id = await upload(simulator, root, archive)
    await simulator.imports.whenIdle()
    expect((await askRequest(simulator, id)).status).toBe('started')
    simulator.world.clock.advance(100_000)
    expect((await askRequest(simulator, id)).status).toBe('started')
    await call(simulator, '/api/requests?page_size=1')
    expect((await askRequest(simulator, id)).message).toMatch(/AbandonedJobError/)
    expect(simulator.world.tasks.size).toBe(0)
  })

  it('lets it run until it is told to finish', async () => {
    await using simulator = await start()
    simulator.faults.addImport({ fate: { kind: 'hold' } })
    const id = await upload(simulator, root, archive)
    expect((await askRequest(simulator, id)).status).toBe('started')
    simulator.imports.finish(id)
    await simulator.imports.whenIdle()
    expect((await askRequest(simulator, id)).status).toBe('finished')
  })

  it('can be a single damaged byte', async () => {
    await using simulator = await start()
    const damaged = buildZip([{ name: 'task.json', data: '{}', claims: { crc: 1 } }])
    expect((await restore(simulator, 'task', damaged)).message).toBe(
      "zipfile.BadZipFile: Bad CRC-32 for file 'task.json'\n",
    )
  })
})
