-- Delete questions and replace the fence: an answer that is being generated from one of their
-- contexts will not be stored, and no later request waits for it. The entries of some become pending
-- questions, which are asked again in the background.
--
-- KEYS  questions, answers, contexts, pending, then `counters.counter_keys`
-- ARGV  prefix of a new fence, age of the change (ms), ttl of pending questions (s), number of the
--       fields that become pending, then fields to delete: first those that become pending
-- Returns the fence if any question is pending, else ''.

-- include: common/entries
-- include: common/fence
-- include: common/counters
-- include: common/entry_counts
-- include: common/hits
-- include: common/drops
local questions, pending = KEYS[1], KEYS[4]
local FIRST, MAX_PENDING = 5, 100

local dropped = {}
for i = FIRST, #ARGV do
  local entry = redis.call('HGET', questions, ARGV[i])
  if entry then
    drop_entry(dropped, entry)
    if i < FIRST + ARGV[4] and redis.call('HLEN', pending) < MAX_PENDING then
      redis.call('HSET', pending, ARGV[i], entry)
      redis.call('EXPIRE', pending, ARGV[3])
    end
  end
  delete_question(ARGV[i])
end
-- Even if eviction has deleted these fields before: a request may have read their contexts.
if #ARGV >= FIRST and redis.call('EXISTS', questions) == 1 then
  redis.call('HSET', questions, 'fence', new_fence(ARGV[1]))
end

local retained = {}
local flat = redis.call('HGETALL', questions)
for i = 1, #flat, 2 do
  if flat[i] ~= 'fence' then
    local kind = kind_of(flat[i + 1])
    retained[kind] = (retained[kind] or 0) + 1
  end
end
count_note_change(dropped, retained, ARGV[2])

return redis.call('EXISTS', pending) == 1 and redis.call('HGET', questions, 'fence') or ''
