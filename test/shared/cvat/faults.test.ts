import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { CvatClient } from '#shared/cvat/client.ts'
import { type Script, sendHtml, sendJson, startScriptedServer } from './scripted-server.ts'
import { collect, faultOf, noAbort, openTestClient } from './test-client.ts'

const self = { id: 1, username: 'admin' }

/** The given answers first, then success. */
function afterwards(...scripts: Script[]): Script {
  return (request, response) => {
    const script = scripts.shift()
    return script ? script(request, response) : sendJson(response, 200, self)
  }
}

describe('faults that pass', () => {
  it('are waited out as long as Retry-After says in seconds', async () => {
    const throttle: Script = (_, response) => sendJson(response, 429, { detail: 'slow down' }, { 'retry-after': '7' })
    await using server = await startScriptedServer(afterwards(throttle))
    await using client = openTestClient(server.url)
    expect(await client.cvat.getSelf(noAbort())).toEqual(self)
    expect(client.pauses).toEqual([7250])
    expect(client.logged.join()).toContain('slow down')
  })

  it('are waited out until the date that Retry-After gives', async () => {
    const until = new Date(Date.now() + 20_000).toUTCString()
    const throttle: Script = (_, response) => sendJson(response, 503, {}, { 'retry-after': until })
    await using server = await startScriptedServer(afterwards(throttle))
    await using client = openTestClient(server.url)
    await client.cvat.getSelf(noAbort())
    expect(client.pauses[0]).toBeGreaterThan(15_000)
    expect(client.pauses[0]).toBeLessThanOrEqual(20_250)
  })

  it('are given up at once, with the time to wait, when Retry-After asks for more than the limit', async () => {
    await using server = await startScriptedServer((_, response) =>
      sendJson(response, 429, { detail: 'later' }, { 'retry-after': '3600' }),
    )
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'throttled', retryable: true, retryAfterMs: 600_000 })
    expect(server.seen).toHaveLength(1)
  })

  it('are tried five times with growing pauses, and then named by the title of the HTML page', async () => {
    await using server = await startScriptedServer((_, response) => sendHtml(response, 502, '502 Bad Gateway'))
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'server-error', retryable: true })
    expect(fault.message).toBe('GET /api/users/self: 502 502 Bad Gateway')
    expect(client.pauses).toEqual([250, 500, 1000, 2000])
    expect(server.seen).toHaveLength(5)
  })

  it('include a connection that breaks before the answer', async () => {
    const cut: Script = (_, response) => void response.socket?.resetAndDestroy()
    await using server = await startScriptedServer(afterwards(cut, cut))
    await using client = openTestClient(server.url)
    expect(await client.cvat.getSelf(noAbort())).toEqual(self)
    expect(client.pauses).toHaveLength(2)
  })

  it.each([{ 'content-length': '1000' }, { 'transfer-encoding': 'chunked' }])(
    'include an answer that breaks in the middle (%o)',
    async (headers) => {
      const cut: Script = (_, response) => {
        response.writeHead(200, headers).write('{"id":')
        setTimeout(() => response.destroy(), 20)
      }
      await using server = await startScriptedServer(afterwards(cut))
      await using client = openTestClient(server.url)
      expect(await client.cvat.getSelf(noAbort())).toEqual(self)
      expect(client.pauses).toHaveLength(1)
    },
  )

  it('include starting an export, which the server answers with the one under way', async () => {
    const requestId = 'action=export&target=project&target_id=6&user_id=1&subresource=backup'
    let posts = 0
    await using server = await startScriptedServer((_, response) => {
      posts++
      if (posts === 1) return void response.socket?.resetAndDestroy()
      sendJson(response, 409, { rq_id: requestId })
    })
    await using client = openTestClient(server.url)
    const series = { entity: { type: 'project', id: 6 }, content: { kind: 'backup' } } as const
    expect(await client.cvat.startExport(series, noAbort())).toEqual({ requestId, attached: true })
  })

  it('end with the signal, even during a pause', async () => {
    await using server = await startScriptedServer((_, response) => sendHtml(response, 502, 'down'))
    await using client = openTestClient(server.url, { sleep: undefined, retry: { baseMs: 60_000, maxMs: 60_000 } })
    const controller = new AbortController()
    const call = client.cvat.getSelf(controller.signal)
    const outcome = expect(call).rejects.toThrow('shutting down')
    await expect.poll(() => client.logged).toHaveLength(1)
    controller.abort(new Error('shutting down'))
    await outcome
    expect(server.seen).toHaveLength(1)
  })

  it('end with the signal, even while the server says nothing', async () => {
    await using server = await startScriptedServer(() => {})
    await using client = openTestClient(server.url)
    const controller = new AbortController()
    const call = client.cvat.getSelf(controller.signal)
    const outcome = expect(call).rejects.toThrow('shutting down')
    await expect.poll(() => server.seen).toHaveLength(1)
    controller.abort(new Error('shutting down'))
    await outcome
  })
})

describe('faults that stay', () => {
  it('are not tried again', async () => {
    await using server = await startScriptedServer((_, response) =>
      sendJson(response, 403, { detail: 'You do not have permission to perform this action.' }),
    )
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.getProject(3, noAbort()))
    expect(fault).toMatchObject({ code: 'forbidden', retryable: false })
    expect(server.seen).toHaveLength(1)
  })

  it('include a body that does not fit, named by call and field and not shown', async () => {
    await using server = await startScriptedServer((_, response) =>
      sendJson(response, 200, { id: 'secret-looking value', username: 'admin' }),
    )
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'unexpected-answer', retryable: false })
    expect(fault.message).toMatch(/GET \/api\/users\/self.*\bid\b/)
    expect(fault.message).not.toContain('secret-looking')
    expect(server.seen).toHaveLength(1)
  })

  it('include a page instead of JSON', async () => {
    await using server = await startScriptedServer((_, response) => sendHtml(response, 200, 'Sign in'))
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault.code).toBe('unexpected-answer')
    expect(fault.message).not.toContain('secret-looking')
  })

  it('include an answer without an end, which is cut at 64 MiB', async () => {
    const chunk = Buffer.alloc(1024 * 1024, ' ')
    let sent = 0
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = () => {
        while (!response.destroyed && response.write(chunk)) sent++
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    })
    await using client = openTestClient(server.url, { timeouts: { requestMs: 25_000 } })
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'answer-too-long', retryable: false })
    expect(sent).toBeLessThan(100)
  })
})

describe('silence', () => {
  const fast = { retry: { attempts: 1 } }

  it('before the headers is a timeout', async () => {
    await using server = await startScriptedServer(() => {})
    await using client = openTestClient(server.url, { ...fast, timeouts: { headersMs: 200 } })
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'timeout', retryable: true })
  })

  it('inside a body is a timeout', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{')
    })
    await using client = openTestClient(server.url, { ...fast, timeouts: { bodyMs: 200 } })
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'timeout', retryable: true })
  })

  it('that is broken by a drop now and then still ends with the time for a call', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(timer))
    })
    await using client = openTestClient(server.url, { ...fast, timeouts: { requestMs: 400 } })
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'timeout', retryable: true })
  })

  it('of a server that is not there is named, with a hint', async () => {
    const gone = await startScriptedServer(() => {})
    await gone[Symbol.asyncDispose]()
    await using client = openTestClient(gone.url, fast)
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'unreachable', retryable: true })
    expect(fault.message).toContain('ECONNREFUSED')
    expect(fault.hint).toContain('CVAT_URL')
  })

  it('of a name that does not exist is named', async () => {
    await using client = openTestClient('http://no-such-host.invalid', fast)
    expect(await faultOf(client.cvat.getSelf(noAbort()))).toMatchObject({ code: 'unreachable' })
  })

  it('after something that is not HTTP is a fault that stays', async () => {
    const server = createTcpServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.6\r\n'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      await using client = openTestClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
      const fault = await faultOf(client.cvat.getSelf(noAbort()))
      expect(fault).toMatchObject({ code: 'unreachable', retryable: false })
    } finally {
      server.close()
    }
  })
})

describe('closing', () => {
  it('breaks calls under way with an error that says so', async () => {
    await using server = await startScriptedServer(() => {})
    const client = openTestClient(server.url)
    const fault = faultOf(client.cvat.getSelf(noAbort()))
    await expect.poll(() => server.seen).toHaveLength(1)
    await client.cvat.close()
    expect(await fault).toMatchObject({ code: 'client-closed', retryable: false })
  })

  it('may be done twice', async () => {
    const client = openTestClient('http://127.0.0.1:1')
    await client.cvat.close()
    await client.cvat.close()
  })
})

describe('checking the server', () => {
  const about = { name: 'Computer Vision Annotation Tool', version: '2.15.0' }
  const check = (cvat: CvatClient) => faultOf(cvat.checkServer(noAbort()))

  it('finds out that something else answers there', async () => {
    for (const [status, title] of [
      [200, 'Welcome to nginx!'],
      [404, 'Not Found'],
    ] as const) {
      await using server = await startScriptedServer((_, response) => sendHtml(response, status, title))
      await using client = openTestClient(server.url)
      expect(await check(client.cvat)).toMatchObject({ code: 'not-cvat', retryable: false })
    }
  })

  it.each([404, 410])('finds out that CVAT is too old when the requests API answers %i', async (status) => {
    await using server = await startScriptedServer((request, response) => {
      if (request.path === '/api/server/about') return sendJson(response, 200, about)
      sendHtml(response, status, 'Not Found')
    })
    await using client = openTestClient(server.url)
    const fault = await check(client.cvat)
    expect(fault).toMatchObject({ code: 'server-too-old', retryable: false })
    expect(fault.message).toContain('2.15.0')
  })

  it('asks for the version without credentials', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.path === '/api/server/about') return sendJson(response, 200, about)
      sendJson(response, 200, { count: 0, next: null, previous: null, results: [] })
    })
    await using client = openTestClient(server.url)
    expect(await client.cvat.checkServer(noAbort())).toEqual({ version: '2.15.0' })
    expect(server.seen.map(({ path, headers }) => [path, 'authorization' in headers])).toEqual([
      ['/api/server/about', false],
      ['/api/requests', true],
    ])
  })

  it('lets outages pass as what they are', async () => {
    await using server = await startScriptedServer((_, response) => sendHtml(response, 502, '502 Bad Gateway'))
    await using client = openTestClient(server.url)
    expect(await check(client.cvat)).toMatchObject({ code: 'server-error', retryable: true })
  })
})

describe('headers', () => {
  it('accept what CVAT speaks, name the organization on lists alone, and hold the user agent', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.path === '/api/projects/1') {
        return sendJson(response, 200, { id: 1, name: 'p', updated_date: '2026-01-01T00:00:00Z' })
      }
      sendJson(response, 200, { count: 0, next: null, previous: null, results: [] })
    })
    await using client = openTestClient(server.url, { organization: 'acme', userAgent: 'cvat-backups/test' })
    await collect(client.cvat.listProjects({}, noAbort()))
    await collect(client.cvat.listTasks({ all: true }, noAbort()))
    await collect(client.cvat.listJobs({ projectId: 1 }, noAbort()))
    await client.cvat.getProject(1, noAbort())
    await client.cvat.refreshRequests(noAbort())
    expect(server.seen.map(({ headers }) => headers['x-organization'])).toEqual([
      'acme',
      'acme',
      'acme',
      undefined,
      undefined,
    ])
    for (const { headers } of server.seen) {
      expect(headers).toMatchObject({ accept: 'application/vnd.cvat+json', 'user-agent': 'cvat-backups/test' })
    }
  })
})
