-- Acquire a lock if it is free. A key without an expiry, or with a later expiry than this lock's,
-- was not written by Tercet. It would block every request, so it is replaced.
--
-- A question's lock is not acquired if the question has an answer: after this request's lookup, the
-- lock's holder stored it and released the lock in one step.
--
-- KEYS  lock; for a question also questions, answers
-- ARGV  token, expiry (ms); for a question also field, now (s), 1 to follow an alias
-- Returns the token of the lock's holder, or '' if the question has an answer.

-- include: common/entries
local function valid_entry(field, kind)
  local entry = redis.call('HGET', KEYS[2], field)
  return is_valid(entry, kind, tonumber(ARGV[4])) and entry
end

local function has_answer(field)
  local alias = ARGV[5] == '1' and valid_entry(field, '=')
  field = alias and target_of(alias) or field
  local entry = valid_entry(field, 'a')
  return entry and (not alias or answer_of(alias) == answer_of(entry))
    and redis.call('HEXISTS', KEYS[3], field) == 1
end

local holder, left = redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
if holder and left >= 0 and left <= tonumber(ARGV[2]) then
  return holder
end
if KEYS[2] and has_answer(ARGV[3]) then
  return ''
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
