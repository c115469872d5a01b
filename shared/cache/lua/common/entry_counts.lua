-- Numbers of unexpired entries in a partition, in the hash `ENTRY_COUNTS` of common/counters:
--   a, c, e     number of answers, contexts and embeddings
--   h, i, j, k  number of answers with 1, 2 to 4, 5 to 9, and at least 10 hits
--   a489123     number of answers that expire in this hour since 1970; the other letters likewise
--   hour        hour in which expired entries were last removed

local KINDS = {'a', 'c', 'e', 'h', 'i', 'j', 'k'}

-- Return the number of entries in a field. It is negative after an eviction; a foreign value counts as 0.
local function number_of(value)
  local number = tonumber(value or nil) or 0
  return number > -1e15 and number < 1e15 and number or 0
end

-- Sum what expires in this hour or later, by kind. Also return the fields that expired before.
local function sum_entries(hour)
  local sums, expired = {}, {}
  for _, kind in ipairs(KINDS) do
    sums[kind] = 0
  end
  local flat = redis.call('HGETALL', ENTRY_COUNTS)
  for i = 1, #flat, 2 do
    local kind, ends = string.match(flat[i], '^(%l)(%d+)$')
    if ends and tonumber(ends) < hour then
      expired[#expired + 1] = flat[i]
    elseif ends and sums[kind] then
      sums[kind] = sums[kind] + math.max(0, number_of(flat[i + 1]))
    end
  end
  return sums, expired
end

-- Count an entry of a kind that expires at a time (s): `by` is 1 if it was stored, -1 if dropped.
local function count_entry(kind, expires, by)
  if not string.match(kind or '', '^[acehijk]$') then
    return
  end
  local now = math.floor(tonumber(redis.call('TIME')[1]) / 3600)
  if tonumber(redis.call('HGET', ENTRY_COUNTS, 'hour')) ~= now then
    local sums, expired = sum_entries(now)
    for _, field in ipairs(expired) do
      redis.call('HDEL', ENTRY_COUNTS, field)
    end
    redis.call('HSET', ENTRY_COUNTS, 'hour', now)
    for kind, sum in pairs(sums) do
      redis.call('HSET', ENTRY_COUNTS, kind, sum)
    end
    redis.call('EXPIRE', ENTRY_COUNTS, COUNTER_TTL)
  end
  local hour = math.floor(expires / 3600)
  if hour >= now then
    redis.call('HINCRBY', ENTRY_COUNTS, kind, by)
    redis.call('HINCRBY', ENTRY_COUNTS, kind .. hour, by)
  end
end
