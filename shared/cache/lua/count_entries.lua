-- Return the numbers of unexpired entries in a partition, in the order of KINDS. Read-only, so that
-- it works while Redis is full.
--
-- KEYS  `counters.counter_keys`
-- ARGV  this hour since the epoch

-- include: common/counters
-- include: common/entry_counts
if redis.call('HGET', ENTRY_COUNTS, 'hour') == ARGV[1] then
  local numbers = redis.call('HMGET', ENTRY_COUNTS, unpack(KINDS))
  for i = 1, #KINDS do
    numbers[i] = math.max(0, tonumber(numbers[i]) or 0)
  end
  return numbers
end
local sums = sum_entries(tonumber(ARGV[1]))
local numbers = {}
for i, kind in ipairs(KINDS) do
  numbers[i] = sums[kind]
end
return numbers
