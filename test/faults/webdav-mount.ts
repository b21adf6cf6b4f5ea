// A folder of a WebDAV server, mounted by rclone: the kind of network mount that behaves least like a disk.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { TestContext } from 'vitest'
import { waitFor } from '../support/wait-for.ts'

const run = promisify(execFile)
const installer = fileURLToPath(new URL('../../scripts/install-rclone.sh', import.meta.url))

/** The installer's way of saying that it cannot work here. */
const UNAVAILABLE = 69

export interface WebdavMount {
  /** Where the mount is. */
  readonly path: string
  /** The server's own folder: a file is there some seconds after it was closed in the mount, whatever fsync said. */
  readonly served: string
}

/** Skips the test, with the reason, where there is no rclone or nothing may be mounted. */
export async function mountWebdav(test: TestContext): Promise<WebdavMount> {
  await run('bash', [installer]).catch((error: { code?: unknown; stderr?: string }) => {
    if (error.code !== UNAVAILABLE) throw error
    test.skip(error.stderr?.trim())
  })
  const folder = await mkdtemp(join(tmpdir(), 'cvat-backups-webdav-'))
  const [served, path] = [join(folder, 'served'), join(folder, 'mounted')]
  for (const each of [served, path]) await mkdir(each)
  const children: ChildProcess[] = []
  const rclone = (...args: string[]) => {
    const child = spawn('rclone', [...args, '--config', join(folder, 'none')], { stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    children.push(child)
    return child
  }
  let said = ''
  test.onTestFinished(async () => {
    await run('fusermount3', ['-u', '-z', path]).catch(() => undefined)
    for (const child of children) child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })

  const port = await findFreePort()
  rclone('serve', 'webdav', served, '--addr', `127.0.0.1:${port}`)
  await waitFor('the WebDAV server', () => canConnect(port))
  const remote = ['--webdav-url', `http://127.0.0.1:${port}`, '--cache-dir', join(folder, 'cache')]
  const child = rclone('mount', ':webdav:', path, ...remote, '--vfs-cache-mode', 'writes', '--vfs-write-back', '1s')
  const isMounted = async () => (await readFile('/proc/mounts', 'utf8')).includes(` ${path} `)
  await waitFor('the mount', async () => child.exitCode !== null || (await isMounted()))
  if (child.exitCode !== null) test.skip(`rclone cannot mount here: ${said.trim()}`)
  return { path, served }
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function canConnect(port: number): Promise<boolean> {
  const socket = createConnection({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}
