// Every recorded exchange with a real CVAT, sent to the simulator: status, headers and body have to be the same.

import { describe, expect, it } from 'vitest'
import { startSimulator } from '../simulator/simulator.ts'
import { reasonsNotToReplay } from './not-replayed.ts'
import { basic, recordedHost } from './preparations.ts'
import { listSteps } from './recorded-steps.ts'
import { buildRecordedWorld } from './recorded-world.ts'
import { exchange, loadRecordings, type Outcome, type Recording } from './recording.ts'

const recordings = loadRecordings()
const steps = listSteps()

describe('a recorded exchange', () => {
  it.each(recordings.filter(({ name }) => !reasonsNotToReplay.has(name)))(
    '$name is answered as the real server answered it',
    async (recording) => {
      await using simulator = await startSimulator({
        world: buildRecordedWorld(),
        capacity: { basicCostMs: 0, exportMs: 1 },
      })
      const step = steps[recording.name] ?? {}
      const override = await step.prepare?.(simulator)
      const { method, target, headers, json } = recording.request
      const query = step.query ? `${target.includes('?') ? '&' : '?'}${new URLSearchParams(step.query)}` : ''
      const outcome = await exchange(simulator.url, {
        method,
        target: override?.target ?? target + query,
        headers: { Host: recordedHost, ...fillSecrets(headers), ...override?.headers },
        ...(json !== undefined && { json }),
        ...(override?.body && { body: override.body }),
      })
      expect(describeActual(outcome, recording)).toEqual(describeRecorded(recording))
    },
  )
})

describe('the list of what is replayed', () => {
  it('names only recordings that exist', () => {
    const names = new Set(recordings.map(({ name }) => name))
    const named = [...Object.keys(steps), ...reasonsNotToReplay.keys()]
    expect(named.filter((name) => !names.has(name))).toEqual([])
  })

  it('leaves out what is listed with a reason, and prepares nothing for it', () => {
    expect(Object.keys(steps).filter((name) => reasonsNotToReplay.has(name))).toEqual([])
    expect([...reasonsNotToReplay.values()].every((reason) => reason.length > 10)).toBe(true)
    expect(recordings.length - reasonsNotToReplay.size).toBe(307)
  })
})

/** Headers whose value has to be the same, apart from what {@link normalizeText} takes out. */
const comparedHeaders = [
  'content-type',
  'content-encoding',
  'content-disposition',
  'accept-ranges',
  'www-authenticate',
  'allow',
  'vary',
  'cache-control',
  'tus-resumable',
  'tus-version',
  'tus-extension',
  'tus-max-size',
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-expose-headers',
  'access-control-allow-headers',
  'upload-offset',
  'upload-length',
]
/** Headers that have to be there, in the same form. */
const shapedHeaders = [
  'etag',
  'last-modified',
  'content-range',
  'retry-after',
  'location',
  'expires',
  'content-length',
  'upload-filename',
]

function describeRecorded(recording: Recording): object {
  const { status, headers, json, text } = recording.response
  const isHead = recording.request.method === 'HEAD'
  return {
    status,
    headers: describeHeaders(headers),
    body:
      json !== undefined
        ? normalizeJson(json)
        : text !== undefined && !isHead && status !== 206
          ? normalizeText(text)
          : null,
  }
}

function describeActual(outcome: Outcome, recording: Recording): object {
  const { json, text } = recording.response
  const isHead = recording.request.method === 'HEAD'
  const isText = text !== undefined && !isHead && outcome.status !== 206
  return {
    status: outcome.status,
    headers: describeHeaders(outcome.headers),
    body: json !== undefined ? normalizeJson(parse(outcome.text)) : isText ? normalizeText(outcome.text) : null,
  }
}

function describeHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): object {
  const compared = comparedHeaders.map((name) => [name, normalizeText(String(headers[name] ?? ''))])
  const shaped = shapedHeaders.map((name) => [name, shapeOf(headers[name])])
  return {
    ...Object.fromEntries([...compared, ...shaped]),
    cookie: /sessionid=/.test(String(headers['set-cookie'] ?? '')),
  }
}

function shapeOf(value: unknown): string {
  if (value === undefined) return ''
  return String(value)
    .replaceAll(/"[0-9a-f]+-[0-9a-f]+"/g, '"<hex>-<hex>"')
    .replaceAll(/\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT/g, '<date>')
    .replace(/^http:.*\/api\//, '<base>/api/')
    .replaceAll(uuid, '<uuid>')
    .replaceAll(/\d+/g, '<number>')
}

/** Equal but for dates, secrets and what depends on the media's bytes. */
function normalizeJson(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => normalizeJson(item, key))
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, item]) => [name, normalizeJson(item, name)])
    if (key === 'shapes') return { ...Object.fromEntries(entries), id: '<id>' }
    return Object.fromEntries(entries)
  }
  if (key === 'width' || key === 'height') return '<number>'
  if (key === 'key') return /^[0-9a-f]{40}$|^<40-hex-login-token>$/.test(String(value)) ? '<key>' : value
  if (key === 'value') return /^\w{8}\.\w{32}$|^<8-chars>\.<32-chars>$/.test(String(value)) ? '<value>' : value
  return typeof value === 'string' ? normalizeText(value) : value
}

const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

function normalizeText(text: string): string {
  return text
    .replaceAll(uuid, '<uuid>')
    .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:]{8}\.\d{6}Z?/g, '<date>')
    .replaceAll(/\d{4}(_\d\d){5}/g, '<stamp>')
    .replaceAll(/available in \d+ seconds/g, 'available in <number> seconds')
}

function fillSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => {
    const credentials = /^Basic <(.+)>$/.exec(value)?.[1]
    return [name, credentials === undefined ? value : basic(credentials)]
  })
  return Object.fromEntries(entries)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
