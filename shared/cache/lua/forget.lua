-- Leave nothing of a user's; whatever is being generated has lost its fence.
--
-- KEYS  questions, answers, contexts, counters, live entries, embeddings of this user's own
-- ARGV  ttl of counters (s), how long ago the change was (ms)
-- Gives how many questions were dropped.

local dropped = 0
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  if flat[i] ~= 'fence' then
    local hour = math.floor((tonumber(string.sub(flat[i + 1], 14, 23)) or 0) / 3600)
    redis.call('HINCRBY', KEYS[5], string.sub(flat[i + 1], 2, 2) .. hour, -1)
    dropped = dropped + 1
  end
end
for _, embedding in ipairs(redis.call('HVALS', KEYS[6])) do
  local hour = math.floor((tonumber(string.sub(embedding, -10)) or 0) / 3600)
  redis.call('HINCRBY', KEYS[5], 'e' .. hour, -1)
end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[6])
redis.call('HINCRBY', KEYS[4], 'invalidations', 1)
redis.call('HINCRBY', KEYS[4], 'dropped', dropped)
redis.call('HINCRBY', KEYS[4], 'lag_ms', ARGV[2])
redis.call('EXPIRE', KEYS[4], ARGV[1])
redis.call('EXPIRE', KEYS[5], ARGV[1])
return dropped
