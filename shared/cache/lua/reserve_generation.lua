-- Reserve a generation of a user's daily budget.
--
-- KEYS  usage
-- ARGV  day (YYYYMMDD, UTC), generations a day (0: no limit), nanodollars a day (0: no limit)
-- Returns 1 if it was reserved, 0 if the budget of the day is used up.

local usage, day = KEYS[1], ARGV[1]
if redis.call('HGET', usage, 'day') ~= day then
  redis.call('DEL', usage)
  redis.call('HSET', usage, 'day', day)
  redis.call('EXPIRE', usage, 172800)
end
for at, name in ipairs({'generations', 'nanodollars'}) do
  local limit = tonumber(ARGV[1 + at])
  if limit > 0 and tonumber(redis.call('HGET', usage, name) or 0) >= limit then
    return 0
  end
end
redis.call('HINCRBY', usage, 'generations', 1)
return 1
