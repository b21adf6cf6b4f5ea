import { Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { asDownloadError } from '#shared/cvat/network-error.ts'
import { type Script, sendHtml, sendJson, startScriptedServer } from './scripted-server.ts'
import { faultOf, noAbort, openTestClient } from './test-client.ts'

const resultUrl = 'http://cvat.internal/api/projects/6/backup/download?rq_id=x'
const content = Buffer.from('0123456789abcdefghij')
const etag = '"6b0351e4-3b9cadb"'

/** nginx in small: one file, ranges, If-Range. */
const fileServer: Script = ({ headers }, response) => {
  const common = { 'content-type': 'application/zip', etag, 'last-modified': 'Sun, 22 Nov 2026 20:34:44 GMT' }
  const start = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1]
  if (start === undefined || (headers['if-range'] && headers['if-range'] !== etag)) {
    response.writeHead(200, { ...common, 'content-length': content.length, 'accept-ranges': 'bytes' }).end(content)
  } else if (Number(start) >= content.length) {
    response.writeHead(416, { 'content-type': 'text/html', 'content-range': `bytes */${content.length}` })
    response.end('<html><head><title>416 Requested Range Not Satisfiable</title></head></html>')
  } else {
    const rest = content.subarray(Number(start))
    const range = `bytes ${start}-${content.length - 1}/${content.length}`
    response.writeHead(206, { ...common, 'content-length': rest.length, 'content-range': range }).end(rest)
  }
}

describe('a download', () => {
  it('tells size, tags and type before the body is read', async () => {
    await using server = await startScriptedServer(fileServer)
    await using client = openTestClient(server.url)
    const { body, ...rest } = await client.cvat.openDownload(resultUrl, {}, noAbort())
    expect(rest).toEqual({
      status: 200,
      totalBytes: 20,
      offset: 0,
      etag,
      lastModified: 'Sun, 22 Nov 2026 20:34:44 GMT',
      acceptsRanges: true,
      contentType: 'application/zip',
    })
    expect(await buffer(body)).toEqual(content)
    expect(server.seen[0]?.headers).not.toHaveProperty('range')
    expect(server.seen[0]?.headers['accept-encoding']).toBe('identity')
  })

  it('goes on from an offset when the file is still the same', async () => {
    await using server = await startScriptedServer(fileServer)
    await using client = openTestClient(server.url)
    const download = await client.cvat.openDownload(resultUrl, { offset: 5, ifRange: etag }, noAbort())
    expect(download).toMatchObject({ status: 206, offset: 5, totalBytes: 20, acceptsRanges: true })
    expect(await buffer(download.body)).toEqual(content.subarray(5))
  })

  it('comes whole when the file has changed since', async () => {
    await using server = await startScriptedServer(fileServer)
    await using client = openTestClient(server.url)
    const download = await client.cvat.openDownload(resultUrl, { offset: 5, ifRange: '"older"' }, noAbort())
    expect(download).toMatchObject({ status: 200, offset: 0, totalBytes: 20 })
    expect(await buffer(download.body)).toEqual(content)
  })

  it('beyond the end is refused', async () => {
    await using server = await startScriptedServer(fileServer)
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.openDownload(resultUrl, { offset: 20 }, noAbort()))
    expect(fault).toMatchObject({ code: 'range-not-satisfiable', retryable: false })
  })

  it.each([
    ['another start', { 'content-range': 'bytes 4-19/20' }],
    ['a length of its own', { 'content-range': 'bytes 5-19/20', 'content-length': '3' }],
    ['no range', {}],
    ['an unreadable range', { 'content-range': 'items 5-19/20' }],
  ])('with a 206 that has %s is refused', async (_, headers) => {
    await using server = await startScriptedServer((_, response) => void response.writeHead(206, headers).end('abc'))
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.openDownload(resultUrl, { offset: 5 }, noAbort()))
    expect(fault).toMatchObject({ code: 'unexpected-answer', retryable: false })
  })

  it('is refused when a compressed file comes, and for now when a page comes instead', async () => {
    const scripts: [Script, boolean][] = [
      [(_, response) => sendHtml(response, 200, 'Sign in'), true],
      [(_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'), false],
    ]
    for (const [script, retryable] of scripts) {
      await using server = await startScriptedServer(script)
      await using client = openTestClient(server.url)
      const fault = await faultOf(client.cvat.openDownload(resultUrl, {}, noAbort()))
      expect(fault).toMatchObject({ code: 'unexpected-answer', retryable })
    }
  })

  it('knows no size where the server tells none', async () => {
    await using server = await startScriptedServer((_, response) => void response.writeHead(200).end('abc'))
    await using client = openTestClient(server.url)
    const download = await client.cvat.openDownload(resultUrl, {}, noAbort())
    expect(download).toMatchObject({ totalBytes: undefined, acceptsRanges: false, etag: undefined })
    expect((await buffer(download.body)).toString()).toBe('abc')
  })

  it('is asked for again while the server is down', async () => {
    let calls = 0
    await using server = await startScriptedServer((request, response) =>
      ++calls < 3 ? sendHtml(response, 502, 'down') : fileServer(request, response),
    )
    await using client = openTestClient(server.url)
    const download = await client.cvat.openDownload(resultUrl, {}, noAbort())
    expect(await buffer(download.body)).toEqual(content)
    expect(client.pauses).toHaveLength(2)
  })

  it('that breaks off is an error that says to go on', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('abc')
      setTimeout(() => response.destroy(), 20)
    })
    await using client = openTestClient(server.url)
    const { body } = await client.cvat.openDownload(resultUrl, {}, noAbort())
    const fault = asDownloadError(await pipeline(body, discardingSink()).catch((error) => error))
    expect(fault).toMatchObject({ code: 'download-interrupted', retryable: true })
  })

  it('that falls silent is a timeout', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('abc')
    })
    await using client = openTestClient(server.url, { timeouts: { bodyMs: 200 } })
    const { body } = await client.cvat.openDownload(resultUrl, {}, noAbort())
    const fault = asDownloadError(await pipeline(body, discardingSink()).catch((error) => error))
    expect(fault).toMatchObject({ code: 'timeout', retryable: true })
  })

  it('is not called silent while the reader is what is slow', async () => {
    const big = Buffer.alloc(4 * 1024 * 1024, 'x')
    await using server = await startScriptedServer((_, response) => void response.writeHead(200).end(big))
    await using client = openTestClient(server.url, { timeouts: { bodyMs: 200 } })
    const { body } = await client.cvat.openDownload(resultUrl, {}, noAbort())
    // The fault is the reader's own pause, so it is real time: five times the silence that is allowed.
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect((await buffer(body)).length).toBe(big.length)
  })

  it('breaks with the signal, and with the client, and neither ends the process when nobody reads', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('abc')
    })
    const client = openTestClient(server.url)
    const controller = new AbortController()
    const aborted = await client.cvat.openDownload(resultUrl, {}, controller.signal)
    const closed = await client.cvat.openDownload(resultUrl, {}, noAbort())
    const outcome = expect(buffer(aborted.body)).rejects.toThrow('shutting down')
    controller.abort(new Error('shutting down'))
    await outcome
    await client.cvat.close()
    await expect.poll(() => closed.body.destroyed).toBe(true)
    expect(asDownloadError(closed.body.errored)).toMatchObject({ code: 'client-closed' })
  })

  it('of an expired file says so', async () => {
    await using server = await startScriptedServer((_, response) =>
      sendJson(response, 404, 'The exported file has expired, please retry exporting'),
    )
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.openDownload(resultUrl, {}, noAbort()))
    expect(fault).toMatchObject({ code: 'file-expired', retryable: false })
  })
})

function discardingSink(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}
