// Five hundred of CVAT's events about one project, one after the other as CVAT sends them: what each costs the listener.

import { createHmac } from 'node:crypto'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { Client } from 'undici'
import { startListener } from '#services/listener/service.ts'
import { startRedisProcess } from '../../test/support/local-redis.ts'
import type { Row, Scenario } from '../support/scenario.ts'

const SECRET = 'a secret of the bench'
const counts = { smoke: 20, default: 500, full: 5_000 }

export const events: Scenario = {
  name: 'events',
  about: "CVAT's webhooks about one project, one after the other",
  async run({ size, rounds, say }) {
    await using server = await startRedisProcess()
    const redis = new Redis({ host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null })
    const connection = { redis, prefix: '{cvat-backups}' }
    const logger = pino({ level: 'silent' })
    const times = { quietMs: 300_000, longestMs: 3_600_000 }
    const listener = await startListener({ connection, logger, ...times, host: '127.0.0.1', port: 0, secret: SECRET })
    const client = new Client(`http://127.0.0.1:${listener.address.port}`)
    const milliseconds: number[] = []
    const commands: number[] = []
    try {
      for (let round = 0; round < rounds; round++) {
        say(`${counts[size]} events`)
        const before = await countCommands(redis)
        const startedAt = performance.now()
        for (let event = 0; event < counts[size]; event++) await send(client, round * counts[size] + event)
        milliseconds.push((performance.now() - startedAt) / counts[size])
        commands.push(((await countCommands(redis)) - before) / counts[size])
      }
    } finally {
      await client.close()
      await listener.close()
      redis.disconnect()
    }
    const rows: Row[] = [
      { what: 'time for each', aim: '', unit: 'ms', values: milliseconds },
      { what: 'commands of Redis for each, those within scripts included', aim: '', unit: '', values: commands },
    ]
    return { settings: { events: counts[size] }, rows }
  },
}

/** Each of other bytes: the same would be refused as played again. */
async function send(client: Client, number: number): Promise<void> {
  const body = JSON.stringify({
    event: 'update:project',
    project: { id: 1, updated_date: new Date().toISOString() },
    number,
  })
  const hex = createHmac('sha256', SECRET).update(body).digest('hex')
  const headers = { 'content-type': 'application/json', 'x-signature-256': `sha256=${hex}` }
  const answer = await client.request({ path: '/hooks/cvat', method: 'POST', headers, body })
  await answer.body.dump()
  if (answer.statusCode !== 202) throw new Error(`an event was answered with ${answer.statusCode}`)
}

async function countCommands(redis: { info(section: string): Promise<string> }): Promise<number> {
  const text = await redis.info('commandstats')
  return [...text.matchAll(/^cmdstat_\S+:calls=(\d+)/gm)].reduce((sum, [, calls]) => sum + Number(calls), 0)
}
