-- Reserve a generation of a user's daily budget.
--
-- KEYS  usage, for a generation of warming also questions
-- ARGV  day (YYYYMMDD, UTC), then the limits of a day, each empty for none: generations,
--       nanodollars, and for a generation of warming the generations of warming
-- Returns 1 if it was reserved, 0 if the budget of the day is used up, or if warming would write for
-- a user without an index, who may have been deleted.

local usage, day = KEYS[1], ARGV[1]
if KEYS[2] and redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
if redis.call('HGET', usage, 'day') ~= day then
  redis.call('DEL', usage)
  redis.call('HSET', usage, 'day', day)
  redis.call('EXPIRE', usage, 172800)
end
for at, name in ipairs({'generations', 'nanodollars', 'warmed'}) do
  local limit = tonumber(ARGV[1 + at])
  if limit and tonumber(redis.call('HGET', usage, name) or 0) >= limit then
    return 0
  end
end
redis.call('HINCRBY', usage, 'generations', 1)
if KEYS[2] then
  redis.call('HINCRBY', usage, 'warmed', 1)
end
return 1
