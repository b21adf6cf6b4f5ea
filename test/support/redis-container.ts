// A Redis in a container, on a port of 127.0.0.1 that it keeps over restarts.

import { globalAgent } from 'node:http'
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { findFreePort } from './local-redis.ts'
import { type TestRedis, testRedisArguments } from './test-redis.ts'

const IMAGE = 'redis:7'
const LABEL = 'cvat-backups.tests'
const PORT = 6379

class PublishedRedis extends GenericContainer {
  constructor(port: number) {
    super(IMAGE)
    this.withExposedPorts(PORT)
      .withCommand(['sleep', 'infinity'])
      .withWaitStrategy(Wait.forSuccessfulCommand('true'))
      .withLabels({ [LABEL]: String(process.pid) })
    // Not for the network: it asks for no password.
    this.hostConfig.PortBindings = { [`${PORT}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(port) }] }
    // The reaper would be one more image; what a killed run leaves is removed by the next one.
    this.autoCleanup = false
  }
}

const PID_FILE = '/tmp/redis.pid'
const serverCommand = [
  ...['redis-server', ...testRedisArguments, '--dir', '/data', '--port', String(PORT), '--protected-mode', 'no'],
  ...['--daemonize', 'yes', '--pidfile', PID_FILE],
]
/** Each would take the keys of the other test files, too, which run at the same time. */
const withoutFlushing = ['--rename-command', 'FLUSHALL', '', '--rename-command', 'FLUSHDB', '']

/**
 * The image is pulled only if it is not there. The container lives until `close`; stopping ends the server inside it, so that
 * connections end as those to any server do. When a container stops, its network may be gone before they can.
 *
 * @param isShared nobody may empty it
 */
export async function startRedisContainer({ isShared = false } = {}): Promise<TestRedis> {
  const port = await findFreePort()
  const address = { url: `redis://127.0.0.1:${port}` }
  const container = await tidy(() => new PublishedRedis(port).start())
  const run = (...command: string[]) =>
    tidy(async () => {
      const { exitCode, output } = await container.exec(command)
      if (exitCode !== 0) throw new Error(`${command.join(' ')} in the container of ${IMAGE}: ${output}`)
    })
  const start: TestRedis['start'] = async ({ empty = false } = {}) => {
    if (empty) await run('rm', '-rf', '/data/appendonlydir')
    await run(...serverCommand, ...(isShared ? withoutFlushing : []))
    const probe = await connectRedis(address, 30_000)
    probe.disconnect()
  }
  const stop: TestRedis['stop'] = (signal = 'SIGKILL') => {
    const kill = `kill -${signal.replace(/^SIG/, '')} $(cat ${PID_FILE}) 2>/dev/null`
    return run('sh', '-c', `${kill}; while redis-cli ping >/dev/null 2>&1; do sleep 0.05; done`)
  }
  const close = () =>
    tidy(async () => {
      const client = await getContainerRuntimeClient()
      await client.container.getById(container.getId()).remove({ force: true, v: true })
    })
  try {
    await start()
  } catch (error) {
    await close()
    throw error
  }
  return { address, endpoint: { host: '127.0.0.1', port }, start, stop, close, [Symbol.asyncDispose]: close }
}

/** Removes containers of earlier runs that were killed before they could. */
export async function removeLeftContainers(): Promise<void> {
  const { dockerode } = (await getContainerRuntimeClient()).container as unknown as {
    dockerode: {
      listContainers(options: object): Promise<{ Id: string; Labels: Record<string, string> }[]>
    }
  }
  const client = await getContainerRuntimeClient()
  for (const { Id, Labels } of await dockerode.listContainers({ all: true, filters: { label: [LABEL] } })) {
    if (!isAlive(Number(Labels[LABEL]))) await client.container.getById(Id).remove({ force: true, v: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Leaves no idle connection to Docker behind, which tests would take for a leak. */
async function tidy<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    for (const sockets of Object.values(globalAgent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
  }
}
