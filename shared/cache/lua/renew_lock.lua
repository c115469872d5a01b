-- Go on with a flight, if it is still this one's.
--
-- KEYS  flight
-- ARGV  token of the flight, how long it holds from now on (ms)

if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
