-- Drop questions, and replace the fence in the same breath: an answer that is being written from
-- the context of one of them will not be stored, and nobody who asks from now on waits for it.
--
-- KEYS  questions, answers, contexts, counters, live entries
-- ARGV  the beginning of a new fence, ttl of counters (s), how long ago the note changed (ms), then
--       fields to drop
-- Gives how many were dropped.

local questions, counters, live = KEYS[1], KEYS[4], KEYS[5]
local LONGEST = 7 * 86400 * 1000

-- Questions that are answered, by an answer of their own or another's; what was kept for them.
local function answers(kinds)
  return (kinds['a'] or 0) + (kinds['='] or 0)
end

local dropped, gone = 0, {}
for i = 4, #ARGV do
  local entry = redis.call('HGET', questions, ARGV[i])
  if entry then
    local kind = string.sub(entry, 2, 2)
    gone[kind] = (gone[kind] or 0) + 1
    -- One live entry less, in the hour in which it would have ended.
    local hour = math.floor((tonumber(string.sub(entry, 14, 23)) or 0) / 3600)
    redis.call('HINCRBY', live, kind .. hour, -1)
  end
  dropped = dropped + redis.call('HDEL', questions, ARGV[i])
  redis.call('HDEL', KEYS[2], ARGV[i])
  redis.call('HDEL', KEYS[3], ARGV[i])
end
-- Also where eviction was faster: somebody may be writing from what it took.
if #ARGV > 3 and redis.call('EXISTS', questions) == 1 then
  local at = redis.call('TIME')  -- see raise_fence.lua
  redis.call('HSET', questions, 'fence', ARGV[1] .. at[1] .. at[2])
end

local kept = {}
local flat = redis.call('HGETALL', questions)
for i = 1, #flat, 2 do
  if flat[i] ~= 'fence' then
    local kind = string.sub(flat[i + 1], 2, 2)
    kept[kind] = (kept[kind] or 0) + 1
  end
end
local counted = {
  invalidations = 1,
  dropped = answers(gone),
  kept = answers(kept),
  l1_drops = gone['a'] or 0,
  l3_drops = (gone['a'] or 0) + (gone['c'] or 0),
}
-- What is told so late is no change that kept somebody waiting, but an old message once more.
local lag = tonumber(ARGV[3])
counted[lag > LONGEST and 'replayed' or 'lag_ms'] = lag > LONGEST and 1 or lag
for name, times in pairs(counted) do
  redis.call('HINCRBY', counters, name, times)
end
redis.call('EXPIRE', counters, ARGV[2])
redis.call('EXPIRE', live, ARGV[2])
return dropped
