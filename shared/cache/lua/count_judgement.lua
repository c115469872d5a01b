-- Count a judged match in the current sample, and raise the threshold if too many were wrong.
--
-- KEYS  threshold, sample
-- ARGV  1 if the match was wrong, else 0, size of a sample, wrong matches allowed in it,
--       threshold of the settings, ttl of a raised threshold (s), ttl of a sample (s)
-- Returns the raised threshold if this judgement raised it, or false.

local threshold, sample = KEYS[1], KEYS[2]
local configured = tonumber(ARGV[4])

local judged = redis.call('HINCRBY', sample, 'judged', 1)
local wrong = redis.call('HINCRBY', sample, 'wrong', ARGV[1])
if wrong > tonumber(ARGV[3]) then
  local current = tonumber(redis.call('GET', threshold) or '')
  if not (current and current >= configured and current <= 1) then
    current = configured
  end
  local raised = string.format('%.6f', (1 + current) / 2)
  redis.call('SET', threshold, raised, 'EX', ARGV[5])
  redis.call('UNLINK', sample)
  return raised
end
if judged >= tonumber(ARGV[2]) then
  redis.call('UNLINK', sample)
else
  redis.call('EXPIRE', sample, ARGV[6])
end
return false
