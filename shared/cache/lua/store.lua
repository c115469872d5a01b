-- The last round trip of a miss: store an answer with its context, or a context alone, unless the
-- fence changed since round trip 1.
--
-- KEYS  questions, answers, contexts, lock, then `counters.counter_keys`
-- ARGV  field, the fence of round trip 1, entry, answer ('' for a context alone), context,
--       first ttl of an answer (s), token of the lock, maximum number of questions,
--       stale-if-error (s),
--       then pairs of a counter and its increment
-- Returns when it expires (s), or 0 if it was not stored. A context alone never replaces an answer or
-- an alias. An answer to a pending question begins with the hits of the dropped answer.

-- include: common/entries
-- include: common/counters
-- include: common/entry_counts
-- include: common/hits
-- include: common/drops
-- include: common/trim_index
local questions, answers, contexts, lock = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local field, entry, answer, context = ARGV[1], ARGV[3], ARGV[4], ARGV[5]
local ttl, stale_if_error = tonumber(ARGV[6]), tonumber(ARGV[9])

if answer ~= '' and redis.call('GET', lock) == ARGV[7] then
  redis.call('DEL', lock)
end
count_arguments(10)

if redis.call('HGET', questions, 'fence') ~= ARGV[2] then
  count('stores_refused', 1)
  return 0
end
local former = redis.call('HGET', questions, field)
if answer == '' and former and kind_of(former) ~= 'c' and kind_of(former) ~= 'p' then
  return 0
end
if former then
  count_index_entry(former, -1)
end
if answer ~= '' and is_valid(former, 'p', last_use_of(entry)) then
  entry = carry_hits(entry, former, ttl)
end
count_index_entry(entry, 1)
redis.call('HSET', questions, field, entry)
redis.call('HSET', contexts, field, context)
count('l3_stores', 1)
local key_ttl = math.max(ttl, end_of(entry) - last_use_of(entry)) + stale_if_error
keep_key(contexts, key_ttl)
if answer == '' then
  redis.call('HDEL', answers, field)
else
  redis.call('HSET', answers, field, answer)
  keep_key(answers, key_ttl)
  count('l1_stores', 1)
  count('warmed_answers', is_unused(entry) and 1 or 0)
end
keep_key(questions, key_ttl)
trim_index(ARGV[8], field, entry, stale_if_error)
return end_of(entry)
