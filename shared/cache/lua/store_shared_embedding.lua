-- Store an embedding that all users share, and count it once if several requests store it.
--
-- KEYS  embedding, then `counters.counter_keys`
-- ARGV  embedding, ttl (s)
-- Returns 1 if it was stored, 0 if the key held the same value.

-- include: common/counters
-- include: common/entry_counts
local embedding = KEYS[1]
local now = tonumber(redis.call('TIME')[1])

if redis.call('GET', embedding) == ARGV[1] then
  return 0
end
local left = redis.call('TTL', embedding)
if left >= 0 then
  count_entry('e', now + left, -1)  -- a corrupt value is replaced
end
redis.call('SET', embedding, ARGV[1], 'EX', ARGV[2])
count_entry('e', now + ARGV[2], 1)
count('l2_stores', 1)
return 1
