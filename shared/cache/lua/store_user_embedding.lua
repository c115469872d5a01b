-- Store and count an embedding of one user, unless a note changed or the user was deleted since
-- round trip 1: nothing of a deleted user may be stored again.
--
-- KEYS  questions, embeddings, then `counters.counter_keys`
-- ARGV  the fence of round trip 1, field, embedding (its last ten digits are its expiry), ttl (s),
--       maximum number of embeddings
-- Returns 1 if it was stored, 0 if not.

-- include: common/entries
-- include: common/counters
-- include: common/entry_counts
local embeddings, field, embedding = KEYS[2], ARGV[2], ARGV[3]

if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
  return 0
end

local former = redis.call('HGET', embeddings, field)
if former then
  count_entry('e', end_of_embedding(former), -1)
end
redis.call('HSET', embeddings, field, embedding)
redis.call('EXPIRE', embeddings, ARGV[4])
count_entry('e', end_of_embedding(embedding), 1)
count('l2_stores', 1)
if redis.call('HLEN', embeddings) > tonumber(ARGV[5]) then
  -- Evict the one of ten random embeddings that expires first: reading all would take longer.
  local drawn = redis.call('HRANDFIELD', embeddings, 10, 'WITHVALUES')
  local oldest, first
  for i = 1, #drawn, 2 do
    local expires = end_of_embedding(drawn[i + 1])
    if drawn[i] ~= field and (not first or expires < first) then
      oldest, first = drawn[i], expires
    end
  end
  if oldest then
    redis.call('HDEL', embeddings, oldest)
    count_entry('e', first, -1)
    count('l2_drops', 1)
  end
end
return 1
