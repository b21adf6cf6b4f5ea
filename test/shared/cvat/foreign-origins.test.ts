import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { type Script, type ScriptedServer, sendJson, startScriptedServer } from './scripted-server.ts'
import { collect, faultOf, noAbort, openTestClient, password } from './test-client.ts'

const resultPath = '/api/projects/6/backup/download?rq_id=action%3Dexport%26target_id%3D6'

function sendFile(response: Parameters<Script>[1], content: string): void {
  response.writeHead(200, { 'content-type': 'application/zip', 'content-length': content.length }).end(content)
}

/** Answers every call with a redirect. */
function redirectTo(location: () => string, status = 302): Script {
  return (_, response) => void response.writeHead(status, { location: location() }).end()
}

/** A server that must see no credentials; it answers anything with a file. */
function startStranger(): Promise<ScriptedServer> {
  return startScriptedServer((_, response) => sendFile(response, 'from elsewhere'))
}

function expectNoSecrets(stranger: ScriptedServer): void {
  for (const request of stranger.seen) {
    expect(JSON.stringify(request)).not.toMatch(/never-shown/)
    expect(request.headers).not.toHaveProperty('authorization')
    expect(request.headers).not.toHaveProperty('x-organization')
    expect(request.headers).not.toHaveProperty('cookie')
  }
}

describe('a result_url', () => {
  it('of another origin is fetched from CVAT_URL', async () => {
    await using stranger = await startStranger()
    await using server = await startScriptedServer((_, response) => sendFile(response, 'the archive'))
    await using client = openTestClient(server.url)
    const download = await client.cvat.openDownload(`${stranger.url}${resultPath}`, {}, noAbort())
    expect(await text(download.body)).toBe('the archive')
    expect(server.seen[0]?.target).toBe(resultPath)
    expect(stranger.seen).toEqual([])
  })

  it.each(['', '/cvat'])('with "%s" before /api/ is fetched below the base path', async (prefix) => {
    await using server = await startScriptedServer((_, response) => sendFile(response, 'the archive'))
    await using client = openTestClient(`${server.url}/cvat/`)
    const download = await client.cvat.openDownload(`http://cvat.internal${prefix}${resultPath}`, {}, noAbort())
    download.body.destroy()
    expect(server.seen[0]?.target).toBe(`/cvat${resultPath}`)
  })

  it.each([
    'http://cvat.internal/admin/',
    'http://cvat.internal/api/../admin/',
    'http://cvat.internal/api/%2e%2e/admin/',
    'http://cvat.internal/api/..%2fadmin/',
    'http://cvat.internal/api\\..\\admin',
    'https://storage.example.com/bucket/file.zip?signature=x',
    'file:///api/projects/6/backup/download',
    '//api/projects',
    'data:text/plain,/api/',
    '',
  ])('%s is refused without a call', async (resultUrl) => {
    await using server = await startScriptedServer((_, response) => sendFile(response, 'x'))
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.openDownload(resultUrl, {}, noAbort()))
    expect(fault).toMatchObject({ code: 'unexpected-answer', retryable: false })
    expect(server.seen).toEqual([])
  })
})

describe('the next page', () => {
  it('is asked of CVAT_URL whatever origin it names', async () => {
    await using stranger = await startStranger()
    await using server = await startScriptedServer((request, response) => {
      const page = Number(request.query.get('page') ?? 1)
      const next = page < 3 ? `${stranger.url}/api/organizations?page=${page + 1}` : null
      const results = [{ id: page, slug: `org-${page}`, name: `Org ${page}` }]
      sendJson(response, 200, { count: 3, next, previous: null, results })
    })
    await using client = openTestClient(server.url)
    const slugs: string[] = []
    for await (const { slug } of client.cvat.listOrganizations(noAbort())) slugs.push(slug)
    expect(slugs).toEqual(['org-1', 'org-2', 'org-3'])
    expect(stranger.seen).toEqual([])
  })
})

describe('a redirect', () => {
  it('of an API call to another origin is refused, and nothing is sent there', async () => {
    await using stranger = await startStranger()
    await using server = await startScriptedServer(redirectTo(() => `${stranger.url}/api/projects`))
    await using client = openTestClient(server.url, { organization: 'acme' })
    const fault = await faultOf(collect(client.cvat.listProjects({}, noAbort())))
    expect(fault).toMatchObject({ code: 'redirect-refused', retryable: false })
    expect(fault.message).toContain(stranger.url)
    expect(stranger.seen).toEqual([])
  })

  it('of the login call to another origin does not carry the password there', async () => {
    await using stranger = await startStranger()
    await using server = await startScriptedServer(redirectTo(() => `${stranger.url}/api/auth/login`, 307))
    await using client = openTestClient(server.url, { credentials: { username: 'keeper', password } })
    expect(await faultOf(client.cvat.getSelf(noAbort()))).toMatchObject({ code: 'redirect-refused' })
    expect(stranger.seen).toEqual([])
  })

  it('of a download to another origin is followed without credentials', async () => {
    await using stranger = await startStranger()
    await using server = await startScriptedServer(redirectTo(() => `${stranger.url}/bucket/file.zip?signature=abc`))
    await using client = openTestClient(server.url, { organization: 'acme' })
    const download = await client.cvat.openDownload(resultPath, { offset: 0 }, noAbort())
    expect(await text(download.body)).toBe('from elsewhere')
    expect(stranger.seen.map(({ target }) => target)).toEqual(['/bucket/file.zip?signature=abc'])
    expectNoSecrets(stranger)
    expect(server.seen[0]?.headers).toHaveProperty('authorization')
  })

  it('back from another origin gets no credentials either', async () => {
    let back = ''
    await using stranger = await startScriptedServer(redirectTo(() => back))
    await using server = await startScriptedServer((request, response) => {
      if (request.path === '/api/back') return sendFile(response, 'x')
      response.writeHead(302, { location: `${stranger.url}/hop` }).end()
    })
    back = `${server.url}/api/back`
    await using client = openTestClient(server.url)
    const download = await client.cvat.openDownload(resultPath, {}, noAbort())
    download.body.destroy()
    expect(server.seen.at(-1)?.headers).not.toHaveProperty('authorization')
    expectNoSecrets(stranger)
  })

  it('within CVAT_URL is followed with credentials', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.path === '/api/users/self') return void response.writeHead(308, { location: '/v2/api/self' }).end()
      sendJson(response, 200, { id: 1, username: 'admin' })
    })
    await using client = openTestClient(server.url)
    expect(await client.cvat.getSelf(noAbort())).toEqual({ id: 1, username: 'admin' })
    expect(server.seen[1]?.headers.authorization).toBe(server.seen[0]?.headers.authorization)
  })

  it('in circles ends after five', async () => {
    await using server = await startScriptedServer(redirectTo(() => '/api/users/self'))
    await using client = openTestClient(server.url)
    expect(await faultOf(client.cvat.getSelf(noAbort()))).toMatchObject({ code: 'redirect-refused' })
    expect(server.seen).toHaveLength(6)
  })

  it('from http to https of the same host is refused with the address to set', async () => {
    await using server = await startScriptedServer(redirectTo(() => 'https://127.0.0.1/api/users/self', 301))
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'redirect-refused', retryable: false })
    expect(fault.hint).toContain('CVAT_URL to https://127.0.0.1')
  })

  it('that would turn a POST into a GET is refused', async () => {
    await using server = await startScriptedServer(redirectTo(() => '/elsewhere'))
    await using client = openTestClient(server.url)
    const series = { entity: { type: 'task', id: 1 }, content: { kind: 'backup' } } as const
    expect(await faultOf(client.cvat.startExport(series, noAbort()))).toMatchObject({ code: 'redirect-refused' })
    expect(server.seen).toHaveLength(1)
  })

  it('to nowhere is refused', async () => {
    await using server = await startScriptedServer((_, response) => void response.writeHead(302).end())
    await using client = openTestClient(server.url)
    expect(await faultOf(client.cvat.getSelf(noAbort()))).toMatchObject({ code: 'redirect-refused' })
  })
})
