-- Hits of index entries, and the TTL that grows with them. Needs entries, counters and entry_counts.

local MAX_HITS = 999999  -- six digits
local MAX_DOUBLINGS = 30

-- The kind by which entry_counts counts an answer, beside `a`, if it was hit.
local function kind_by_hits(hits)
  return hits >= 10 and 'k' or hits >= 5 and 'j' or hits >= 2 and 'i' or hits >= 1 and 'h'
end

-- Count an index entry: `by` is 1 if it was stored, -1 if dropped.
local function count_index_entry(entry, by)
  local kind, ends = kind_of(entry), end_of(entry)
  count_entry(kind, ends, by)
  if kind == 'a' then
    count_entry(kind_by_hits(hits_of(entry)), ends, by)
  end
end

-- Extend the TTL (s) of a user's key, never shorten it.
local function keep_key(key, ttl)
  if redis.call('TTL', key) < ttl then
    redis.call('EXPIRE', key, ttl)
  end
end

-- Return the entry with other uses. `origin` is 'w' for a warmed answer that no request has got yet, else 'r'.
local function with_uses(entry, new_end, hits, last_use, origin)
  new_end = math.min(new_end, latest_end_of(entry))
  local uses = string.format('%010d%06d%010d%s', new_end, hits, last_use, origin)
  return string.sub(entry, 1, 13) .. uses .. string.sub(entry, 41)
end

-- Return a new answer's entry with the hits of the pending entry whose place it takes, and the TTL of an answer
-- with as many hits. `ttl` (s) is that of an answer without hits.
local function carry_hits(entry, pending, ttl)
  local hits, now = hits_of(pending), last_use_of(entry)
  local new_end = now + ttl * 2 ^ math.min(hits, MAX_DOUBLINGS)
  return with_uses(entry, new_end, hits, now, string.sub(entry, 40, 40))
end

-- Count a hit of the entry in a field at `now` (s), and return the new entry. The TTL of an answer begins with
-- `ttl` (s) and doubles with each hit until the entry's latest end. The user's keys outlive it by `stale_if_error`
-- (s). KEYS must begin with questions, answers.
local function count_hit(field, entry, now, ttl, stale_if_error)
  local hits, former_end = math.min(hits_of(entry) + 1, MAX_HITS), end_of(entry)
  local growth = ttl * 2 ^ math.min(hits - 1, MAX_DOUBLINGS)
  local new_entry = with_uses(entry, former_end + growth, hits, now, 'r')
  local new_end = end_of(new_entry)
  redis.call('HSET', KEYS[1], field, new_entry)
  if is_unused(entry) then
    count('warmed_used', 1)
    count('warmed_saved_nanodollars', cost_of(entry))
  end
  if new_end ~= former_end or kind_by_hits(hits) ~= kind_by_hits(hits - 1) then
    count_index_entry(entry, -1)
    count_index_entry(new_entry, 1)
  end
  if new_end > former_end then
    for key = 1, 2 do
      keep_key(KEYS[key], new_end - now + stale_if_error)
    end
  end
  return new_entry
end
