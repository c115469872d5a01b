-- Round trip 1: the answer to a question, if its index says that it still counts.
--
-- KEYS  questions, answers, contexts, counters
-- ARGV  field, the beginning of a fence to set where there is none, now (s), ttl of the index (s),
--       ttl of counters (s), what for: `ask`, `wait` for somebody else's answer, or `stale` to take
--       one whose time is up, 1 to follow an alias, how long those are kept (s),
--       then counters and by how much, in pairs
-- Gives {fence, entry, answer, context, asked}: false where there is none. `entry` is the
--       target's where the question is an alias; `asked` is then the alias.

-- include: common/entries
local questions, answers, contexts, counters = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local field, now, purpose, grace = ARGV[1], tonumber(ARGV[3]), ARGV[6], tonumber(ARGV[8])

local function forget(name)
  redis.call('HDEL', questions, name)
  redis.call('HDEL', answers, name)
  redis.call('HDEL', contexts, name)
end

-- An entry that counts, or false. What another version wrote, or what is over for good, is removed.
local function read(name)
  local entry = redis.call('HGET', questions, name)
  if not entry then
    return false
  end
  local expires = end_of(entry)
  if not is_ours(entry) or expires + grace <= now then
    forget(name)
    return false
  end
  return (expires > now or purpose == 'stale') and entry
end

local fence = redis.call('HGET', questions, 'fence')
if not fence then
  local at = redis.call('TIME')  -- see raise_fence.lua
  fence = ARGV[2] .. at[1] .. at[2]
  redis.call('HSET', questions, 'fence', fence)
  redis.call('EXPIRE', questions, ARGV[4])
end

local asked = false
local entry = read(field)
local kind = kind_of(entry or '')
if kind == '!' or (kind == '=' and ARGV[7] ~= '1') then
  entry = false
elseif kind == '=' then
  -- An alias falls with the very answer that it was given.
  local target = string.sub(entry, 36, 57)
  local answer_id = answer_of(entry)
  asked = entry
  entry = read(target)
  if entry and answer_of(entry) == answer_id then
    field = target
  else
    forget(field)
    entry, asked = false, false
  end
end

local answer, context = false, false
if entry then
  answer = redis.call('HGET', answers, field)
  context = redis.call('HGET', contexts, field)
end

if kind_of(entry or '') == 'a' and answer and context then
  if purpose ~= 'stale' then
    redis.call('HINCRBY', counters, purpose == 'ask' and 'l1_hits' or 'outcome_coalesced', 1)
    redis.call('HINCRBY', counters, 'saved_nanodollars', cost_of(entry))
  end
elseif purpose == 'ask' then
  redis.call('HINCRBY', counters, 'l1_misses', 1)
end
for i = 9, #ARGV, 2 do
  redis.call('HINCRBY', counters, ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', counters, ARGV[5])
return {fence, entry, answer, context, asked}
