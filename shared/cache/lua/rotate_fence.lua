-- A note changed: replace the fence, so that no answer that is being generated now can be stored,
-- and return the user's index. A user without an index has no fence, and needs none: every request
-- that read a fence before has lost it. It is written all the same: WAIT waits only for writes of this
-- connection, and a replica may still have an index that was evicted here.
--
-- KEYS  questions
-- ARGV  prefix of a new fence
-- Returns the index: field, entry, field, entry, ...

-- include: common/fence
local is_absent = redis.call('EXISTS', KEYS[1]) == 0
redis.call('HSET', KEYS[1], 'fence', new_fence(ARGV[1]))
if is_absent then
  redis.call('UNLINK', KEYS[1])
  return {}
end
return redis.call('HGETALL', KEYS[1])
