// Those who are told: a mail server and receivers of webhooks, on this machine.

import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { onTestFinished } from 'vitest'

export interface ReceivedCall {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Receiver {
  readonly url: string
  readonly calls: ReceivedCall[]
  /** What is answered from now on. */
  status: number
}

/** Closed after the test. */
export async function startReceiver(): Promise<Receiver> {
  const calls: ReceivedCall[] = []
  const receiver = { url: '', calls, status: 200 }
  const server = createServer(async (call, response) => {
    const pieces: Buffer[] = []
    for await (const piece of call) pieces.push(piece as Buffer)
    calls.push({ path: call.url ?? '', headers: call.headers, body: Buffer.concat(pieces).toString('utf8') })
    response.writeHead(receiver.status).end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return receiver
}

export interface Mailbox {
  readonly port: number
  /** Whole messages, header and text. */
  readonly mails: string[]
  /** Names that anybody has tried to log in by. */
  readonly logins: string[]
}

/** Takes mail without a login, on this machine only. Closed after the test. */
export async function startMailbox(): Promise<Mailbox> {
  const mails: string[] = []
  const logins: string[] = []
  const mailbox = { port: 0, mails, logins }
  const server = new SMTPServer({
    authOptional: true,
    // As the worst would: it takes logins without encryption.
    allowInsecureAuth: true,
    onAuth(auth, _session, callback) {
      logins.push(auth.username ?? '')
      callback(null, { user: auth.username })
    },
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, callback) {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', () => {
        mails.push(Buffer.concat(pieces).toString('utf8'))
        callback()
      })
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  mailbox.port = (server.server.address() as AddressInfo).port
  return mailbox
}
