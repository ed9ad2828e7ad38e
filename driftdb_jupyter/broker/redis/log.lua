-- The log of a room: what both scripts do to it. Each of them goes on from here.
local clock, changes, generation_key, facts, log = unpack(KEYS)

local function present(given)
  local time = tonumber(given)
  if not time then
    local parts = redis.call('TIME')
    time = tonumber(parts[1]) * 1000000 + tonumber(parts[2])
  end
  return time
end

-- A time that was never given before.
local function tick(given)
  local time = math.max(present(given), tonumber(redis.call('GET', clock) or '0') + 1)
  time = string.format('%.0f', time)
  redis.call('SET', clock, time)
  return time
end

-- Add an entry behind one of which number and time are known; further facts in pairs go along.
-- Returns what the entry was given: {number, time, time before}.
-- Returns nil where the log has an entry of that number: a script has left it that was broken off
-- there, because its user lost a right. It is finished, and the facts are to be read anew.
-- Whatever can fail for what is under a key does so before the entry is added.
local function append(given, name, channel, number, before, payload, ...)
  number = string.format('%.0f', tonumber(number) + 1)
  local time = tick(given)
  local record = number .. ' ' .. time .. ' ' .. before .. ' ' .. payload
  redis.call('ZADD', changes, time, name)
  local added = redis.pcall('XADD', log, number .. '-0', 'r', record)
  if type(added) == 'table' and added.err then
    local left = redis.call('XRANGE', log, number .. '-0', number .. '-0')[1]
    if not left then error(added) end
    record = left[2][2]
    local server, batch
    time, server, batch = string.match(record, '^%d+ (%d+) %d+ (%S+) (%d+) ')
    redis.call('HSET', facts, 'number', number, 'time', time, 'from:' .. server, batch)
    redis.call('PUBLISH', channel, record)
    return nil
  end
  redis.call('HSET', facts, 'number', number, 'time', time, ...)
  redis.call('PUBLISH', channel, record)
  return {number, time, before}
end
