-- The header of an index entry (see index_entries.py), and the expiry of a user's own embedding
-- (see l2_embeddings.py).

local VERSION = '8'  -- as in codec.py

local function number_at(entry, first, last)
  return tonumber(string.sub(entry, first, last)) or 0
end

local function is_current_version(entry)
  return string.sub(entry, 1, 1) == VERSION
end

local function kind_of(entry)
  return string.sub(entry, 2, 2)
end

local function answer_of(entry)
  return string.sub(entry, 3, 13)
end

local function end_of(entry)  -- seconds since 1970
  return number_at(entry, 14, 23)
end

local function hits_of(entry)
  return is_current_version(entry) and number_at(entry, 24, 29) or 0
end

local function last_use_of(entry)  -- seconds since 1970
  return number_at(entry, 30, 39)
end

local function is_unused(entry)  -- a warmed answer that no request has got yet
  return string.sub(entry, 40, 40) == 'w'
end

local function latest_end_of(entry)  -- seconds since 1970
  return number_at(entry, 41, 50)
end

local function cost_of(entry)  -- nanodollars
  return number_at(entry, 51, 62)
end

local function target_of(entry)  -- of an alias
  return string.sub(entry, 63, 84)
end

-- Whether an entry, or false, is of this version and of a kind, and has not expired at `now` (s).
local function is_valid(entry, kind, now)
  return entry and is_current_version(entry) and kind_of(entry) == kind and end_of(entry) > now
end

local function end_of_embedding(embedding)  -- seconds since 1970
  return tonumber(string.sub(embedding, -10)) or 0
end

-- Delete one question. KEYS must begin with questions, answers, contexts.
local function delete_question(field)
  for key = 1, 3 do
    redis.call('HDEL', KEYS[key], field)
  end
end
