-- Leave nothing of a user's; whatever is being generated has lost its fence.
--
-- KEYS  questions, answers, contexts, counters, live entries, embeddings of this user's own
-- ARGV  ttl of counters (s), how long ago the change was (ms), or '' where it has been counted
-- Gives how many questions were dropped.

-- include: common/entries
-- include: common/live
-- include: common/drops
local live, ttl = KEYS[5], ARGV[1]

local dropped, gone = 0, {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  if flat[i] ~= 'fence' then
    drop_entry(gone, flat[i + 1], live, ttl)
    dropped = dropped + 1
  end
end
local embeddings = redis.call('HVALS', KEYS[6])
for _, embedding in ipairs(embeddings) do
  count_live(live, 'e', end_of_embedding(embedding), -1, ttl)
end
gone['e'] = #embeddings
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[6])
count_change(KEYS[4], gone, {}, ARGV[2], ttl)
return dropped
