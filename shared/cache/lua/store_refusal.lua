-- Replace an alias with a refusal, so that the two questions are not matched again. Nothing is
-- stored if the alias is gone: the user may have been deleted.
--
-- KEYS  questions
-- ARGV  field, entry

if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 1
