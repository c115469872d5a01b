-- Dropped entries and how they are counted. Needs entries, counters and entry_counts.
-- `dropped` and `retained` are numbers of entries by kind; embeddings are of kind `e`.

local function drop_entry(dropped, entry, entry_counts, ttl)
  local kind = kind_of(entry)
  dropped[kind] = (dropped[kind] or 0) + 1
  count_entry(entry_counts, kind, end_of(entry), -1, ttl)
end

local function count_drops(counters, dropped)
  local answers = dropped['a'] or 0
  count(counters, 'l1_drops', answers)
  count(counters, 'l2_drops', dropped['e'] or 0)
  count(counters, 'l3_drops', answers + (dropped['c'] or 0))
end

-- Questions that have an answer: their own or, as an alias, another question's.
local function answered(entries)
  return (entries['a'] or 0) + (entries['='] or 0)
end

-- A message that is older (ms) has been replayed: its age is no lag of invalidation.
local MAX_LAG = 7 * 86400 * 1000

-- Count a note change; `lag` is its age (ms).
local function count_note_change(counters, dropped, retained, lag, ttl)
  count_drops(counters, dropped)
  count(counters, 'note_changes', 1)
  count(counters, 'answers_dropped', answered(dropped))
  count(counters, 'answers_retained', answered(retained))
  if tonumber(lag) <= MAX_LAG then
    count(counters, 'note_change_lags', 1)
    count(counters, 'note_change_lag_ms', tonumber(lag))
  end
  redis.call('EXPIRE', counters, ttl)
end
