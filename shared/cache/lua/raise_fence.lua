-- A note changed: replace the fence, so that nothing being generated now will be stored, and
-- read the user's index. Where there is no index there is no fence either, and a question that
-- held one has lost it.
--
-- KEYS  questions
-- ARGV  a new fence
-- Gives the index: field, entry, field, entry, ...

if redis.call('EXISTS', KEYS[1]) == 0 then
  return {}
end
redis.call('HSET', KEYS[1], 'fence', ARGV[1])
return redis.call('HGETALL', KEYS[1])
