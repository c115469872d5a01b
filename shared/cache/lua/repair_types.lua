-- Removes values whose type is not the one that this project writes under these keys, and counter
-- fields that are not integers. Another program wrote them; they would fail every command.
--
-- KEYS  any
-- ARGV  for each key its type: hash, string, or counters (a hash of integers)

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
