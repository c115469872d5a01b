-- Live entries are counted by kind and by the hour (of the epoch) in which they end. With the first
-- of an hour, those that have ended are forgotten.

local function count_live(live, kind, ends, by, ttl)
  local hour = math.floor(ends / 3600)
  if redis.call('HINCRBY', live, kind .. hour, by) ~= by then
    return
  end
  redis.call('EXPIRE', live, ttl)
  local now = math.floor(tonumber(redis.call('TIME')[1]) / 3600)
  for _, name in ipairs(redis.call('HKEYS', live)) do
    if (tonumber(string.sub(name, 2)) or 0) < now then
      redis.call('HDEL', live, name)
    end
  end
end
