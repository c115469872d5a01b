-- Keep an embedding for every user, and count it: once, however many bring it at the same time.
--
-- KEYS  embedding, counters, live entries
-- ARGV  embedding, ttl (s), ttl of counters (s)
-- Gives 1 if it was kept, 0 if it was there.

-- include: common/live
local embedding, counters, live = KEYS[1], KEYS[2], KEYS[3]
local now = tonumber(redis.call('TIME')[1])

local former = redis.call('GET', embedding)
if former == ARGV[1] then
  return 0
end
local left = redis.call('TTL', embedding)
if left >= 0 then
  count_live(live, 'e', now + left, -1, ARGV[3])  -- it was damaged, and makes room
end
redis.call('SET', embedding, ARGV[1], 'EX', ARGV[2])
count_live(live, 'e', now + ARGV[2], 1, ARGV[3])
redis.call('HINCRBY', counters, 'l2_stores', 1)
redis.call('EXPIRE', counters, ARGV[3])
return 1
