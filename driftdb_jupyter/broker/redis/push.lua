-- Give what a server has gathered for a room its place in the room's log.
-- Returns {number, time, time before}, or {word} for what was not taken:
-- "generation": it is another one. "gone": the room is no more. "known": the log has it already.
local clock, changes, generation_key, facts, log = unpack(KEYS)
local generation, now, name, channel, id, server, batch, payload = unpack(ARGV)

if redis.call('HGET', generation_key, 'id') ~= generation then
  return {'generation'}
end
local known = redis.call('HMGET', facts, 'id', 'number', 'time', 'from:' .. server)
if known[1] ~= id then
  return {'gone'}
end
if known[4] and tonumber(known[4]) >= tonumber(batch) then
  return {'known'}
end
local number = string.format('%.0f', tonumber(known[2]) + 1)
local time = tonumber(now)
if not time then
  local parts = redis.call('TIME')
  time = tonumber(parts[1]) * 1000000 + tonumber(parts[2])
end
time = string.format('%.0f', math.max(time, tonumber(redis.call('GET', clock) or '0') + 1))
local record = number .. ' ' .. time .. ' ' .. known[3] .. ' ' .. payload
redis.call('SET', clock, time)
redis.call('XADD', log, number .. '-0', 'r', record)
redis.call('HSET', facts, 'number', number, 'time', time, 'from:' .. server, batch)
redis.call('ZADD', changes, time, name)
redis.call('PUBLISH', channel, record)
return {number, time, known[3]}
