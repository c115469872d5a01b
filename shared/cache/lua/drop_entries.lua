-- Drop questions, and replace the fence in the same breath: an answer that is being written from
-- the context of one of them will not be stored, and nobody who asks from now on waits for it.
--
-- KEYS  questions, answers, contexts, counters, live entries
-- ARGV  the beginning of a new fence, ttl of counters (s), how long ago the note changed (ms), or
--       '' where the change has been counted before, then fields to drop
-- Gives how many were dropped.

-- include: common/entries
-- include: common/live
-- include: common/drops
local questions, ttl = KEYS[1], ARGV[2]

local dropped, gone = 0, {}
for i = 4, #ARGV do
  local entry = redis.call('HGET', questions, ARGV[i])
  if entry then
    drop_entry(gone, entry, KEYS[5], ttl)
  end
  dropped = dropped + redis.call('HDEL', questions, ARGV[i])
  redis.call('HDEL', KEYS[2], ARGV[i])
  redis.call('HDEL', KEYS[3], ARGV[i])
end
-- Also where eviction was faster: somebody may be writing from what it took.
if #ARGV > 3 and redis.call('EXISTS', questions) == 1 then
  local at = redis.call('TIME')  -- see raise_fence.lua
  redis.call('HSET', questions, 'fence', ARGV[1] .. at[1] .. at[2])
end

local kept = {}
local flat = redis.call('HGETALL', questions)
for i = 1, #flat, 2 do
  if flat[i] ~= 'fence' then
    local kind = kind_of(flat[i + 1])
    kept[kind] = (kept[kind] or 0) + 1
  end
end
count_change(KEYS[4], gone, kept, ARGV[3], ttl)
return dropped
