-- Delete questions and replace the fence: an answer that is being generated from one of their
-- contexts will not be stored, and no later request waits for it.
--
-- KEYS  questions, answers, contexts, then `counters.counter_keys`
-- ARGV  prefix of a new fence, age of the change (ms), then fields to delete

-- include: common/entries
-- include: common/fence
-- include: common/counters
-- include: common/entry_counts
-- include: common/hits
-- include: common/drops
local questions = KEYS[1]

local dropped = {}
for i = 3, #ARGV do
  local entry = redis.call('HGET', questions, ARGV[i])
  if entry then
    drop_entry(dropped, entry)
  end
  delete_question(ARGV[i])
end
-- Even if eviction has deleted these fields before: a request may have read their contexts.
if #ARGV > 2 and redis.call('EXISTS', questions) == 1 then
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
return 1
