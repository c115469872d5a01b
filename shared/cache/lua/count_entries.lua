-- Return the numbers of unexpired answers, contexts and embeddings in a partition. Read-only, so
-- that it works while Redis is full.
--
-- KEYS  entry counts
-- ARGV  this hour since the epoch

-- include: common/entry_counts
local numbers = {}
if redis.call('HGET', KEYS[1], 'hour') == ARGV[1] then
  for i, number in ipairs(redis.call('HMGET', KEYS[1], 'a', 'c', 'e')) do
    numbers[i] = math.max(0, tonumber(number) or 0)
  end
  return numbers
end
local sums = sum_entries(KEYS[1], tonumber(ARGV[1]))
return {sums.a, sums.c, sums.e}
