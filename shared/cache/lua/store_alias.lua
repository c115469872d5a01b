-- Store an alias: a question that shares the answer of another question.
--
-- KEYS  questions, answers, contexts, lock, then `counters.counter_keys`
-- ARGV  field, the fence of round trip 1, alias, field of its target, now (s), token of the lock,
--       maximum number of questions, then pairs of a counter and its increment
-- Returns 1 if the target's answer is still valid, 0 if not. The alias is stored only if the fence
-- is unchanged.

-- include: common/entries
-- include: common/counters
-- include: common/entry_counts
-- include: common/drops
-- include: common/trim_index
local questions, lock = KEYS[1], KEYS[4]
local field, alias = ARGV[1], ARGV[3]

count_arguments(8)
local target = redis.call('HGET', questions, ARGV[4])
if not target or not is_current_version(target) or kind_of(target) ~= 'a'
  or answer_of(target) ~= answer_of(alias) or end_of(target) <= tonumber(ARGV[5]) then
  return 0
end
if redis.call('GET', lock) == ARGV[6] then
  redis.call('DEL', lock)
end
if redis.call('HGET', questions, 'fence') == ARGV[2] then
  local former = redis.call('HGET', questions, field)
  if former then
    count_entry(kind_of(former), end_of(former), -1)
  end
  delete_question(field)
  redis.call('HSET', questions, field, alias)
  trim_index(ARGV[7], field)
end
count('outcome_semantic', 1)
count('saved_nanodollars', cost_of(target))
return 1
