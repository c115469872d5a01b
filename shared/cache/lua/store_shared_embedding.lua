-- Store an embedding that all users share, and count it once if several requests store it.
--
-- KEYS  embedding, counters, entry counts
-- ARGV  embedding, ttl (s), ttl of counters (s)
-- Returns 1 if it was stored, 0 if the key held the same value.

-- include: common/counters
-- include: common/entry_counts
local embedding, counters, entry_counts = KEYS[1], KEYS[2], KEYS[3]
local now = tonumber(redis.call('TIME')[1])

if redis.call('GET', embedding) == ARGV[1] then
  return 0
end
local left = redis.call('TTL', embedding)
if left >= 0 then
  count_entry(entry_counts, 'e', now + left, -1, ARGV[3])  -- a corrupt value is replaced
end
redis.call('SET', embedding, ARGV[1], 'EX', ARGV[2])
count_entry(entry_counts, 'e', now + ARGV[2], 1, ARGV[3])
count(counters, 'l2_stores', 1)
redis.call('EXPIRE', counters, ARGV[3])
return 1
