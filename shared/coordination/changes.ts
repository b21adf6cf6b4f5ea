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
  /** Nobody has said yet that a job wakes up for it. */
  readonly needsJob: boolean
}

/** What must not be noted twice: these very words are known for this long, in milliseconds. */
export interface Once {
  readonly key: string
  readonly windowMs: number
}

export type Taken =
  | { readonly entities: readonly EntityRef[] }
  /** More has come meanwhile. */
  | { readonly dueAtMs: number }
  /** Another batch has it. */
  | 'gone'

/** Every step is atomic and may run twice; several listeners and schedulers may be at work. */
export interface Changes {
  /**
   * Marks entities as changed now, at least one. One round trip: hundreds of events come for one project.
   * @param once undefined: noted however often. `seen`: it was noted before, and nothing is
   */
  note(entities: readonly EntityRef[], times: QuietTimes, nowMs: number, once?: Once): Promise<NotedChange[] | 'seen'>
  /** Their jobs were added. */
  noteAdded(noted: readonly Pick<NotedChange, 'entity' | 'generation'>[]): Promise<void>
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
    async note(entities, { quietMs, longestMs }, nowMs, once) {
      // A key besides that is never read stands for none.
      const keys = [dueKey, firstKey, lastKey, once?.key ?? dueKey]
      const words = [nowMs, quietMs, longestMs, once?.windowMs ?? 0, ...entities.map(formatEntity)]
      const flat = (await redis.eval(noteScript, 4, ...keys, ...words)) as string[] | null
      if (flat === null) return 'seen'
      return entities.map((entity, i) => ({
        entity,
        generation: Number(flat[3 * i]),
        dueAtMs: Number(flat[3 * i + 1]),
        needsJob: flat[3 * i + 2] === '1',
      }))
    },
    async noteAdded(noted) {
      const words = noted.flatMap(({ entity, generation }) => [formatEntity(entity), generation])
      await redis.eval(addedScript, 1, firstKey, ...words)
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

// KEYS due times, first events, last generation, what was seen; ARGV now, quiet, longest, how long it is known to be seen (0:
// never), then entities. Gives generation, due time and whether it needs a job of each; nothing where it was seen.
const noteScript = `
if ARGV[4] ~= '0' and not redis.call('SET', KEYS[4], '1', 'PX', ARGV[4], 'NX') then return false end
local now, quiet, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local answer = {}
for i = 5, #ARGV do
  local generation, first, added = string.match(redis.call('HGET', KEYS[2], ARGV[i]) or '', '^(%d+) (%d+)(.*)$')
  if not generation then
    generation = string.format('%d', redis.call('INCR', KEYS[3]))
    first = ARGV[1]
    redis.call('HSET', KEYS[2], ARGV[i], generation .. ' ' .. first)
  end
  local due = string.format('%.0f', math.min(now + quiet, tonumber(first) + longest))
  redis.call('ZADD', KEYS[1], due, ARGV[i])
  answer[#answer + 1] = generation
  answer[#answer + 1] = due
  answer[#answer + 1] = added == ' added' and '0' or '1'
end
return answer
`

// KEYS first events; ARGV entity and generation of each. One that was taken meanwhile is none of ours.
const addedScript = `
for i = 1, #ARGV, 2 do
  local generation, first = string.match(redis.call('HGET', KEYS[1], ARGV[i]) or '', '^(%d+) (%d+)')
  if generation == ARGV[i + 1] then redis.call('HSET', KEYS[1], ARGV[i], generation .. ' ' .. first .. ' added') end
end
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
