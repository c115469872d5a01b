-- A note changed: replace the fence, so that nothing being generated now will be stored, and
-- read the user's index. Where there is no index there is no fence either, and a question that
-- held one has lost it.
--
-- KEYS  questions
-- ARGV  the beginning of a new fence
-- Returns the index: field, entry, field, entry, ...

if redis.call('EXISTS', KEYS[1]) == 0 then
  return {}
end
-- With the time, since a command whose reply was lost is sent again: meanwhile somebody else may
-- have replaced the fence, and no fence may ever come back.
local at = redis.call('TIME')
redis.call('HSET', KEYS[1], 'fence', ARGV[1] .. at[1] .. at[2])
return redis.call('HGETALL', KEYS[1])
