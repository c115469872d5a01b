-- Delete questions and replace the fence: an answer that is being generated from one of their
-- contexts will not be stored, and no later request waits for it. Some become pending: they are
-- asked again in the background. A question that is not in the index does not: its user may have
-- been deleted.
--
-- KEYS  questions, answers, contexts, then `counters.counter_keys`
-- ARGV  prefix of a new fence, age of the change (ms), number of fields, fields to delete, then
--       pending entries of the first of these fields
-- Returns the fence, or '' without an index.

-- include: common/entries
-- include: common/fence
-- include: common/counters
-- include: common/entry_counts
-- include: common/hits
-- include: common/drops
local questions, fields = KEYS[1], tonumber(ARGV[3])

local dropped = {}
for i = 4, 3 + fields do
  local entry, pending = redis.call('HGET', questions, ARGV[i]), ARGV[i + fields]
  if entry then
    drop_entry(dropped, entry)
  end
  delete_question(ARGV[i])
  if entry and pending then
    redis.call('HSET', questions, ARGV[i], pending)
  end
end
-- Even if eviction has deleted these fields before: a request may have read their contexts.
if fields > 0 and redis.call('EXISTS', questions) == 1 then
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

return redis.call('HGET', questions, 'fence') or ''
