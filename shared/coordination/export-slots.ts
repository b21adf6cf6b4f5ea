// How many exports may be queued or running at the CVAT server at once, over all exporters. A slot is taken before the
// export is asked for and given back when the server's request is known to have ended, whatever happened to the job
// in between: an export that nobody polls any more still keeps the server busy.

import type { QueueConnection } from '#shared/queues/open-queue.ts'

export interface Slot {
  /** The series' key, or `request <id>` for an export found running at the server. */
  readonly holder: string
  /** Empty until the server has answered. */
  readonly requestId: string
  readonly takenAtMs: number
}

export interface ExportSlots {
  /** True when the holder has a slot now (also when it had one before). */
  take(holder: string, limit: number): Promise<boolean>
  /** Remembers which request at the server the slot stands for. */
  note(holder: string, requestId: string): Promise<void>
  giveBack(holder: string): Promise<void>
  list(): Promise<Slot[]>
}

export function openExportSlots({ redis, prefix }: QueueConnection): ExportSlots {
  const key = `${prefix}:export-slots`
  const write = (holder: string, requestId: string) =>
    redis.hset(key, holder, JSON.stringify({ requestId, takenAtMs: Date.now() }))
  return {
    async take(holder, limit) {
      const fresh = JSON.stringify({ requestId: '', takenAtMs: Date.now() })
      return (await redis.eval(takeScript, 1, key, holder, limit, fresh)) === 1
    },
    async note(holder, requestId) {
      await write(holder, requestId)
    },
    async giveBack(holder) {
      await redis.hdel(key, holder)
    },
    async list() {
      const fields = await redis.hgetall(key)
      return Object.entries(fields).map(([holder, value]) => ({ holder, ...parseSlot(value) }))
    },
  }
}

/** A slot for an export that runs at the server though no job of ours is known to have asked for it. */
export function foreignHolder(requestId: string): string {
  return `request ${requestId}`
}

function parseSlot(value: string): Omit<Slot, 'holder'> {
  const parsed = JSON.parse(value) as { requestId?: unknown; takenAtMs?: unknown }
  return { requestId: String(parsed.requestId ?? ''), takenAtMs: Number(parsed.takenAtMs ?? 0) }
}

const takeScript = `
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 1 end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
`
