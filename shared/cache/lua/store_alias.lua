-- Let a question share the answer of another: an alias, looked at together with the fence and
-- the answer that it points to.
--
-- KEYS  questions, answers, contexts, counters, flight, live entries
-- ARGV  field, the fence of round trip 1, alias, field of its target, now (s), token of the
--       flight, ttl of counters (s), then counters and by how much, in pairs
-- Gives 1 if that answer still counts, 0 if not. The alias is kept only if the fence stands.

-- include: common/entries
-- include: common/live
local questions, counters, flight = KEYS[1], KEYS[4], KEYS[5]
local alias = ARGV[3]

for i = 8, #ARGV, 2 do
  redis.call('HINCRBY', counters, ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', counters, ARGV[7])
local entry = redis.call('HGET', questions, ARGV[4])
if not entry or not is_ours(entry) or kind_of(entry) ~= 'a'
  or answer_of(entry) ~= answer_of(alias) or end_of(entry) <= tonumber(ARGV[5]) then
  return 0
end
if redis.call('GET', flight) == ARGV[6] then
  redis.call('DEL', flight)
end
if redis.call('HGET', questions, 'fence') == ARGV[2] then
  local former = redis.call('HGET', questions, ARGV[1])
  if former then
    count_live(KEYS[6], kind_of(former), end_of(former), -1, ARGV[7])
  end
  redis.call('HSET', questions, ARGV[1], alias)
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('HDEL', KEYS[3], ARGV[1])
end
redis.call('HINCRBY', counters, 'outcome_semantic', 1)
redis.call('HINCRBY', counters, 'saved_nanodollars', cost_of(entry))
return 1
