import { beforeAll, describe, expect, it } from 'vitest'
import { createPrivateAuthority, type PrivateAuthority } from '../../support/private-authority.ts'
import { sendJson, startScriptedServer } from './scripted-server.ts'
import { faultOf, noAbort, openTestClient } from './test-client.ts'

const self = { id: 1, username: 'admin' }

describe('TLS', () => {
  let authority: PrivateAuthority

  beforeAll(async () => {
    authority = await createPrivateAuthority()
  })

  const startTlsServer = () => startScriptedServer((_, response) => sendJson(response, 200, self), authority)

  it('trusts a private authority that it was given', async () => {
    await using server = await startTlsServer()
    await using client = openTestClient(server.url, { ca: authority.ca })
    expect(await client.cvat.getSelf(noAbort())).toEqual(self)
  })

  it('takes the authority out of a file with other text and several certificates', async () => {
    await using server = await startTlsServer()
    const bundle = Buffer.from(`# our own\r\n${authority.cert}\nsome words\n${authority.ca}`)
    await using client = openTestClient(server.url, { ca: bundle })
    expect(await client.cvat.getSelf(noAbort())).toEqual(self)
  })

  it('refuses a private authority that it was not given, for good and with a hint', async () => {
    await using server = await startTlsServer()
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'unreachable', retryable: false })
    expect(fault.hint).toContain('CVAT_CA_FILE')
    expect(server.seen).toEqual([])
  })

  it('refuses a certificate for another name', async () => {
    await using server = await startTlsServer()
    await using client = openTestClient(server.url.replace('localhost', '127.0.0.1'), { ca: authority.ca })
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'unreachable', retryable: false })
    expect(fault.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
  })

  it('spoken to a server without it is a fault that stays', async () => {
    await using server = await startScriptedServer((_, response) => sendJson(response, 200, self))
    await using client = openTestClient(server.url.replace('http:', 'https:'))
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'unreachable', retryable: false })
    expect(fault.hint).toContain('http or https')
  })

  it.each(['', 'not a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])(
    'refuses a CA file without a readable certificate at once (%#)',
    (ca) => {
      expect(() => openTestClient('https://localhost', { ca })).toThrow(/CA file/)
    },
  )
})
