-- Store the stand-alone question that a follow-up was rewritten to, and release its lock. It is not
-- stored if a note changed or the user was deleted since the fence was read: nothing of a deleted
-- user may be stored again.
--
-- KEYS  questions, rewrites, lock
-- ARGV  the fence, field, rewrite (see rewrites.py), ttl (s), now (s), token of the lock, maximum
--       number of rewrites
-- Returns 1 if it was stored, 0 if not.

local rewrites, field, now = KEYS[2], ARGV[2], tonumber(ARGV[5])

local function end_of_rewrite(rewrite)  -- seconds since 1970
  return tonumber(string.sub(rewrite, 2, 11)) or 0
end

if redis.call('GET', KEYS[3]) == ARGV[6] then
  redis.call('DEL', KEYS[3])
end
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
  return 0
end
redis.call('HSET', rewrites, field, ARGV[3])
redis.call('EXPIRE', rewrites, ARGV[4])
-- Delete what has expired of ten random rewrites, or what expires first if there are too many.
local drawn = redis.call('HRANDFIELD', rewrites, 10, 'WITHVALUES')
local oldest, first
for i = 1, #drawn, 2 do
  local expires = end_of_rewrite(drawn[i + 1])
  if expires <= now then
    redis.call('HDEL', rewrites, drawn[i])
  elseif drawn[i] ~= field and (not first or expires < first) then
    oldest, first = drawn[i], expires
  end
end
if oldest and redis.call('HLEN', rewrites) > tonumber(ARGV[7]) then
  redis.call('HDEL', rewrites, oldest)
end
return 1
