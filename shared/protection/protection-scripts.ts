// The protection table's steps that must not be torn apart, as Redis scripts. A row is a JSON object in one hash.

// KEYS table; ARGV 1 when rows that are not there are made, then series and patch in turn. A patch is JSON: `set` replaces
// fields, `later` does so with larger numbers only, `drop` names fields that go.
export const noteScript = `
local noted = 0
for i = 2, #ARGV, 2 do
  local text = redis.call('HGET', KEYS[1], ARGV[i])
  if text or ARGV[1] == '1' then
    local row = text and cjson.decode(text) or {}
    local patch = cjson.decode(ARGV[i + 1])
    for _, field in ipairs(patch.drop) do row[field] = nil end
    for field, value in pairs(patch.set) do row[field] = value end
    for field, value in pairs(patch.later) do
      if not row[field] or row[field] < value then row[field] = value end
    end
    redis.call('HSET', KEYS[1], ARGV[i], cjson.encode(row))
    noted = noted + 1
  end
end
return noted
`

// KEYS table; ARGV mode, when the listing began, then series: rows that this mode's listings no longer see lose its mark,
// and go when no other mode's sees them.
export const forgetScript = `
local forgotten = 0
for i = 3, #ARGV do
  local text = redis.call('HGET', KEYS[1], ARGV[i])
  local row = text and cjson.decode(text)
  if row and row[ARGV[1]] and row[ARGV[1]] < tonumber(ARGV[2]) then
    row[ARGV[1]] = nil
    if row.p or row.a or row.t then
      redis.call('HSET', KEYS[1], ARGV[i], cjson.encode(row))
    else
      redis.call('HDEL', KEYS[1], ARGV[i])
      forgotten = forgotten + 1
    end
  end
end
return forgotten
`
