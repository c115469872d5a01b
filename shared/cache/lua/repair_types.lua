-- Remove what is not of the kind that we write under these names, and counters that count
-- nothing: somebody else wrote it, and it would fail every request that comes by.
--
-- KEYS  any
-- ARGV  for each key the type that it must have: hash, string, or counters (a hash of integers)

for i, key in ipairs(KEYS) do
  local expected, found = ARGV[i], redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= (expected == 'counters' and 'hash' or expected) then
    redis.call('UNLINK', key)
  elseif expected == 'counters' then
    local flat = redis.call('HGETALL', key)
    for at = 1, #flat, 2 do
      if not string.match(flat[at + 1], '^%-?%d+$') or #flat[at + 1] > 18 then
        redis.call('HDEL', key, flat[at])
      end
    end
  end
end
return 1
