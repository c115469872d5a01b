-- Count a change of somebody's notes, and what it dropped and kept: numbers by kinds of entries,
-- embeddings as `e`. `lag` is how long ago the change was (ms).

local LONGEST = 7 * 86400 * 1000

local function count_change(counters, gone, kept, lag, ttl)
  local function number(kinds, first, second)
    return (kinds[first] or 0) + (kinds[second] or 0)
  end
  -- Questions that are answered by an answer of their own or another's; what was kept for them.
  local counted = {
    invalidations = 1,
    dropped = number(gone, 'a', '='),
    kept = number(kept, 'a', '='),
    l1_drops = number(gone, 'a'),
    l2_drops = number(gone, 'e'),
    l3_drops = number(gone, 'a', 'c'),
  }
  -- What is told so late is no change that kept somebody waiting, but an old message once more.
  counted[lag > LONGEST and 'replayed' or 'lag_ms'] = lag > LONGEST and 1 or lag
  for name, times in pairs(counted) do
    if times > 0 then
      redis.call('HINCRBY', counters, name, times)
    end
  end
  redis.call('EXPIRE', counters, ttl)
end
