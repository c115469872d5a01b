-- Acquire a lock if it is free. A key without an expiry, or with a later expiry than this lock's,
-- was not written by Tercet. It would block every request, so it is replaced.
--
-- KEYS  lock
-- ARGV  token, expiry (ms)
-- Returns the token of the lock's holder.

local holder, left = redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
if holder and left >= 0 and left <= tonumber(ARGV[2]) then
  return holder
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
