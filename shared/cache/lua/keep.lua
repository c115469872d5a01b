-- The last round trip of a miss: store an answer with its context, or a context alone, unless
-- the user's notes changed since round trip 1.
--
-- KEYS  questions, answers, contexts, counters, flight
-- ARGV  field, the fence of round trip 1, entry, answer ('' for a context alone), context,
--       ttl of the user's keys (s), token of the flight, ttl of counters (s),
--       then counters and by how much, in pairs
-- Gives 1 if it was stored, 0 if not. A context alone does not take the place of an answer.

local questions, answers, contexts, counters, flight = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local field, entry, answer, context, ttl = ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

if redis.call('GET', flight) == ARGV[7] then
  redis.call('DEL', flight)
end
for i = 9, #ARGV, 2 do
  redis.call('HINCRBY', counters, ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', counters, ARGV[8])

if redis.call('HGET', questions, 'fence') ~= ARGV[2] then
  redis.call('HINCRBY', counters, 'refused_by_fence', 1)
  return 0
end
if answer == '' and string.sub(redis.call('HGET', questions, field) or '', 2, 2) == 'a' then
  return 0
end
redis.call('HSET', questions, field, entry)
redis.call('HSET', contexts, field, context)
redis.call('EXPIRE', contexts, ttl)
if answer == '' then
  redis.call('HDEL', answers, field)
else
  redis.call('HSET', answers, field, answer)
  redis.call('EXPIRE', answers, ttl)
  redis.call('HINCRBY', counters, 'l1_stores', 1)
end
redis.call('EXPIRE', questions, ttl)
return 1
