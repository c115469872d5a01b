-- A script that counts takes `counters.counter_keys` as its last three KEYS, hashes of integers: the entry
-- counts of a partition, its counters of today, and its counters of all time.

local ENTRY_COUNTS, TODAY, ALL_TIME = KEYS[#KEYS - 2], KEYS[#KEYS - 1], KEYS[#KEYS]
local COUNTER_TTL = 7776000  -- 90 days (s), as in counters.py

local function count(name, by)
  if by == 0 then
    return
  end
  redis.call('HINCRBY', ALL_TIME, name, by)
  if redis.call('HINCRBY', TODAY, name, by) == tonumber(by) then  -- its first increment today
    redis.call('EXPIRE', TODAY, COUNTER_TTL)
    redis.call('EXPIRE', ALL_TIME, COUNTER_TTL)
  end
end

-- Add the pairs (name, number) that the client sent from ARGV[first] on.
local function count_arguments(first)
  for i = first, #ARGV, 2 do
    count(ARGV[i], ARGV[i + 1])
  end
end
