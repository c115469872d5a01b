-- Delete all keys of a user, the fence included: no answer that is being generated can be stored.
--
-- KEYS  questions, answers, contexts, counters, entry counts, embeddings of this user
-- ARGV  ttl of counters (s), age of the change (ms)

-- include: common/entries
-- include: common/counters
-- include: common/entry_counts
-- include: common/drops
local entry_counts, ttl = KEYS[5], ARGV[1]

local dropped = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  if flat[i] ~= 'fence' then
    drop_entry(dropped, flat[i + 1], entry_counts, ttl)
  end
end
local embeddings = redis.call('HVALS', KEYS[6])
for _, embedding in ipairs(embeddings) do
  count_entry(entry_counts, 'e', end_of_embedding(embedding), -1, ttl)
end
dropped['e'] = #embeddings
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[6])
count_note_change(KEYS[4], dropped, {}, ARGV[2], ttl)
return 1
