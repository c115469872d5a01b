-- Return the numbers of unexpired entries in a partition, in the order of KINDS. Read-only, so that
-- it works while Redis is full.
--
-- KEYS  `counters.counter_keys`
-- ARGV  this hour since the epoch

-- include: common/counters
-- include: common/entry_counts
local FIELDS_AN_HOUR = 24  -- subtracting an hour takes as long as summing so many fields
local now, numbers = tonumber(ARGV[1]), {}
local found = redis.call('HMGET', ENTRY_COUNTS, 'hour', unpack(KINDS))
local hour = tonumber(found[1] or nil)

if not hour or (now - hour) * FIELDS_AN_HOUR > redis.call('HLEN', ENTRY_COUNTS) then
  local sums = sum_entries(now)
  for i, kind in ipairs(KINDS) do
    numbers[i] = sums[kind]
  end
  return numbers
end
for i = 1, #KINDS do
  numbers[i] = number_of(found[i + 1])
end
for ended = hour, now - 1 do
  local fields = {}
  for i, kind in ipairs(KINDS) do
    fields[i] = kind .. ended
  end
  for i, expired in ipairs(redis.call('HMGET', ENTRY_COUNTS, unpack(fields))) do
    numbers[i] = numbers[i] - number_of(expired)
  end
end
for i = 1, #KINDS do
  numbers[i] = math.max(0, numbers[i])
end
return numbers
