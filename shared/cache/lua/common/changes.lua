-- Count what a change of somebody's notes did: numbers of entries by their kinds, embeddings as `e`.

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

local function count_drops(counters, gone, ttl)
  count(counters, {
    dropped = answered(gone),
    l1_drops = gone['a'] or 0,
    l2_drops = gone['e'] or 0,
    l3_drops = (gone['a'] or 0) + (gone['c'] or 0),
  }, ttl)
end

-- `lag` is how long ago the change was (ms). What is told so late is no change that kept somebody
-- waiting, but an old message once more.
local LONGEST = 7 * 86400 * 1000

local function count_change(counters, kept, lag, ttl)
  count(counters, {
    invalidations = 1,
    kept = answered(kept),
    lag_ms = lag <= LONGEST and lag or 0,
    replayed = lag > LONGEST and 1 or 0,
  }, ttl)
end
