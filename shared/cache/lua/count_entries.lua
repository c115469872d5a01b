-- How many entries of each kind live in a partition: those that end in this hour or later.
--
-- KEYS  live entries
-- ARGV  this hour (of the epoch), then kinds
-- Gives a number for each kind. What Redis lost of the count itself does not make it negative,
-- and what somebody else wrote there counts nothing.

local sub, number = string.sub, tonumber
local counts, from = {}, {}
for i = 2, #ARGV do
  counts[ARGV[i]] = 0
  from[ARGV[i]] = ARGV[i] .. ARGV[1]
end
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  local kind = sub(flat[i], 1, 1)
  -- Hours have six digits until 2084, so that they compare as text: a statistic reads thousands.
  if from[kind] and flat[i] >= from[kind] then
    local times = number(flat[i + 1]) or 0
    if times > 0 and times < 1e15 then
      counts[kind] = counts[kind] + times
    end
  end
end
local given = {}
for i = 2, #ARGV do
  given[#given + 1] = counts[ARGV[i]]
end
return given
