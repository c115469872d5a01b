-- Read the answer to another question, if its index entry still names that answer.
--
-- KEYS  questions, answers
-- ARGV  field, answer id, now (s)
-- Returns the answer with its sources, or false.

-- include: common/entries
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if is_valid(entry, 'a', tonumber(ARGV[3])) and answer_of(entry) == ARGV[2] then
  return redis.call('HGET', KEYS[2], ARGV[1])
end
return false
