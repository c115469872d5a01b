-- Report calls of a model to the circuit breaker that all containers share, and read its state.
--
-- KEYS  state, counters and lock of the breaker
-- ARGV  calls, failed calls, outcome of a probe ('success', 'failure' or ''),
--       how long the breaker stays open (ms), how long it is half-open after that (ms),
--       window in which calls count (ms), minimum number of calls, failure rate
-- Returns {time to live of the state (ms), 1 if this report opened the breaker}.

local state, counters, lock = KEYS[1], KEYS[2], KEYS[3]

local function set_open()
  redis.call('SET', state, '1', 'PX', ARGV[4] + ARGV[5])
  redis.call('UNLINK', counters, lock)
  return 1
end

local opened = 0
if ARGV[3] == 'failure' then
  opened = set_open()
elseif ARGV[3] == 'success' then
  redis.call('UNLINK', state, counters, lock)
end
if redis.call('PTTL', state) <= 0 and ARGV[1] ~= '0' then
  local total = redis.call('HINCRBY', counters, 'total', ARGV[1])
  local failed = redis.call('HINCRBY', counters, 'failed', ARGV[2])
  if redis.call('PTTL', counters) < 0 then
    redis.call('PEXPIRE', counters, ARGV[6])
  end
  if total >= tonumber(ARGV[7]) and failed >= tonumber(ARGV[8]) * total then
    opened = set_open()
  end
end
return {redis.call('PTTL', state), opened}
