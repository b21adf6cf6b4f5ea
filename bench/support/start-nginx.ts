// A local nginx of its own: what CVAT has in front of it, which serves exported files.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Front {
  /** Holds files named `projects-ID.zip`, which are served as the project's exported backup. */
  readonly files: string
  /** Everything else goes there, as to CVAT's own server. */
  readonly upstream: string
  /** Of each connection; unlimited when undefined. */
  readonly bytesPerSecond?: number
}

export interface Nginx extends AsyncDisposable {
  readonly url: string
}

/** `folder` is for nginx alone. Rejects when it does not answer within ten seconds. */
export async function startNginx(folder: string, front: Front): Promise<Nginx> {
  await mkdir(folder, { recursive: true })
  const port = await findFreePort()
  await writeFile(join(folder, 'nginx.conf'), describe(folder, port, front))
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const ended = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  try {
    for (let tries = 0; !(await isOpen(port)); tries++) {
      if (child.exitCode !== null || tries === 100) throw new Error('nginx did not start')
      await sleep(100)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop }
}

/** The files' settings are those of CVAT's own nginx: `sendfile`, `tcp_nopush`. */
function describe(folder: string, port: number, { files, upstream, bytesPerSecond }: Front): string {
  const asRoot = process.getuid?.() === 0 ? 'user root;' : ''
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `${asRoot}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 0;
    location ~ ^/api/projects/(\\d+)/backup/download$ {
      alias ${files}/projects-$1.zip;
      ${bytesPerSecond === undefined ? '' : `limit_rate ${bytesPerSecond};`}
    }
    location / {
      proxy_pass ${upstream};
      proxy_set_header Host $http_host;
      proxy_http_version 1.1;
      proxy_request_buffering off;
    }
  }
}
`
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function isOpen(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
