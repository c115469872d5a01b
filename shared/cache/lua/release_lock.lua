-- Release a lock without an answer, and store the holder's error for the requests that wait.
--
-- KEYS  lock, error, then `counters.counter_keys`
-- ARGV  token, error ('' for none), ttl of the error (ms),
--       then pairs of a counter and its increment

-- include: common/counters
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
if ARGV[2] ~= '' then
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
end
count_arguments(4)
return 1
