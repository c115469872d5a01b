-- Extend a lock that is still held with this token.
--
-- KEYS  lock
-- ARGV  token, expiry (ms)
-- Returns 1 if the lock was extended, 0 if not.

if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
