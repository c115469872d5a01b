-- Keep a user's index small. Needs entries, counters, entry_counts and drops.

-- An alias ends with its target.
local function has_ended(entry, now)
  if is_current_version(entry) and kind_of(entry) == '=' then
    local target = redis.call('HGET', KEYS[1], target_of(entry))
    return not target or answer_of(target) ~= answer_of(entry) or end_of(target) <= now
  end
  return end_of(entry) <= now
end

-- Delete those of ten random questions that can no longer be served at `now` (s), not even stale: they may never be requested again.
local function sweep_index(now, stale_if_error)
  local drawn = redis.call('HRANDFIELD', KEYS[1], 10, 'WITHVALUES')
  for i = 1, #drawn, 2 do
    if drawn[i] ~= 'fence' and has_ended(drawn[i + 1], now - stale_if_error) then
      delete_question(drawn[i])
    end
  end
end

-- How useful an entry is: its uses for each second since the last one. A question whose alias was dropped matches
-- again without a generation, so the match is no use of the alias.
local function usefulness(entry, now)
  if has_ended(entry, now) then
    return -1
  end
  local kind = kind_of(entry)
  if kind == 'c' then
    return 0
  end
  local uses = hits_of(entry) + (kind == '=' and 0 or 1)
  return uses / math.max(1, now - last_use_of(entry))
end

-- Delete the least useful questions of a user who has more than the maximum: one percent more than the excess, because
-- sorting a full index at each store would occupy Redis for milliseconds. `stored` is the field that was stored just
-- now, with the entry `entry`.
local function trim_index(maximum, stored, entry, stale_if_error)
  local now = last_use_of(entry)
  sweep_index(now, tonumber(stale_if_error))
  local excess = redis.call('HLEN', KEYS[1]) - 1 - tonumber(maximum)
  if excess <= 0 then
    return
  end
  local entries = {}
  local flat = redis.call('HGETALL', KEYS[1])
  for i = 1, #flat, 2 do
    if flat[i] ~= 'fence' and flat[i] ~= stored then
      local value = flat[i + 1]
      entries[#entries + 1] = {field = flat[i], entry = value, usefulness = usefulness(value, now)}
    end
  end
  table.sort(entries, function(a, b)
    if a.usefulness == b.usefulness then
      return a.field < b.field
    end
    return a.usefulness < b.usefulness
  end)
  local dropped = {}
  excess = math.min(excess + math.floor(tonumber(maximum) / 100), #entries)
  for i = 1, excess do
    delete_question(entries[i].field)
    drop_entry(dropped, entries[i].entry)
  end
  count_drops(dropped)
  count('trimmed', excess)
end
