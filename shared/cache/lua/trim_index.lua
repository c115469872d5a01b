-- Keep a user's index within its bound. What expires first goes first: the oldest, since all
-- live as long.
--
-- KEYS  questions, answers, contexts, counters, live entries
-- ARGV  most questions, the field that was stored just now, ttl of counters (s)
-- Gives how many were dropped.

-- include: common/entries
-- include: common/live
-- include: common/drops
local excess = redis.call('HLEN', KEYS[1]) - 1 - tonumber(ARGV[1])
if excess <= 0 then
  return 0
end
local flat = redis.call('HGETALL', KEYS[1])
local entries = {}
for i = 1, #flat, 2 do
  if flat[i] ~= 'fence' and flat[i] ~= ARGV[2] then
    entries[#entries + 1] = {flat[i], end_of(flat[i + 1]), flat[i + 1]}
  end
end
table.sort(entries, function(a, b)
  if a[2] == b[2] then
    return a[1] < b[1]
  end
  return a[2] < b[2]
end)
excess = math.min(excess, #entries)
local gone = {}
for i = 1, excess do
  for key = 1, 3 do
    redis.call('HDEL', KEYS[key], entries[i][1])
  end
  drop_entry(gone, entries[i][3], KEYS[5], ARGV[3])
end
local events = drops_of(gone)
events.trimmed = excess
count(KEYS[4], events, ARGV[3])
return excess
