-- Store an alias: a question that shares the answer of another question.
--
-- KEYS  questions, answers, contexts, lock, refusals, then `counters.counter_keys`
-- ARGV  field, the fence of round trip 1, alias, field of its target, pair of both questions,
--       now (s), token of the lock, maximum number of questions, stale-if-error (s),
--       first ttl of an answer (s),
--       then pairs of a counter and its increment
-- Returns when the target's answer expires (s), or 0 if it is not valid or the match is refused. The
-- alias is stored only if the fence is unchanged and the question has no answer of its own.

-- include: common/entries
-- include: common/counters
-- include: common/entry_counts
-- include: common/hits
-- include: common/drops
-- include: common/trim_index
local questions, lock, refusals = KEYS[1], KEYS[4], KEYS[5]
local field, alias, now = ARGV[1], ARGV[3], tonumber(ARGV[6])

count_arguments(11)
local target = redis.call('HGET', questions, ARGV[4])
if not is_valid(target, 'a', now) or answer_of(target) ~= answer_of(alias)
  or redis.call('HEXISTS', refusals, ARGV[5]) == 1 then
  return 0
end
if redis.call('GET', lock) == ARGV[7] then
  redis.call('DEL', lock)
end
-- Before the index is trimmed, so that the target is not the least useful question.
target = count_hit(ARGV[4], target, now, ARGV[10], ARGV[9])
local former = redis.call('HGET', questions, field)
local has_answer = former and kind_of(former) == 'a' and end_of(former) > now
if redis.call('HGET', questions, 'fence') == ARGV[2] and not has_answer then
  if former then
    count_index_entry(former, -1)
  end
  delete_question(field)
  redis.call('HSET', questions, field, alias)
  trim_index(ARGV[8], field, alias, ARGV[9])
end
count('outcome_semantic', 1)
count('saved_nanodollars', cost_of(target))
return end_of(target)
