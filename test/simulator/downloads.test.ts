import { describe, expect, it } from 'vitest'
import { backupPath, call, exportBackup, fetchBackup, project, task } from './raw-client.ts'
import { startSimulator } from './simulator.ts'
import { createWorld } from './test-world.ts'

const quick = { basicCostMs: 0, exportMs: 1 }

describe('a download', () => {
  it('put together from ranges equals the whole', async () => {
    const world = createWorld()
    world.addTask({ projectId: null, name: 't', frames: 5, bytesPerFrame: 70_000 })
    await using simulator = await startSimulator({ world, capacity: quick })
    const whole = await fetchBackup(simulator, task(1))
    const pieces: Buffer[] = []
    for (let start = 0; start < whole.body.length; start += 33_333) {
      const headers = { ...asRange(start, start + 33_332), 'If-Range': String(whole.headers.etag) }
      const piece = await call(simulator, backupPath(task(1)), { headers })
      expect(piece.status).toBe(206)
      pieces.push(piece.body)
    }
    expect(Buffer.concat(pieces).equals(whole.body)).toBe(true)
    const last = await call(simulator, backupPath(task(1)), { headers: { ...asRange(0, 0), range: 'bytes=-22' } })
    expect(last.body.equals(whole.body.subarray(-22))).toBe(true)
  })

  it('of gigabytes is described and read anywhere without being made whole', async () => {
    const world = createWorld()
    world.addTask({
      projectId: null,
      name: 'long video',
      mode: 'interpolation',
      frames: 6000,
      bytesPerFrame: 1_000_000,
    })
    await using simulator = await startSimulator({ world, capacity: quick })
    await exportBackup(simulator, task(1))
    await simulator.exports.whenIdle()
    const before = process.memoryUsage().rss
    const end = await call(simulator, backupPath(task(1)), { headers: { ...asRange(0, 0), range: 'bytes=-98' } })
    expect(Number(end.headers['content-range']?.split('/')[1])).toBeGreaterThan(6_000_000_000)
    expect(end.body.readUInt32LE(0)).toBe(0x06064b50)
    const middle = await call(simulator, backupPath(task(1)), { headers: asRange(5_000_000_000, 5_000_099_999) })
    expect(middle.body.length).toBe(100_000)
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000)
  })

  it('knows no ranges and no ETag where nginx is not in front', async () => {
    const world = createWorld()
    world.addProject({ name: 'p' })
    await using simulator = await startSimulator({ world, capacity: { ...quick, rangesSupported: false } })
    await exportBackup(simulator, project(1))
    await simulator.exports.whenIdle()
    const { status, headers } = await call(simulator, backupPath(project(1)), { headers: asRange(10, 19) })
    expect([status, headers.etag, headers['accept-ranges']]).toEqual([200, undefined, undefined])
  })

  it('shares the bandwidth with the others', async () => {
    const world = createWorld()
    for (const name of ['a', 'b']) world.addTask({ projectId: null, name, frames: 1, bytesPerFrame: 500_000 })
    await using simulator = await startSimulator({ world, capacity: { ...quick, bandwidthBytesPerSecond: 5_000_000 } })
    for (const id of [1, 2]) await exportBackup(simulator, task(id))
    await simulator.exports.whenIdle()
    const start = performance.now()
    await Promise.all([1, 2].map((id) => call(simulator, backupPath(task(id)))))
    expect(performance.now() - start).toBeGreaterThan(150)
    expect(simulator.stats.downloads).toEqual({ current: 0, max: 2 })
    expect(simulator.stats.bytesSent).toBeGreaterThan(1_000_000)
  })
})

function asRange(first: number, last: number): Record<string, string> {
  const credentials = Buffer.from('admin:admin-password').toString('base64')
  return { authorization: `Basic ${credentials}`, range: `bytes=${first}-${last}` }
}
