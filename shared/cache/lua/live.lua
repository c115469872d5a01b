-- How many entries of each kind live in a partition: those that end in this hour or later.
--
-- KEYS  live entries
-- ARGV  this hour (of the epoch), then kinds
-- Gives a number for each kind. What Redis lost of the count itself does not make it negative,
-- and what somebody else wrote there counts nothing.

local counts = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  if (tonumber(string.sub(flat[i], 2)) or 0) >= tonumber(ARGV[1]) then
    local kind = string.sub(flat[i], 1, 1)
    local number = string.match(flat[i + 1], '^%d+$') and #flat[i + 1] <= 15
    counts[kind] = (counts[kind] or 0) + (number and tonumber(flat[i + 1]) or 0)
  end
end
local given = {}
for i = 2, #ARGV do
  given[#given + 1] = counts[ARGV[i]] or 0
end
return given
