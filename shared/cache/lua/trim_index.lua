-- Delete the questions that expire first, until a user has no more than the maximum.
--
-- KEYS  questions, answers, contexts, then `counters.keys`
-- ARGV  maximum number of questions, the field that was stored just now

-- include: common/entries
-- include: common/counters
-- include: common/entry_counts
-- include: common/drops
local excess = redis.call('HLEN', KEYS[1]) - 1 - tonumber(ARGV[1])
if excess <= 0 then
  return 0
end
local flat = redis.call('HGETALL', KEYS[1])
local entries = {}
for i = 1, #flat, 2 do
  if flat[i] ~= 'fence' and flat[i] ~= ARGV[2] then
    entries[#entries + 1] = {field = flat[i], entry = flat[i + 1], expires = end_of(flat[i + 1])}
  end
end
table.sort(entries, function(a, b)
  if a.expires == b.expires then
    return a.field < b.field
  end
  return a.expires < b.expires
end)
local dropped = {}
excess = math.min(excess, #entries)
for i = 1, excess do
  delete_question(entries[i].field)
  drop_entry(dropped, entries[i].entry)
end
count_drops(dropped)
count('trimmed', excess)
return 1
