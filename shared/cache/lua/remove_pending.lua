-- Remove a question if it is still pending: it may have an answer by now.
--
-- KEYS  questions
-- ARGV  field

-- include: common/entries
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if entry and is_current_version(entry) and kind_of(entry) == 'p' then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return 1
