-- What an entry of an index says, by the places that `questions.py` writes it to, and an embedding
-- of a user's own (`embeddings.py`).

local VERSION = '2'  -- see `codec.py`

local function is_ours(entry)
  return string.sub(entry, 1, 1) == VERSION
end

local function kind_of(entry)
  return string.sub(entry, 2, 2)
end

local function answer_of(entry)
  return string.sub(entry, 3, 13)
end

local function end_of(entry)  -- in seconds since 1970
  return tonumber(string.sub(entry, 14, 23)) or 0
end

local function cost_of(entry)  -- in billionths of a dollar
  return tonumber(string.sub(entry, 24, 35)) or 0
end

local function end_of_embedding(embedding)  -- of a user's own, in seconds since 1970
  return tonumber(string.sub(embedding, -10)) or 0
end
