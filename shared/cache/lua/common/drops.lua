-- What a script drops, and how that is counted: `gone` and `kept` are numbers of entries by their
-- kinds, embeddings as `e`. It needs entries.lua and live.lua.

local function drop_entry(gone, entry, live, ttl)
  local kind = kind_of(entry)
  gone[kind] = (gone[kind] or 0) + 1
  count_live(live, kind, end_of(entry), -1, ttl)
end

local function drops_of(gone)
  return {
    l1_drops = gone['a'] or 0,
    l2_drops = gone['e'] or 0,
    l3_drops = (gone['a'] or 0) + (gone['c'] or 0),
  }
end

local function count(counters, events, ttl)
  for name, times in pairs(events) do
    if times > 0 then
      redis.call('HINCRBY', counters, name, times)
    end
  end
  redis.call('EXPIRE', counters, ttl)
end

-- Questions that are answered, by an answer of their own or another's.
local function answered(kinds)
  return (kinds['a'] or 0) + (kinds['='] or 0)
end

-- Count a change of somebody's notes. `lag` is how long ago it was (ms), or '' where it has been
-- counted before. What is told so late is no change that kept somebody waiting, but an old message
-- once more.
local LONGEST = 7 * 86400 * 1000

local function count_change(counters, gone, kept, lag, ttl)
  local events = drops_of(gone)
  events.answers_dropped = answered(gone)
  if lag ~= '' then
    lag = tonumber(lag)
    events.note_changes = 1
    events.answers_retained = answered(kept)
    events[lag > LONGEST and 'replayed' or 'note_change_lag_ms'] = lag > LONGEST and 1 or lag
  end
  count(counters, events, ttl)
end
