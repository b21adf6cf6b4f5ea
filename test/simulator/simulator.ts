// A CVAT server for tests: answers on 127.0.0.1 as CVAT 2.64.1 does for everything that a backup client meets.
//
//   await using simulator = await startSimulator({ world, capacity: { exportMs: 20 } })
//   simulator.url        `http://127.0.0.1:PORT` (with the base path, when there is one)
//   simulator.world      what the server holds: add and change projects, tasks, people (world.ts)
//   simulator.exports    the export queue: pause, resume, finish, killHorse, killWorker, forgetAll, whenIdle, cache.remove
//   simulator.imports    the import queue (restores, imports of annotations): the same, and requests, all that it knows
//   simulator.uploads    uploads under way: expireAll
//   simulator.faults     what goes wrong: add({route, method, entity, nth, fault}), addExport({entity, fate}),
//                        addImport({target, subresource, fate}), clear
//   simulator.hooks      the one sender of webhooks: deliveries, whenIdle, timeoutMs
//   simulator.stats      what was asked: requestCount(route, status), exportCount(entity), exports, outstanding, bytesSent
//   simulator.capacity   how fast and how big; may be changed while it runs (capacity.ts)
//
// Without a world it starts with one user, admin / admin-password, and nothing else. Dates come from world.clock, which can
// be advanced; exports and imports take real time. Uploaded files lie in a temporary folder until close: what was restored
// loses its media then. Not simulated: cloud storage, the schema.

import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ArchiveCache } from './archive-cache.ts'
import { Authenticator } from './authentication.ts'
import type { Server } from './call.ts'
import { type Capacity, completeCapacity } from './capacity.ts'
import { Dispatcher } from './dispatcher.ts'
import { ExportQueue } from './export-queue.ts'
import { Faults } from './faults.ts'
import { ImportQueue } from './restore/import-queue.ts'
import { UploadStore } from './restore/upload-store.ts'
import { allRoutes } from './route-table.ts'
import { Stats } from './stats.ts'
import { HookSender } from './webhooks/hook-sender.ts'
import { World } from './world.ts'

export interface SimulatorOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number
  readonly host?: string
  /** Where CVAT is served below the host, e.g. `/cvat`. */
  readonly basePath?: string
  readonly world?: World
  readonly capacity?: Partial<Capacity>
}

export interface Simulator extends AsyncDisposable {
  readonly url: string
  readonly world: World
  readonly exports: ExportQueue
  readonly imports: ImportQueue
  readonly uploads: UploadStore
  readonly hooks: HookSender
  readonly faults: Faults
  readonly stats: Stats
  readonly capacity: Capacity
  /** Ends every connection at once and stops listening. */
  close(): Promise<void>
}

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const world = options.world ?? defaultWorld()
  const capacity = completeCapacity(options.capacity)
  const stats = new Stats()
  const exports = new ExportQueue({ world, capacity, stats, cache: new ArchiveCache(world) })
  const faults = new Faults()
  exports.fateOf = (record) => faults.fateOf(record)
  const imports = new ImportQueue({ world, capacity })
  imports.fateOf = (request) => faults.fateOfImport(request)
  const uploads = new UploadStore({ world, capacity })
  const hooks = new HookSender(world)
  const server: Server = { world, capacity, exports, imports, uploads, stats, hooks }
  const authenticator = new Authenticator(server)
  const basePath = (options.basePath ?? '').replace(/\/+$/, '')
  const dispatcher = new Dispatcher({
    ...server,
    authenticator,
    faults,
    basePath,
    routes: () => allRoutes(server, authenticator),
  })
  const http = createServer(
    { keepAliveTimeout: 75_000, requestTimeout: 0 },
    (request: IncomingMessage, response: ServerResponse) => {
      dispatcher.handle(request, response).catch(() => response.destroy())
    },
  )
  const host = options.host ?? '127.0.0.1'
  await listen(http, options.port ?? 0, host)
  const { port } = http.address() as AddressInfo
  const url = `http://${host}:${port}${basePath}`
  hooks.start(url)
  const close = async () => {
    exports.close()
    imports.close()
    await hooks.close()
    await new Promise<void>((resolve) => {
      http.close(() => resolve())
      http.closeAllConnections()
    })
    uploads.close()
  }
  return {
    url,
    world,
    exports,
    imports,
    uploads,
    hooks,
    faults,
    stats,
    capacity,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function defaultWorld(): World {
  const world = new World()
  world.addUser({ username: 'admin', password: 'admin-password', isSuperuser: true })
  return world
}

async function listen(http: HttpServer, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, () => {
      http.off('error', reject)
      resolve()
    })
  })
}
