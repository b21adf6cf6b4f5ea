// The simulated server in a process of its own, steered over the channel of `fork`: its memory and its CPU time must not
// count as the product's.

import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { listMembers } from '../../test/simulator/archive-members.ts'
import { planArchive } from '../../test/simulator/archive-plan.ts'
import { seedBulk } from '../../test/simulator/seed-bulk.ts'
import { startSimulator } from '../../test/simulator/simulator.ts'
import type { ExportRecord } from '../../test/simulator/stats.ts'
import { World } from '../../test/simulator/world.ts'
import type { EntityKey } from '../../test/simulator/world-records.ts'
import type {
  ExportTimes,
  MemberFact,
  SimulatorCommand,
  SimulatorReport,
  SimulatorSetup,
} from './start-simulator-process.ts'
import { startUsers } from './start-users.ts'
import { seedWorkload } from './workload.ts'

const setup = JSON.parse(process.argv[2]!) as SimulatorSetup
const { exportWorkers, bandwidthBytesPerSecond, exportCost, mayWrite } = setup
const world = new World()
seedBulk(world, setup.seed ?? {})
const times = setup.workload ? seedWorkload(world, setup.workload) : undefined
const exportMs = ({ entity }: ExportRecord) => {
  if (times) return times.get(entity.id) ?? 1
  if (exportCost) return exportCost.fixedMs + (1000 * sizeOf(entity)) / exportCost.bytesPerSecond
  return setup.exportMs ?? 1
}
const capacity = { exportMs, exportWorkers, bandwidthBytesPerSecond, basicCostMs: 0, anonymousPerMinute: 1_000_000 }
const simulator = await startSimulator({ world, capacity })
const token = world.addAccessToken('admin', { readOnly: !mayWrite }).value
let urls: string[] = []
let hashesBefore = 0
let exportsBefore = 0
let bytesBefore = 0
/** By project: since the last report. */
let downloadedMs = new Map<number, number>()
let uploads = { parts: 0, fromMs: 0, toMs: 0 }
subscribe('http.server.request.start', (message) => {
  const { request } = message as { request: IncomingMessage }
  urls.push(`${request.method} ${request.url}`)
  const id = /^\/api\/projects\/(\d+)\/backup\/download/.exec(request.url ?? '')?.[1]
  if (id !== undefined && !downloadedMs.has(Number(id))) downloadedMs.set(Number(id), Date.now())
  if (request.method === 'PATCH' && request.headers['upload-offset'] !== undefined && uploads.parts++ === 0)
    uploads.fromMs = performance.now()
})
subscribe('http.server.response.finish', (message) => {
  const { request } = message as { request: IncomingMessage }
  if (request.method === 'PATCH' && request.headers['upload-offset'] !== undefined) uploads.toMs = performance.now()
})
process.on('message', (command: SimulatorCommand) => {
  if (command.do === 'annotate') for (const id of command.taskIds) world.annotate(id)
  if (command.do === 'start-users') startUsers(simulator, command.users)
  if (command.do === 'members') send(membersOf(command.projectId))
  if (command.do === 'times') send(simulator.stats.exports.map(timesOf))
  if (command.do === 'report') {
    const { stats } = simulator
    send({
      urls,
      passwordHashes: stats.passwordHashes - hashesBefore,
      exports: stats.exports.length - exportsBefore,
      exportMs: stats.exports
        .slice(exportsBefore)
        .reduce((sum, { startedMs, endedMs }) => sum + (endedMs ?? 0) - (startedMs ?? 0), 0),
      bytesSent: stats.bytesSent - bytesBefore,
      uploads: { parts: uploads.parts, ms: uploads.toMs - uploads.fromMs },
      cpuMs: Object.values(process.cpuUsage()).reduce((sum, us) => sum + us, 0) / 1000,
    })
    urls = []
    downloadedMs = new Map()
    uploads = { parts: 0, fromMs: 0, toMs: 0 }
    hashesBefore = stats.passwordHashes
    exportsBefore = stats.exports.length
    bytesBefore = stats.bytesSent
  }
})
// Closing it removes what was uploaded.
process.once('disconnect', () => void simulator.close().finally(() => process.exit(0)))
send({ url: simulator.url, token })

function timesOf({ userId, entity, postedMs, startedMs, endedMs }: ExportRecord): ExportTimes {
  const isOurs = userId === 1
  const downloaded = isOurs ? (downloadedMs.get(entity.id) ?? null) : null
  return { isOurs, projectId: entity.id, postedMs, startedMs, endedMs, downloadedMs: downloaded }
}

function membersOf(id: number): MemberFact[] {
  const plan = planArchive(world, { type: 'project', id }, 'backup', null)
  return listMembers(plan).map(({ name, content }) => ({ name, sizeBytes: content.size, crc32: content.crc }))
}

type Answer = SimulatorReport | readonly ExportTimes[] | readonly MemberFact[] | { url: string; token: string }

function send(message: Answer): void {
  process.send?.(message)
}

/** Of its media: what else is in an archive is next to nothing. */
function sizeOf({ type, id }: EntityKey): number {
  const tasks = type === 'task' ? [world.task(id)] : world.tasksOf(id)
  return tasks.reduce((sum, { data }) => sum + (data ? data.frames * data.bytesPerFrame : 0), 0)
}
