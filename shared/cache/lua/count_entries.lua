-- Return the numbers of unexpired answers, contexts and embeddings in a partition. Read-only, so
-- that it works while Redis is full.
--
-- KEYS  `counters.counter_keys`
-- ARGV  this hour since the epoch

-- include: common/counters
-- include: common/entry_counts
if redis.call('HGET', ENTRY_COUNTS, 'hour') == ARGV[1] then
  local numbers = redis.call('HMGET', ENTRY_COUNTS, 'a', 'c', 'e')
  for i = 1, 3 do
    numbers[i] = math.max(0, tonumber(numbers[i]) or 0)
  end
  return numbers
end
local sums = sum_entries(tonumber(ARGV[1]))
return {sums.a, sums.c, sums.e}
