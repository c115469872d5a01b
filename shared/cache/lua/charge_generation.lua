-- Charge the cost of a reserved generation, or refund it. Nothing is charged on another day, or if
-- the user was deleted meanwhile.
--
-- KEYS  usage
-- ARGV  day (YYYYMMDD, UTC), then pairs of a name and its increment

if redis.call('HGET', KEYS[1], 'day') == ARGV[1] then
  for i = 2, #ARGV, 2 do
    redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
return 1
