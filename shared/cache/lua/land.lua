-- End a flight that brings no answer to keep.
--
-- KEYS  flight, counters
-- ARGV  token of the flight, ttl of counters (s), then counters and by how much, in pairs

if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
for i = 3, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1])
end
if #ARGV > 2 then
  redis.call('EXPIRE', KEYS[2], ARGV[2])
end
return 1
