// Real redis-servers of this machine, in whatever constellation a test needs.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { PrivateAuthority } from './private-authority.ts'
import { waitFor } from './wait-for.ts'

export interface RedisProcess extends AsyncDisposable {
  readonly folder: string
  readonly port: number
  /** Runs it with its files of before; nothing if it runs. */
  start(): Promise<void>
  /** Ends it as a power cut does, unless told otherwise. */
  stop(signal?: NodeJS.Signals): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** With its own client, which is not that of the product. */
  call(command: string, ...args: string[]): Promise<unknown>
  close(): Promise<void>
}

export interface RedisProcessOptions {
  /** Lines of redis.conf besides those that every server has. */
  readonly lines?: readonly string[]
  readonly sentinel?: boolean
  /** How {@link RedisProcess.call} signs in. */
  readonly login?: { readonly username?: string; readonly password?: string }
  /** Whose certificate it has: it then speaks TLS and nothing else. */
  readonly authority?: PrivateAuthority
}

/** Started, on a port of its own on 127.0.0.1. */
export async function startRedisProcess(options: RedisProcessOptions = {}): Promise<RedisProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'cvat-backups-redis-'))
  const port = await findFreePort()
  const configuration = join(folder, 'redis.conf')
  const data = join(folder, 'data')
  const log = join(folder, 'redis.log')
  await mkdir(data)
  const common = [
    'bind 127.0.0.1',
    ...(options.authority ? await writeTlsFiles(folder, options.authority) : []),
    options.authority ? `port 0\ntls-port ${port}` : `port ${port}`,
    `dir ${data}`,
    `logfile ${log}`,
    ...(options.sentinel ? [] : ['save ""', 'appendonly yes', 'repl-diskless-sync-delay 0']),
  ]
  // Sentinel and replicas write into it what they learn.
  await writeFile(configuration, [...common, ...(options.lines ?? [])].join('\n'))
  let child: ChildProcess | undefined

  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null
  const call: RedisProcess['call'] = async (command, ...args) => {
    const client = new Redis({
      host: '127.0.0.1',
      port,
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      ...(options.authority ? { tls: { ...options.authority, servername: 'localhost' } } : {}),
      ...options.login,
    })
    client.on('error', () => undefined)
    try {
      return await client.call(command, ...args)
    } finally {
      client.disconnect()
    }
  }
  const start = async () => {
    if (isRunning()) return
    const started = spawn('redis-server', [configuration, ...(options.sentinel ? ['--sentinel'] : [])], {
      stdio: 'ignore',
    })
    child = started
    await waitFor('redis-server to answer', async () => {
      if (!isRunning()) throw new Error(`it has ended: ${await readFile(log, 'utf8').catch(() => '')}`)
      return (await call('PING')) === 'PONG'
    })
  }
  const stop = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (!child || !isRunning()) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
  const close = async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  }
  const server = {
    folder,
    port,
    start,
    stop,
    signal: (signal: NodeJS.Signals) => void child?.kill(signal),
    call,
    close,
    [Symbol.asyncDispose]: close,
  }
  try {
    await start()
    return server
  } catch (error) {
    await close()
    throw error
  }
}

async function writeTlsFiles(folder: string, { ca, cert, key }: PrivateAuthority): Promise<string[]> {
  const files = { 'tls-ca-cert-file': ca, 'tls-cert-file': cert, 'tls-key-file': key }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return Object.keys(files).map((name) => `${name} ${join(folder, name)}`)
}

export interface SentinelGroup extends AsyncDisposable {
  readonly sentinels: readonly RedisProcess[]
  readonly servers: readonly RedisProcess[]
  /** `redis+sentinel://…` without a login. */
  readonly url: string
  /** The server that the Sentinels name as the master now. */
  master(): Promise<RedisProcess>
  close(): Promise<void>
}

/** A master with a replica, and three Sentinels that take a master for dead after a second of silence. */
export async function startSentinelGroup(passwords: { data: string; sentinel: string }): Promise<SentinelGroup> {
  const { data, sentinel } = passwords
  const processes: RedisProcess[] = []
  const close = async () => {
    await Promise.all(processes.map((process) => process.close()))
  }
  const begin = async (options: RedisProcessOptions) => {
    const process = await startRedisProcess(options)
    processes.push(process)
    return process
  }
  try {
    const login = { password: data }
    const lines = [`requirepass ${data}`, `masterauth ${data}`, 'repl-timeout 10']
    const first = await begin({ lines, login })
    const second = await begin({ lines: [...lines, `replicaof 127.0.0.1 ${first.port}`], login })
    await waitFor('the replica to be in step', async () => /master_link_status:up/.test(await infoOf(second)))
    const watching = [
      `requirepass ${sentinel}`,
      `sentinel monitor mymaster 127.0.0.1 ${first.port} 2`,
      `sentinel auth-pass mymaster ${data}`,
      `sentinel sentinel-pass ${sentinel}`,
      'sentinel down-after-milliseconds mymaster 1000',
      'sentinel failover-timeout mymaster 10000',
    ]
    const sentinels = await Promise.all(
      [1, 2, 3].map(() => begin({ sentinel: true, lines: watching, login: { password: sentinel } })),
    )
    for (const one of sentinels) {
      await waitFor(
        'each Sentinel to know the others and the replica',
        async () => {
          const facts = (await one.call('SENTINEL', 'MASTER', 'mymaster')) as string[]
          const fact = (name: string) => facts[facts.indexOf(name) + 1]
          return fact('num-other-sentinels') === '2' && fact('num-slaves') === '1'
        },
        { timeoutMs: 60_000 },
      )
    }
    return {
      sentinels,
      servers: [first, second],
      url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/mymaster`,
      async master() {
        const [, port] = (await sentinels[0]!.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')) as string[]
        return port === String(first.port) ? first : second
      },
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

export interface ClusterGroup extends AsyncDisposable {
  /** Three masters with a third of the slots each, then the replica of the owner. */
  readonly servers: readonly RedisProcess[]
  /** The master that has the keys with the prefix. */
  readonly owner: RedisProcess
  readonly replica: RedisProcess
  readonly slot: number
  readonly url: string
  close(): Promise<void>
}

const SLOTS = 16_384

/** Three masters, and a replica of the one that has the keys with this prefix. A dead master is noticed after a second. */
export async function startClusterGroup(prefix: string): Promise<ClusterGroup> {
  const servers: RedisProcess[] = []
  const close = async () => {
    await Promise.all(servers.map((server) => server.close()))
  }
  try {
    const buses: number[] = []
    for (let i = 0; i < 4; i++) {
      const bus = await findFreePort()
      buses.push(bus)
      const lines = ['cluster-enabled yes', `cluster-port ${bus}`, 'cluster-node-timeout 1000']
      servers.push(await startRedisProcess({ lines }))
    }
    const [first, ...others] = servers as [RedisProcess, ...RedisProcess[]]
    const share = Math.ceil(SLOTS / 3)
    for (const [index, server] of servers.slice(0, 3).entries()) {
      const [from, to] = [index * share, Math.min((index + 1) * share, SLOTS) - 1]
      await server.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to))
      await server.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    }
    for (const [index, server] of others.entries()) {
      await first.call('CLUSTER', 'MEET', '127.0.0.1', String(server.port), String(buses[index + 1]))
    }
    for (const server of servers) {
      await waitFor(
        'each node to know all of the cluster',
        async () => {
          const info = String(await server.call('CLUSTER', 'INFO'))
          return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:4')
        },
        { timeoutMs: 60_000 },
      )
    }
    const slot = Number(await first.call('CLUSTER', 'KEYSLOT', prefix))
    const owner = servers[Math.floor(slot / share)]!
    const replica = servers[3]!
    await replica.call('CLUSTER', 'REPLICATE', String(await owner.call('CLUSTER', 'MYID')))
    await waitFor('the replica to be in step', async () => /master_link_status:up/.test(await infoOf(replica)))
    const url = `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
    return { servers, owner, replica, slot, url, close, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

async function infoOf(server: RedisProcess): Promise<string> {
  return String(await server.call('INFO', 'replication'))
}

/** Free now; who asks for one uses it at once. */
export async function findFreePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
