-- Keep an embedding for one user alone, unless the user was forgotten, or a note of theirs changed,
-- since round trip 1: nothing of a deleted user's may come back.
--
-- KEYS  questions, embeddings
-- ARGV  the fence of round trip 1, field, embedding (its last ten digits say when it ends),
--       ttl (s), most embeddings
-- Gives 1 if it was kept, 0 if not.

if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[4])
if redis.call('HLEN', KEYS[2]) > tonumber(ARGV[5]) then
  -- The one of ten that ends first: to look at all of them would take longer, and be no better.
  local drawn = redis.call('HRANDFIELD', KEYS[2], 10, 'WITHVALUES')
  local oldest, ends
  for i = 1, #drawn, 2 do
    local other = string.sub(drawn[i + 1], -10)
    if drawn[i] ~= ARGV[2] and (not ends or other < ends) then
      oldest, ends = drawn[i], other
    end
  end
  if oldest then
    redis.call('HDEL', KEYS[2], oldest)
  end
end
return 1
