-- A note changed: replace the fence, so that no answer that is being generated now can be stored,
-- and return the user's index. A user without an index has no fence, and needs none: every request
-- that read a fence before has lost it.
--
-- KEYS  questions
-- ARGV  prefix of a new fence
-- Returns the index: field, entry, field, entry, ...

-- include: common/fence
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {}
end
redis.call('HSET', KEYS[1], 'fence', new_fence(ARGV[1]))
return redis.call('HGETALL', KEYS[1])
