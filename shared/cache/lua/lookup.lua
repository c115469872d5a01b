-- Round trip 1: read the answer to a question if its index entry is valid.
--
-- KEYS  questions, answers, contexts, then `counters.counter_keys`
-- ARGV  field, prefix of a new fence (used if there is none), now (s), ttl of the index (s),
--       purpose, 1 to follow an alias, stale-if-error (s), first ttl of an answer (s),
--       then pairs of a counter and its increment
--       purpose: `ask`, `wait` (the answer of the lock's holder), `stale` (also an expired
--       answer), `warm` (counts no request and creates no fence) or `fence` (no answer)
-- Returns {fence, entry, its answer or context, alias}, each false if it is missing. If the question
-- is an alias, `entry` is its target's.

-- include: common/entries
-- include: common/counters
-- include: common/fence
-- include: common/entry_counts
-- include: common/hits
local questions, answers, contexts = KEYS[1], KEYS[2], KEYS[3]
local field, now, purpose, stale_if_error = ARGV[1], tonumber(ARGV[3]), ARGV[5], tonumber(ARGV[7])

-- Return an entry, or false. Delete an entry of another version or past stale-if-error.
local function checked(name, entry)
  if not entry then
    return false
  end
  if not is_current_version(entry) or end_of(entry) + stale_if_error <= now then
    delete_question(name)
    return false
  end
  return entry
end

local fence, entry = unpack(redis.call('HMGET', questions, 'fence', field))
if not fence and purpose == 'warm' then
  count_arguments(9)
  return {false, false, false, false}
elseif not fence then
  fence = new_fence(ARGV[2])
  redis.call('HSET', questions, 'fence', fence)
  redis.call('EXPIRE', questions, ARGV[4])
end
if purpose == 'fence' then
  count_arguments(9)
  return {fence, false, false, false}
end

local alias = false
entry = checked(field, entry)
local kind = kind_of(entry or '')
if kind == '=' and ARGV[6] ~= '1' then
  entry = false
elseif kind == '=' then
  -- An alias is valid only while its target still has the same answer.
  local name = target_of(entry)
  local target = checked(name, redis.call('HGET', questions, name))
  if target and answer_of(target) == answer_of(entry) then
    alias, field, entry = entry, name, target
  else
    delete_question(field)
    entry = false
  end
end
if entry and end_of(entry) <= now and purpose ~= 'stale' then
  entry, alias = false, false
end

kind = kind_of(entry or '')
local value = entry and redis.call('HGET', kind == 'a' and answers or contexts, field)
if kind == 'a' and value then
  if purpose == 'ask' or purpose == 'wait' then
    entry = count_hit(field, entry, now, ARGV[8], stale_if_error)
    alias = alias and count_hit(ARGV[1], alias, now, 0, stale_if_error)
    count(purpose == 'ask' and 'l1_hits' or 'outcome_coalesced', 1)
    count('saved_nanodollars', cost_of(entry))
  end
elseif purpose == 'ask' then
  count('l1_misses', 1)
end
count_arguments(9)
return {fence, entry, value, alias}
