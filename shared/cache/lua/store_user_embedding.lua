-- Keep an embedding for one user alone, unless the user was forgotten, or a note of theirs changed,
-- since round trip 1: nothing of a deleted user's may come back. And count it, in the same breath.
--
-- KEYS  questions, embeddings, counters, live entries
-- ARGV  the fence of round trip 1, field, embedding (its last ten digits say when it ends),
--       ttl (s), most embeddings, ttl of counters (s)
-- Gives 1 if it was kept, 0 if not.

-- include: common/entries
-- include: common/live
local embeddings, counters, live = KEYS[2], KEYS[3], KEYS[4]

if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
  return 0
end

local former = redis.call('HGET', embeddings, ARGV[2])
if former then
  count_live(live, 'e', end_of_embedding(former), -1, ARGV[6])
end
redis.call('HSET', embeddings, ARGV[2], ARGV[3])
redis.call('EXPIRE', embeddings, ARGV[4])
count_live(live, 'e', end_of_embedding(ARGV[3]), 1, ARGV[6])
redis.call('HINCRBY', counters, 'l2_stores', 1)
if redis.call('HLEN', embeddings) > tonumber(ARGV[5]) then
  -- The one of ten that ends first: to look at all of them would take longer, and be no better.
  local drawn = redis.call('HRANDFIELD', embeddings, 10, 'WITHVALUES')
  local oldest, first
  for i = 1, #drawn, 2 do
    local other = end_of_embedding(drawn[i + 1])
    if drawn[i] ~= ARGV[2] and (not first or other < first) then
      oldest, first = drawn[i], other
    end
  end
  if oldest then
    redis.call('HDEL', embeddings, oldest)
    count_live(live, 'e', first, -1, ARGV[6])
    redis.call('HINCRBY', counters, 'l2_drops', 1)
  end
end
redis.call('EXPIRE', counters, ARGV[6])
return 1
