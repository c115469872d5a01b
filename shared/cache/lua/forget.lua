-- Leave nothing of a user's; whatever is being generated has lost its fence.
--
-- KEYS  questions, answers, contexts, counters, live entries, embeddings of this user's own
-- ARGV  ttl of counters (s), how long ago the change was (ms)
-- Gives how many questions were dropped.

local counters, live = KEYS[4], KEYS[5]
local LONGEST = 7 * 86400 * 1000

local dropped, gone = 0, {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  if flat[i] ~= 'fence' then
    local kind = string.sub(flat[i + 1], 2, 2)
    local hour = math.floor((tonumber(string.sub(flat[i + 1], 14, 23)) or 0) / 3600)
    redis.call('HINCRBY', live, kind .. hour, -1)
    gone[kind] = (gone[kind] or 0) + 1
    dropped = dropped + 1
  end
end
local embeddings = redis.call('HVALS', KEYS[6])
for _, embedding in ipairs(embeddings) do
  local hour = math.floor((tonumber(string.sub(embedding, -10)) or 0) / 3600)
  redis.call('HINCRBY', live, 'e' .. hour, -1)
end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[6])

-- As in drop.lua.
local counted = {
  invalidations = 1,
  dropped = (gone['a'] or 0) + (gone['='] or 0),
  l1_drops = gone['a'] or 0,
  l2_drops = #embeddings,
  l3_drops = (gone['a'] or 0) + (gone['c'] or 0),
}
local lag = tonumber(ARGV[2])
counted[lag > LONGEST and 'replayed' or 'lag_ms'] = lag > LONGEST and 1 or lag
for name, times in pairs(counted) do
  redis.call('HINCRBY', counters, name, times)
end
redis.call('EXPIRE', counters, ARGV[1])
redis.call('EXPIRE', live, ARGV[1])
return dropped
