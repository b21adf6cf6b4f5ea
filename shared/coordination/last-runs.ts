// The last whole run of each mode, for whoever asks whether backups still happen. In Redis: lost with it, and written anew by
// the next run.

import { z } from 'zod'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'

export interface EndedRun {
  readonly mode: Mode
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** Nothing has failed, and everything was listed. */
  readonly ok: boolean
  readonly done: number
  readonly noted: number
  readonly skipped: number
  readonly empty: number
  readonly failed: number
  readonly sizeBytes: number
  /** How many of its failures have each code; of the first thousand. */
  readonly failures: Readonly<Record<string, number>>
}

export interface LastRun {
  readonly mode: Mode
  readonly startedAtMs: number | undefined
  /** The run that began last among those that have ended. */
  readonly ended: EndedRun | undefined
  /** When the last good one ended. */
  readonly succeededAtMs: number | undefined
}

/** Every step is atomic, may run twice and come in any order: an earlier run never takes the place of a later one. */
export interface LastRuns {
  noteStarted(mode: Mode, startedAtMs: number): Promise<void>
  noteEnded(run: EndedRun): Promise<void>
  /** The modes of which something is known. */
  read(): Promise<LastRun[]>
}

const modes: readonly Mode[] = ['p', 'a', 't']

const endedSchema = z.object({
  mode: z.enum(['p', 'a', 't']),
  startedAtMs: z.number(),
  endedAtMs: z.number(),
  ok: z.boolean(),
  done: z.number(),
  /** Earlier versions noted no workflows. */
  noted: z.number().default(0),
  skipped: z.number(),
  empty: z.number(),
  failed: z.number(),
  sizeBytes: z.number(),
  failures: z.record(z.string(), z.number()),
})

export function openLastRuns({ redis, prefix }: QueueConnection): LastRuns {
  const key = `${prefix}:last-runs`
  return {
    async noteStarted(mode, startedAtMs) {
      await redis.eval(noteScript, 1, key, `${mode} started`, startedAtMs, '', '', '', '')
    },
    async noteEnded(run) {
      const { mode, startedAtMs, endedAtMs, ok } = run
      const success = ok ? `${mode} succeeded` : ''
      await redis.eval(
        noteScript,
        1,
        key,
        `${mode} order`,
        startedAtMs,
        `${mode} ended`,
        JSON.stringify(run),
        success,
        endedAtMs,
      )
    },
    async read() {
      const fields = await redis.hgetall(key)
      const time = (name: string) => (Number(fields[name]) > 0 ? Number(fields[name]) : undefined)
      return modes.flatMap((mode) => {
        const run = {
          mode,
          startedAtMs: time(`${mode} started`),
          ended: parseEnded(fields[`${mode} ended`]),
          succeededAtMs: time(`${mode} succeeded`),
        }
        return run.startedAtMs === undefined && run.ended === undefined ? [] : [run]
      })
    },
  }
}

function parseEnded(text: string | undefined): EndedRun | undefined {
  try {
    return text === undefined ? undefined : endedSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

// KEYS last runs; ARGV field of a time and the time, then (if any) a field and its text that belong to the latest time, then (if
// any) a field of another time that only grows, and that time
const noteScript = `
local function later(field, time)
  local known = tonumber(redis.call('HGET', KEYS[1], field) or '0')
  if known > tonumber(time) then return false end
  redis.call('HSET', KEYS[1], field, time)
  return true
end
if later(ARGV[1], ARGV[2]) and ARGV[3] ~= '' then redis.call('HSET', KEYS[1], ARGV[3], ARGV[4]) end
if ARGV[5] ~= '' then later(ARGV[5], ARGV[6]) end
`
