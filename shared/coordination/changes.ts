// Which projects and tasks CVAT's events have marked as changed, and when each is to be backed up: once nothing more has come for
// a while, and after a longest wait whatever comes. In Redis: lost with it, and then the schedule finds what has changed.

import { type EntityRef, formatEntity, parseEntity } from '#shared/model/entity.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'

export interface QuietTimes {
  /** So long nothing more must have come, in milliseconds. */
  readonly quietMs: number
  /** After the first event it is backed up at the latest then, in milliseconds. */
  readonly longestMs: number
}

export interface NotedChange {
  readonly entity: EntityRef
  /** Another one each time that the entity was taken: an event after that belongs to the next backup. */
  readonly generation: number
  readonly dueAtMs: number
}

export type Taken =
  | { readonly entities: readonly EntityRef[] }
  /** More has come meanwhile. */
  | { readonly dueAtMs: number }
  /** Another batch has it. */
  | 'gone'

/** Every step is atomic and may run twice; several listeners and schedulers may be at work. */
export interface Changes {
  /** Marks entities as changed now. */
  note(entities: readonly EntityRef[], times: QuietTimes, nowMs: number): Promise<NotedChange[]>
  /**
   * Takes everything that is due into a batch of this id, if the given change is; a batch that was taken before and not dropped
   * is given again, so that nothing is lost with a handler that dies.
   */
  take(batchId: string, of: Pick<NotedChange, 'entity' | 'generation'> | undefined, nowMs: number): Promise<Taken>
  /** The batch was handed on. */
  drop(batchId: string): Promise<void>
  /** How many wait. */
  count(): Promise<number>
}

/** Entities of one batch, and so of one run. */
const BATCH = 1_000
/** A batch that nobody has dropped or taken up again by then belongs to a job that is gone. */
const BATCH_KEPT_SECONDS = 7 * 24 * 3600

export function openChanges({ redis, prefix }: QueueConnection): Changes {
  const dueKey = `${prefix}:changes:due`
  const firstKey = `${prefix}:changes:first`
  const lastKey = `${prefix}:changes:generation`
  const batchKey = (batchId: string) => `${prefix}:changes:batch:${batchId}`
  return {
    async note(entities, { quietMs, longestMs }, nowMs) {
      if (entities.length === 0) return []
      const names = entities.map(formatEntity)
      const flat = await redis.eval(noteScript, 3, dueKey, firstKey, lastKey, nowMs, quietMs, longestMs, ...names)
      const numbers = (flat as string[]).map(Number)
      return entities.map((entity, i) => ({ entity, generation: numbers[2 * i]!, dueAtMs: numbers[2 * i + 1]! }))
    },
    async take(batchId, of, nowMs) {
      const own = of ? [formatEntity(of.entity), of.generation] : ['', '']
      const keys = [dueKey, firstKey, batchKey(batchId)]
      const answer = await redis.eval(takeScript, 3, ...keys, nowMs, BATCH, BATCH_KEPT_SECONDS, ...own)
      const [what, ...rest] = answer as string[]
      if (what === 'gone') return 'gone'
      if (what === 'wait') return { dueAtMs: Number(rest[0]) }
      return { entities: rest.flatMap((name) => parseEntity(name) ?? []) }
    },
    async drop(batchId) {
      await redis.del(batchKey(batchId))
    },
    count: () => redis.zcard(dueKey),
  }
}

// KEYS due times, first events, last generation; ARGV now, quiet, longest, then entities. Gives generation and due time of each.
const noteScript = `
local now, quiet, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local answer = {}
for i = 4, #ARGV do
  local generation, first = string.match(redis.call('HGET', KEYS[2], ARGV[i]) or '', '^(%d+) (%d+)$')
  if not generation then
    generation = string.format('%d', redis.call('INCR', KEYS[3]))
    first = ARGV[1]
    redis.call('HSET', KEYS[2], ARGV[i], generation .. ' ' .. first)
  end
  local due = string.format('%.0f', math.min(now + quiet, tonumber(first) + longest))
  redis.call('ZADD', KEYS[1], due, ARGV[i])
  answer[#answer + 1] = generation
  answer[#answer + 1] = due
end
return answer
`

// KEYS due times, first events, the batch; ARGV now, most entities, seconds that a batch is kept, then entity and generation of
// whoever asks, or nothing
const takeScript = `
local batch = redis.call('LRANGE', KEYS[3], 0, -1)
if #batch == 0 then
  if ARGV[4] ~= '' then
    local known = redis.call('HGET', KEYS[2], ARGV[4]) or ''
    if string.match(known, '^%d+') ~= ARGV[5] then return { 'gone' } end
    local due = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[4]) or '0')
    if due > tonumber(ARGV[1]) then return { 'wait', string.format('%.0f', due) } end
  end
  batch = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
  for _, entity in ipairs(batch) do
    redis.call('ZREM', KEYS[1], entity)
    redis.call('HDEL', KEYS[2], entity)
    redis.call('RPUSH', KEYS[3], entity)
  end
  if #batch > 0 then redis.call('EXPIRE', KEYS[3], ARGV[3]) end
end
local answer = { 'taken' }
for _, entity in ipairs(batch) do answer[#answer + 1] = entity end
return answer
`
