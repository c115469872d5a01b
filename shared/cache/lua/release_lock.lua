-- End a flight that brings no answer to keep, and say why to those who wait for it.
--
-- KEYS  flight, failure, counters
-- ARGV  token of the flight, what failed ('' for nothing), how long to say so (ms),
--       ttl of counters (s), then counters and by how much, in pairs

if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
if ARGV[2] ~= '' then
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
end
for i = 5, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[3], ARGV[i], ARGV[i + 1])
end
if #ARGV > 4 then
  redis.call('EXPIRE', KEYS[3], ARGV[4])
end
return 1
