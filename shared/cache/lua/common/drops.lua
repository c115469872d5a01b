-- Dropped entries and how they are counted. Needs entries, counters, entry_counts and hits.
-- `dropped` and `retained` are numbers of entries by kind; embeddings are of kind `e`.

local function drop_entry(dropped, entry)
  local kind = kind_of(entry)
  dropped[kind] = (dropped[kind] or 0) + 1
  count_index_entry(entry, -1)
end

local function count_drops(dropped)
  local answers = dropped['a'] or 0
  count('l1_drops', answers)
  count('l2_drops', dropped['e'] or 0)
  count('l3_drops', answers + (dropped['c'] or 0))
end

-- Questions that have an answer: their own or, as an alias, another question's.
local function answered(entries)
  return (entries['a'] or 0) + (entries['='] or 0)
end

-- A message that is older (ms) has been replayed: its age is no lag of invalidation.
local MAX_LAG = 7 * 86400 * 1000

-- Count a note change; `lag` is its age (ms).
local function count_note_change(dropped, retained, lag)
  count_drops(dropped)
  count('note_changes', 1)
  count('answers_dropped', answered(dropped))
  count('answers_retained', answered(retained))
  if tonumber(lag) <= MAX_LAG then
    count('note_change_lags', 1)
    count('note_change_lag_ms', tonumber(lag))
  end
end
