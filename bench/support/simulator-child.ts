// The simulated server in a process of its own, steered over the channel of `fork`: its memory and its CPU time must not
// count as the product's.

import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { type BulkSeed, seedBulk } from '../../test/simulator/seed-bulk.ts'
import { startSimulator } from '../../test/simulator/simulator.ts'
import { World } from '../../test/simulator/world.ts'
import type { SimulatorCommand, SimulatorReport } from './start-simulator-process.ts'

const { seed, exportWorkers } = JSON.parse(process.argv[2]!) as { seed: Partial<BulkSeed>; exportWorkers: number }
const world = new World()
seedBulk(world, seed)
const capacity = { exportMs: 1, exportWorkers, basicCostMs: 0, anonymousPerMinute: 1_000_000 }
const simulator = await startSimulator({ world, capacity })
const token = world.addAccessToken('admin', { readOnly: false }).value
let urls: string[] = []
let hashesBefore = 0
let exportsBefore = 0
let uploads = { parts: 0, fromMs: 0, toMs: 0 }
subscribe('http.server.request.start', (message) => {
  const { request } = message as { request: IncomingMessage }
  urls.push(`${request.method} ${request.url}`)
  if (request.method === 'PATCH' && request.headers['upload-offset'] !== undefined && uploads.parts++ === 0)
    uploads.fromMs = performance.now()
})
subscribe('http.server.response.finish', (message) => {
  const { request } = message as { request: IncomingMessage }
  if (request.method === 'PATCH' && request.headers['upload-offset'] !== undefined) uploads.toMs = performance.now()
})
process.on('message', (command: SimulatorCommand) => {
  if (command.do === 'annotate') for (const id of command.taskIds) world.annotate(id)
  if (command.do === 'report') {
    const { stats } = simulator
    send({
      urls,
      passwordHashes: stats.passwordHashes - hashesBefore,
      exports: stats.exports.length - exportsBefore,
      uploads: { parts: uploads.parts, ms: uploads.toMs - uploads.fromMs },
      cpuMs: Object.values(process.cpuUsage()).reduce((sum, us) => sum + us, 0) / 1000,
    })
    urls = []
    uploads = { parts: 0, fromMs: 0, toMs: 0 }
    hashesBefore = stats.passwordHashes
    exportsBefore = stats.exports.length
  }
})
// Closing it removes what was uploaded.
process.once('disconnect', () => void simulator.close().finally(() => process.exit(0)))
send({ url: simulator.url, token })

function send(message: SimulatorReport | { url: string; token: string }): void {
  process.send?.(message)
}
