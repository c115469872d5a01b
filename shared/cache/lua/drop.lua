-- Drop questions, and replace the fence in the same breath: an answer that is being written from
-- the context of one of them will not be stored, and nobody who asks from now on waits for it.
--
-- KEYS  questions, answers, contexts, counters, live entries
-- ARGV  the beginning of a new fence, ttl of counters (s), how long ago the note changed (ms), then fields to drop
-- Gives how many were dropped.

local dropped = 0
for i = 4, #ARGV do
  local entry = redis.call('HGET', KEYS[1], ARGV[i])
  if entry then
    -- One live entry less, in the hour in which it would have ended.
    local hour = math.floor((tonumber(string.sub(entry, 14, 23)) or 0) / 3600)
    redis.call('HINCRBY', KEYS[5], string.sub(entry, 2, 2) .. hour, -1)
  end
  dropped = dropped + redis.call('HDEL', KEYS[1], ARGV[i])
  redis.call('HDEL', KEYS[2], ARGV[i])
  redis.call('HDEL', KEYS[3], ARGV[i])
end
-- Also where eviction was faster: somebody may be writing from what it took.
if #ARGV > 3 and redis.call('EXISTS', KEYS[1]) == 1 then
  local at = redis.call('TIME')  -- see raise_fence.lua
  redis.call('HSET', KEYS[1], 'fence', ARGV[1] .. at[1] .. at[2])
end
redis.call('HINCRBY', KEYS[4], 'invalidations', 1)
redis.call('HINCRBY', KEYS[4], 'dropped', dropped)
redis.call('HINCRBY', KEYS[4], 'kept', math.max(0, redis.call('HLEN', KEYS[1]) - 1))
redis.call('HINCRBY', KEYS[4], 'lag_ms', ARGV[3])
redis.call('EXPIRE', KEYS[4], ARGV[2])
redis.call('EXPIRE', KEYS[5], ARGV[2])
return dropped
