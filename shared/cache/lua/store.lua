-- The last round trip of a miss: store an answer with its sources, or a context, unless the fence
-- changed since round trip 1.
--
-- KEYS  questions, answers, contexts, lock, then `counters.counter_keys`
-- ARGV  field, the fence of round trip 1, entry, its answer or context, first ttl of an answer (s),
--       token of the lock, maximum number of questions, stale-if-error (s),
--       then pairs of a counter and its increment
-- Returns when it expires (s), or 0 if it was not stored. A context never replaces an answer or an
-- alias. An answer to a pending question begins with the hits of the dropped answer.

-- include: common/entries
-- include: common/counters
-- include: common/entry_counts
-- include: common/hits
-- include: common/drops
-- include: common/trim_index
local questions, answers, contexts, lock = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local field, entry, value = ARGV[1], ARGV[3], ARGV[4]
local ttl, stale_if_error = tonumber(ARGV[5]), tonumber(ARGV[8])
local is_answer = kind_of(entry) == 'a'

if is_answer and redis.call('GET', lock) == ARGV[6] then
  redis.call('DEL', lock)
end
count_arguments(9)

if redis.call('HGET', questions, 'fence') ~= ARGV[2] then
  count('stores_refused', 1)
  return 0
end
local former = redis.call('HGET', questions, field)
if not is_answer and former and kind_of(former) ~= 'c' and kind_of(former) ~= 'p' then
  return 0
end
if former then
  count_index_entry(former, -1)
end
if is_answer and is_valid(former, 'p', last_use_of(entry)) then
  entry = carry_hits(entry, former, ttl)
end
count_index_entry(entry, 1)
redis.call('HSET', questions, field, entry)
local key_ttl = math.max(ttl, end_of(entry) - last_use_of(entry)) + stale_if_error
local stored, other = contexts, answers
if is_answer then
  stored, other = answers, contexts
  count('l1_stores', 1)
  count('warmed_answers', is_unused(entry) and 1 or 0)
end
count('l3_stores', 1)
redis.call('HSET', stored, field, value)
redis.call('HDEL', other, field)
keep_key(stored, key_ttl)
keep_key(questions, key_ttl)
trim_index(ARGV[7], field, entry, stale_if_error)
return end_of(entry)
