-- Put what must not be matched again in the place of a match, if that is still there: where a user
-- was forgotten meanwhile, nothing of theirs may come back.
--
-- KEYS  questions
-- ARGV  field, entry

if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 1
