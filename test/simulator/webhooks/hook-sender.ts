// The one worker that sends webhooks, as measured: in the order of the events, each once, whatever becomes of it; who answers
// slowly holds all others up.

import { createHmac } from 'node:crypto'
import { request } from 'undici'
import type { World } from '../world.ts'
import type { User, Webhook, WorldEvent } from '../world-records.ts'
import { eventBody, pingBody } from './hook-bodies.ts'

export interface Delivery {
  readonly hookId: number
  readonly event: string
  /** 502: refused or broken off, 504: no answer in time. */
  readonly status: number
  readonly answer: string
}

interface Pending {
  readonly hook: Webhook
  readonly event: string
  readonly body: string
}

const MOST_REDIRECTS = 5

export class HookSender {
  /** CVAT waits for ten seconds. */
  timeoutMs = 10_000
  readonly deliveries: Delivery[] = []
  readonly #world: World
  readonly #queue: Pending[] = []
  #sending: Promise<void> | undefined
  #base = ''
  readonly #closing = new AbortController()

  constructor(world: World) {
    this.#world = world
  }

  start(base: string): void {
    this.#base = base
    this.#world.onEvent = (event) => this.#note(event)
  }

  /** Sends at once, out of line: the web process does it, in the request. */
  async ping(hook: Webhook, sender: User): Promise<Delivery> {
    return await this.#send({ hook, event: 'ping', body: serialise(pingBody(this.#world, hook, sender, this.#base)) })
  }

  /** Everything that was told of until now is sent. */
  async whenIdle(): Promise<void> {
    while (this.#sending !== undefined) await this.#sending
  }

  async close(): Promise<void> {
    this.#world.onEvent = () => undefined
    this.#queue.length = 0
    this.#closing.abort()
    await this.whenIdle()
  }

  #note(event: WorldEvent): void {
    for (const hook of this.#world.webhooks.values()) {
      const isOwn =
        hook.type === 'project' ? hook.projectId === event.projectId : hook.organizationId === event.organizationId
      if (!isOwn || !hook.isActive || !hook.events.includes(event.event)) continue
      const body = serialise(eventBody(this.#world, event, hook, this.#base))
      this.#queue.push({ hook, event: event.event, body })
    }
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) await this.#send(next)
  }

  async #send({ hook, event, body }: Pending): Promise<Delivery> {
    const bytes = Buffer.from(body)
    const headers: Record<string, string> = {
      'user-agent': `CVAT/${this.#world.version} python-requests/2.32.4`,
      'accept-encoding': 'gzip, deflate',
      accept: '*/*',
      'content-type': 'application/json',
    }
    if (hook.secret !== '') {
      const signature = createHmac('sha256', Buffer.from(hook.secret, 'utf8')).update(bytes).digest('hex')
      headers['x-signature-256'] = `sha256=${signature}`
    }
    const { status, answer } = await this.#exchange(hook.targetUrl, headers, bytes)
    hook.lastStatus = status
    hook.lastDeliveryDate = this.#world.clock.tick()
    const delivery = { hookId: hook.id, event, status, answer }
    this.deliveries.push(delivery)
    return delivery
  }

  /** Redirects are followed: after a 302 by a GET without body, after a 307 by the same again. */
  async #exchange(url: string, headers: Record<string, string>, body: Buffer, redirects = 0) {
    const limit = AbortSignal.timeout(this.timeoutMs)
    let target = url
    let sent: Buffer | null = body
    try {
      for (let left = MOST_REDIRECTS - redirects; ; left--) {
        const answer = await request(target, {
          method: sent ? 'POST' : 'GET',
          headers,
          body: sent,
          signal: AbortSignal.any([limit, this.#closing.signal]),
          reset: true,
        })
        const text = await answer.body.text()
        const { location } = answer.headers
        if (![301, 302, 303, 307, 308].includes(answer.statusCode) || typeof location !== 'string' || left === 0) {
          return { status: answer.statusCode, answer: text }
        }
        target = new URL(location, target).href
        if (answer.statusCode < 307) sent = null
      }
    } catch {
      return { status: limit.aborted ? 504 : 502, answer: '' }
    }
  }
}

/** Python's json.dumps: a blank after colons and commas, and nothing but ASCII. */
function serialise(value: object): string {
  return JSON.stringify(value, null, 1)
    .replaceAll(/([{[])\n */g, '$1')
    .replaceAll(/\n *([}\]])/g, '$1')
    .replaceAll(/\n */g, ' ')
    .replaceAll(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
