-- A fence must be unique. redis-py resends a command whose reply was lost, so the same script may
-- run twice with the same argument: the server's time keeps both fences apart.

local function new_fence(prefix)
  local time = redis.call('TIME')
  return prefix .. time[1] .. time[2]
end
