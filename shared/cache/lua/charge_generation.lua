-- Charge the cost of a reserved generation, or refund it. Nothing is charged on another day, or if
-- the user was deleted meanwhile.
--
-- KEYS  usage
-- ARGV  day (YYYYMMDD, UTC), nanodollars, increment of the generations

if redis.call('HGET', KEYS[1], 'day') == ARGV[1] then
  redis.call('HINCRBY', KEYS[1], 'nanodollars', ARGV[2])
  redis.call('HINCRBY', KEYS[1], 'generations', ARGV[3])
end
return 1
