-- Report calls of a model to the circuit breaker that all containers share, and read its state.
--
-- KEYS  open, calls, probe lock
-- ARGV  calls, failed calls, outcome of a probe ('success', 'failure' or ''),
--       how long the breaker stays open (ms), how long it is half-open after that (ms),
--       window in which calls count (ms), minimum number of calls, failure rate
-- Returns {time to live of `open` (ms), 1 if this report opened the breaker}.

local open, calls, probe = KEYS[1], KEYS[2], KEYS[3]

local function set_open()
  redis.call('SET', open, '1', 'PX', ARGV[4] + ARGV[5])
  redis.call('UNLINK', calls, probe)
  return 1
end

local opened = 0
if ARGV[3] == 'failure' then
  opened = set_open()
elseif ARGV[3] == 'success' then
  redis.call('UNLINK', open, calls, probe)
end
if redis.call('PTTL', open) <= 0 and ARGV[1] ~= '0' then
  local total = redis.call('HINCRBY', calls, 'total', ARGV[1])
  local failed = redis.call('HINCRBY', calls, 'failed', ARGV[2])
  if redis.call('PTTL', calls) < 0 then
    redis.call('PEXPIRE', calls, ARGV[6])
  end
  if total >= tonumber(ARGV[7]) and failed >= tonumber(ARGV[8]) * total then
    opened = set_open()
  end
end
return {redis.call('PTTL', open), opened}
