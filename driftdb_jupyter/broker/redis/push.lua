-- Give what a server has gathered for a room its place in the room's log.
-- Returns {number, time, time before}, or {word} for what was not taken:
-- "generation": it is another one. "gone": the room is no more. "known": the log has it already.
local generation, now, name, channel, id, server, batch, payload = unpack(ARGV)

if redis.call('HGET', generation_key, 'id') ~= generation then
  return {'generation'}
end

local function push()
  local mark = 'from:' .. server
  local known = redis.call('HMGET', facts, 'id', 'number', 'time', mark)
  if known[1] ~= id then
    return {'gone'}
  end
  if known[4] and tonumber(known[4]) >= tonumber(batch) then
    return {'known'}
  end
  return append(now, name, channel, known[2], known[3], payload, mark, batch)
end

return push() or push()
