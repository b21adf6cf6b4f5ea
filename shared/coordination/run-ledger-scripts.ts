// The run ledger's steps that must not be torn apart, as Redis scripts. Every key shares one hash tag (the prefix),
// so keys made inside a script live in the same slot as those passed in.

// KEYS run, index of runs
// ARGV runId, now, start of the time that is kept, jobId, mode, full, trigger, whole
export const openScript = `
if redis.call('HSETNX', KEYS[1], 'startedAtMs', ARGV[2]) == 1 then
  redis.call('HSET', KEYS[1], 'jobId', ARGV[4], 'mode', ARGV[5], 'full', ARGV[6], 'trigger', ARGV[7], 'whole', ARGV[8],
    'state', 'listing')
  redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[2], 0, ARGV[3])
elseif redis.call('HEXISTS', KEYS[1], 'listingError') == 1 and redis.call('HGET', KEYS[1], 'state') ~= 'interrupted' then
  redis.call('HSET', KEYS[1], 'state', 'listing')
  redis.call('HDEL', KEYS[1], 'listingError', 'endedAtMs')
end
return redis.call('HGET', KEYS[1], 'cursor') or ''
`

// KEYS run; ARGV why listing broke off, or nothing
export const endListingScript = `
if redis.call('HGET', KEYS[1], 'state') ~= 'listing' then return end
redis.call('HSET', KEYS[1], 'state', 'waiting')
if ARGV[1] ~= '' then redis.call('HSET', KEYS[1], 'listingError', ARGV[1]) end
`

// KEYS run, planned, pending, events, claim, claim's runs, planned in the other way
// ARGV runId, series, backupId, action, name, reason, now, events kept, what the entity is listed as, first queue
export const planScript = `
local seen = redis.call('SADD', KEYS[2], ARGV[9]) == 0 or redis.call('SISMEMBER', KEYS[7], ARGV[9]) == 1
if ARGV[4] ~= 'backup' and ARGV[4] ~= 'workflow' then
  if seen then return 'counted' end
  local field = ARGV[4] == 'skip' and 'skipped' or 'empty'
  redis.call('HINCRBY', KEYS[1], 'total', 1)
  redis.call('HINCRBY', KEYS[1], field, 1)
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[8], '*', 'what', field, 'series', ARGV[2], 'name', ARGV[5], 'reason', ARGV[6])
  return 'counted'
end
local owner = redis.call('HGET', KEYS[5], 'backupId')
if seen then
  if owner == ARGV[3] then return 'new' end
  return 'counted'
end
redis.call('HINCRBY', KEYS[1], 'total', 1)
redis.call('SADD', KEYS[6], ARGV[1])
if owner and owner ~= ARGV[3] then
  redis.call('HSET', KEYS[3], ARGV[2], owner)
  return 'joined'
end
redis.call('HSET', KEYS[5], 'backupId', ARGV[3], 'queue', ARGV[10], 'jobId', ARGV[3], 'changedAtMs', ARGV[7])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
return 'new'
`

// KEYS claim, claim's runs, runs that it failed for
// ARGV backupId, runId, series, result, bytes, failure as JSON, name, reason, start of the runs' keys, events kept,
//   seconds that failures are kept, how many runs may have the claim (empty: any number)
export const settleScript = `
local owns = redis.call('HGET', KEYS[1], 'backupId') == ARGV[1]
if owns and ARGV[12] ~= '' and redis.call('SCARD', KEYS[2]) ~= tonumber(ARGV[12]) then return false end
redis.call('SADD', KEYS[3], ARGV[2])
if owns then
  redis.call('SUNIONSTORE', KEYS[3], KEYS[2], KEYS[3])
  redis.call('DEL', KEYS[1], KEYS[2])
end
local runs = redis.call('SMEMBERS', KEYS[3])
if ARGV[4] == 'failed' then redis.call('EXPIRE', KEYS[3], ARGV[11]) else redis.call('DEL', KEYS[3]) end

local ended = {}
for _, run in ipairs(runs) do
  local key = ARGV[9] .. run
  local state = redis.call('HGET', key, 'state')
  if state then
    local counted = false
    if redis.call('HGET', key .. ':pending', ARGV[3]) == ARGV[1] then
      redis.call('HDEL', key .. ':pending', ARGV[3])
      counted = true
    elseif ARGV[4] ~= 'failed' and redis.call('HDEL', key .. ':failures', ARGV[3]) == 1 then
      redis.call('HINCRBY', key, 'failed', -1)
      counted = true
    end
    if counted then
      redis.call('HINCRBY', key, ARGV[4], 1)
      redis.call('HINCRBY', key, 'sizeBytes', ARGV[5])
      if ARGV[4] == 'failed' then redis.call('HSET', key .. ':failures', ARGV[3], ARGV[6]) end
      redis.call('XADD', key .. ':events', 'MAXLEN', '~', ARGV[10], '*',
        'what', ARGV[4], 'series', ARGV[3], 'name', ARGV[7], 'sizeBytes', ARGV[5], 'reason', ARGV[8])
      if state ~= 'listing' and redis.call('HLEN', key .. ':pending') == 0 then table.insert(ended, run) end
    end
  end
end
return ended
`
