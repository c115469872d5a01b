-- Refuse the match of two questions: store the pair, so that they are not matched again, and delete
-- their alias. A note change may have deleted the alias meanwhile. Nothing is stored for a user
-- without an index: the user may have been deleted.
--
-- KEYS  questions, answers, contexts, refusals
-- ARGV  field of the alias, pair, now (s), ttl of the refusals (s), maximum number of refusals
-- Returns 1 if the refusal was stored, 0 if not.

-- include: common/entries
local refusals = KEYS[4]

if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', refusals, ARGV[2], ARGV[3])
redis.call('EXPIRE', refusals, ARGV[4])
local alias = redis.call('HGET', KEYS[1], ARGV[1])
if alias and kind_of(alias) == '=' then
  delete_question(ARGV[1])
end
if redis.call('HLEN', refusals) > tonumber(ARGV[5]) then
  local oldest, since
  local flat = redis.call('HGETALL', refusals)
  for i = 1, #flat, 2 do
    local stored = tonumber(flat[i + 1]) or 0
    if flat[i] ~= ARGV[2] and (not since or stored < since) then
      oldest, since = flat[i], stored
    end
  end
  redis.call('HDEL', refusals, oldest)
end
return 1
