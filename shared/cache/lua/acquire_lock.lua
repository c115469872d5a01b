-- Own something for a while, unless somebody does: a flight, or the probe of a model. What has no
-- end, or a later one than ours would have, is none of ours, and would hold everybody up for good.
--
-- KEYS  what is to be owned
-- ARGV  token, how long it holds (ms)
-- Gives the owner's token.

local owner, left = redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
if owner and left >= 0 and left <= tonumber(ARGV[2]) then
  return owner
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
