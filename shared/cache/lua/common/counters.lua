-- Counters of one day in a partition: a hash of integers.

local function count(counters, name, by)
  if by ~= 0 then
    redis.call('HINCRBY', counters, name, by)
  end
end

-- Add the pairs (name, number) that the client sent from ARGV[first] on. Set the TTL (s).
local function count_arguments(counters, first, ttl)
  for i = first, #ARGV, 2 do
    redis.call('HINCRBY', counters, ARGV[i], ARGV[i + 1])
  end
  redis.call('EXPIRE', counters, ttl)
end
