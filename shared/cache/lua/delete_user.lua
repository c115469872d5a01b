-- Delete a user's keys, the fence included: no answer that is being generated can be stored.
--
-- KEYS  questions, answers, contexts, embeddings, rewrites of this user, refusals and usage
--       if they are deleted too, then `counters.counter_keys`
-- ARGV  age of the change (ms)

-- include: common/entries
-- include: common/counters
-- include: common/entry_counts
-- include: common/hits
-- include: common/drops
local dropped = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  if flat[i] ~= 'fence' then
    drop_entry(dropped, flat[i + 1])
  end
end
local embeddings = redis.call('HVALS', KEYS[4])
for _, embedding in ipairs(embeddings) do
  count_entry('e', end_of_embedding(embedding), -1)
end
dropped['e'] = #embeddings
redis.call('UNLINK', unpack(KEYS, 1, #KEYS - 3))
count_note_change(dropped, {}, ARGV[1])
return 1
