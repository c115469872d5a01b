-- Keep an embedding for every user, and count it: once, however many bring it at the same time.
--
-- KEYS  embedding, counters, live entries
-- ARGV  embedding, ttl (s), ttl of counters (s)
-- Gives 1 if it was kept, 0 if it was there.

local embedding, counters, live = KEYS[1], KEYS[2], KEYS[3]
local now = tonumber(redis.call('TIME')[1])

-- By the hour in which it ends, as in keep.lua.
local function count_live(ends, by)
  if redis.call('HINCRBY', live, 'e' .. math.floor(ends / 3600), by) ~= by then
    return
  end
  redis.call('EXPIRE', live, ARGV[3])
  for _, name in ipairs(redis.call('HKEYS', live)) do
    if (tonumber(string.sub(name, 2)) or 0) < math.floor(now / 3600) then
      redis.call('HDEL', live, name)
    end
  end
end

local former = redis.call('GET', embedding)
if former == ARGV[1] then
  return 0
end
local left = redis.call('TTL', embedding)
if left >= 0 then
  count_live(now + left, -1)  -- it was damaged, and makes room
end
redis.call('SET', embedding, ARGV[1], 'EX', ARGV[2])
count_live(now + ARGV[2], 1)
redis.call('HINCRBY', counters, 'l2_stores', 1)
redis.call('EXPIRE', counters, ARGV[3])
return 1
