-- Delete the questions that expire first, until a user has no more than the maximum. `stored` is
-- the field that was stored just now. Needs entries, counters, entry_counts and drops.

local function trim_index(maximum, stored)
  local excess = redis.call('HLEN', KEYS[1]) - 1 - tonumber(maximum)
  if excess <= 0 then
    return
  end
  local entries = {}
  local flat = redis.call('HGETALL', KEYS[1])
  for i = 1, #flat, 2 do
    if flat[i] ~= 'fence' and flat[i] ~= stored then
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
end
