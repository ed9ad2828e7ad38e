-- All that is done to a room beside pushes, and to the generation. What is asked for comes first.
local rooms, servers, access, users, snapshot, here, written = unpack(KEYS, 6)
local operation, generation, given, name, channel = unpack(ARGV, 1, 5)

local function used()
  return string.format('%.0f', present(given))
end

local function add(payload)
  local function try()
    local known = redis.call('HMGET', facts, 'number', 'time')
    return append(given, name, channel, known[1], known[2], payload)
  end
  return try() or try()
end

local function is_alive(server)
  local ends = redis.call('ZSCORE', servers, server)
  return ends and tonumber(ends) > present(given)
end

local function clear()
  redis.call('UNLINK', facts, log, access, users, snapshot, here)
end

-- Make a room where there is none; something of it may be left where Redis evicts keys.
local function make(id, bounds, payload)
  clear()
  redis.call('HSET', facts, 'id', id, 'number', '0', 'time', '0', 'told', '0',
             'generation', generation, 'bounds', bounds, 'seq', '0', 'keys', '0', 'bytes', '0')
  add(payload)
  redis.call('ZADD', rooms, used(), name)
end

-- What fails in between leaves a room that can be opened, and deleted.
local function remove()
  redis.call('ZADD', changes, tick(given), name)
  redis.call('ZREM', rooms, name)
  clear()
  redis.call('PUBLISH', channel, 'gone')
end

-- Whether all pieces of a snapshot are there still, as they were written.
local function is_whole(pieces)
  return redis.call('LLEN', written) == tonumber(pieces)
end

-- Have the pieces that were written be the snapshot, in one step.
local function take_pieces()
  redis.call('PERSIST', written)
  redis.call('RENAME', written, snapshot)
end

local operations = {}
-- What destroys something, or has several parts: it is not begun where a right is missing for one.
local undivided = {create = true, put = true, access = true, snapshot = true, open = true,
                   delete = true, expire = true}

-- What servers and these scripts use, with what it is given.
local function needed()
  return {
    {'get', clock}, {'getdel', clock}, {'set', clock, '0'}, {'exists', facts}, {'expire', written, '1'},
    {'persist', snapshot}, {'rename', written, snapshot}, {'llen', written}, {'unlink', facts}, {'hget', facts, 'id'},
    {'hmget', facts, 'id'}, {'hset', facts, 'id', '0'}, {'hdel', here, 'id'}, {'hkeys', facts},
    {'hvals', here}, {'hgetall', access}, {'lrange', snapshot, '0', '0'}, {'rpush', written, '0'},
    {'sadd', users, '0'}, {'srem', users, '0'}, {'smembers', users},
    {'xadd', log, '1-0', 'r', '0'}, {'xrange', log, '-', '+'}, {'xtrim', log, 'MINID', '1-0'},
    {'zadd', rooms, '0', '0'}, {'zcard', rooms}, {'zrange', rooms, '0', '0'},
    {'zrangebyscore', rooms, '0', '0'}, {'zrem', rooms, '0'},
    {'zremrangebyscore', rooms, '0', '0'}, {'zscore', rooms, '0'}, {'time'}, {'ping'}, {'info'},
    {'publish', channel, '0'}, {'subscribe', channel}, {'unsubscribe', channel},
  }
end

-- The commands that this user may not use, though they are needed.
function operations.rights()
  local missing = {}
  for _, command in ipairs(needed()) do
    if not redis.acl_check_cmd(unpack(command)) then
      table.insert(missing, string.upper(command[1]))
    end
  end
  return missing
end

-- Which generation it is now: a new one where Redis is another process than it was.
function operations.begin(identity, new, server, bounds)
  local known = redis.call('HMGET', generation_key, 'id', 'identity', 'bounds')
  if known[2] ~= identity then
    redis.call('HSET', generation_key, 'id', new, 'identity', identity)
    known[1] = new
  end
  if not redis.call('ZSCORE', servers, server) then  -- known from now on, if not for alive
    redis.call('ZADD', servers, used(), server)
  end
  local decided = known[3]
  for _, other in ipairs(redis.call('ZRANGE', servers, 0, -1)) do
    if decided and other ~= server and is_alive(other) then
      return {known[1], decided}
    end
  end
  if decided ~= bounds then redis.call('HSET', generation_key, 'bounds', bounds) end
  return {known[1], bounds}
end

-- Another generation, unless there is one already: what a server has applied is not there.
function operations.doubt(new)
  if redis.call('HGET', generation_key, 'id') == generation then
    redis.call('HSET', generation_key, 'id', new)
  end
  return redis.call('HGET', generation_key, 'id')
end

-- A sign of life; returns what has changed since a time.
function operations.beat(server, lease, since)
  local time, was_alive = present(given), is_alive(server)
  redis.call('ZADD', servers, string.format('%.0f', time + tonumber(lease)), server)
  -- Where Redis's clock was set back, what was given before would hold for as long. Who has longer
  -- leases renews its own just as often.
  local longest = string.format('%.0f', time + 2 * tonumber(lease))
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', servers, '(' .. longest, '+inf')) do
    redis.call('ZADD', servers, longest, other)
  end
  redis.call('ZREMRANGEBYSCORE', servers, '-inf', string.format('%.0f', time - 86400000000))
  redis.call('ZREMRANGEBYSCORE', changes, '-inf', string.format('%.0f', time - 3600000000))
  return {
    redis.call('HGET', generation_key, 'id') or '',
    redis.call('ZRANGEBYSCORE', changes, '(' .. since, '+inf', 'WITHSCORES'),
    redis.call('ZRANGEBYSCORE', servers, string.format('(%.0f', time), '+inf'),
    was_alive and 1 or 0,
  }
end

-- Tell of presences: triples of a field, its content (empty: it goes) and the message. A message
-- goes with its time and that of the one before, so that who missed one notices.
function operations.here()
  local before = redis.call('HGET', facts, 'told')
  if not before then return {'gone'} end
  local time, told = tick(given), ARGV
  for place = 6, #told, 3 do
    if told[place + 1] == '' then
      redis.call('HDEL', here, told[place])
    else
      redis.call('HSET', here, told[place], told[place + 1])
    end
    redis.call('PUBLISH', channel, '+' .. time .. ' ' .. before .. ' ' .. told[place + 2])
    before = time
  end
  redis.call('HSET', facts, 'told', time)
  redis.call('ZADD', changes, time, name .. '\0')
  return {'told'}
end

-- Forget the presences that a server has told of, unless it is alive after all.
function operations.ended(server)
  if is_alive(server) then return {'alive'} end
  for place = 7, #ARGV do redis.call('HDEL', here, ARGV[place]) end
  return {'ended'}
end

function operations.create(limit, id, bounds, payload)
  if redis.call('EXISTS', facts) == 1 then return {'there'} end
  if redis.call('ZCARD', rooms) >= tonumber(limit) then return {'full'} end
  make(id, bounds, payload)
  return {'made'}
end

-- Put a whole room, whose snapshot was written beforehand, in the place of a room in one state.
function operations.put(limit, id, bounds, payload, before_id, before_number,
                        pieces, seq, keys, bytes)
  local before = redis.call('HMGET', facts, 'id', 'number')
  if (before[1] or '') ~= before_id or (before[2] or '') ~= before_number then
    redis.call('UNLINK', written)
    return {'other'}
  end
  if not before[1] and redis.call('ZCARD', rooms) >= tonumber(limit) then
    redis.call('UNLINK', written)
    return {'full'}
  end
  if not is_whole(pieces) then return {'torn'} end
  make(id, bounds, payload)
  take_pieces()
  redis.call('HSET', facts, 'snapshot', '0', 'seq', seq, 'keys', keys, 'bytes', bytes)
  for place = 16, #ARGV, 2 do redis.call('HSET', access, ARGV[place], ARGV[place + 1]) end
  redis.call('PUBLISH', channel, 'gone')
  return {'made'}
end

-- Take part in a room; its epoch and bounds are those of now when this returns.
function operations.open(server, bounds, epoch, same)
  local known = redis.call('HMGET', facts, 'id', 'generation', 'bounds', 'snapshot')
  if not known[1] then return {'gone'} end
  if known[2] ~= generation then
    add(epoch)
    redis.call('UNLINK', here)  -- it may be of long ago; who is there comes back, and says so
    redis.call('HSET', facts, 'generation', generation, 'bounds', bounds)
  elseif known[3] ~= bounds then
    add(same)
    redis.call('HSET', facts, 'bounds', bounds)
  end
  redis.call('SADD', users, server)
  redis.call('ZADD', rooms, used(), name)
  return {'open', known[1], known[4] or '', redis.call('HGET', facts, 'number')}
end

function operations.note(id, seq, keys, bytes)
  if redis.call('HGET', facts, 'id') == id then
    redis.call('HSET', facts, 'seq', seq, 'keys', keys, 'bytes', bytes)
  end
end

function operations.touch()
  redis.call('ZADD', rooms, 'XX', used(), name)
end

function operations.leave(id, server)
  if redis.call('HGET', facts, 'id') == id then
    redis.call('SREM', users, server)
    redis.call('ZADD', rooms, 'XX', used(), name)
  end
end

-- Change who may do what: pairs of records that are expected, and of those to write. An empty text
-- stands for none.
function operations.access(payload, expected)
  if redis.call('EXISTS', facts) == 0 then return {'gone'} end
  local records, first = ARGV, 2 * tonumber(expected) + 8
  for place = 8, first - 1, 2 do
    if (redis.call('HGET', access, records[place]) or '') ~= records[place + 1] then
      return {'other', redis.call('HGET', facts, 'number')}
    end
  end
  for place = first, #records, 2 do
    if records[place + 1] == '' then
      redis.call('HDEL', access, records[place])
    else
      redis.call('HSET', access, records[place], records[place + 1])
    end
  end
  return add(payload)
end

-- Take a snapshot that was written, if it is newer; the log goes that the older one didn't need.
-- What fails in between leaves a snapshot that is whole, and as much of the log as it needs.
function operations.snapshot(id, number, pieces)
  local known = redis.call('HMGET', facts, 'id', 'snapshot')
  local before = tonumber(known[2] or '0')
  if known[1] ~= id or before >= tonumber(number) then
    redis.call('UNLINK', written)
    return {'late'}
  end
  if not is_whole(pieces) then return {'torn'} end
  take_pieces()
  redis.call('HSET', facts, 'snapshot', number)
  redis.call('XTRIM', log, 'MINID', string.format('%.0f-0', before + 1))
  for _, field in ipairs(redis.call('HKEYS', facts)) do
    local server = string.match(field, '^from:(.+)$')
    -- For a day, in case that it was only slow and sends again what it has sent.
    if server and not redis.call('ZSCORE', servers, server) then
      redis.call('SREM', users, server)
      redis.call('HDEL', facts, field)
    end
  end
  return {'taken'}
end

function operations.delete()
  if redis.call('EXISTS', facts) == 0 then return {'gone'} end
  remove()
  return {'deleted'}
end

function operations.expire(before)
  local used = redis.call('ZSCORE', rooms, name)
  if not used or tonumber(used) >= tonumber(before) then return {'used'} end
  for _, server in ipairs(redis.call('SMEMBERS', users)) do
    if is_alive(server) then return {'used'} end
  end
  remove()
  return {'deleted'}
end

-- Put a text in the place of another, under the key that is given in place of a snapshot's.
function operations.replace(before, after)
  if (redis.call('GET', written) or '') ~= before then return {'other'} end
  redis.call('SET', written, after)
  return {'replaced'}
end

-- Note how many a server counts under a name, unless all that live count more than a limit.
function operations.count(counts, server, counted, here, limit)
  local sum = tonumber(here)
  local alive = redis.call('ZRANGEBYSCORE', servers, string.format('(%.0f', present(given)), '+inf')
  for _, other in ipairs(alive) do
    if other ~= server then
      sum = sum + tonumber(redis.call('HGET', counts .. other, counted) or '0')
    end
  end
  if sum > tonumber(limit) then return {'more'} end
  redis.call('HSET', counts .. server, counted, here)
  redis.call('EXPIRE', counts .. server, '86400')  -- as with what servers tell each second
  return {'counted'}
end

if operation ~= 'rights' and operation ~= 'begin' and operation ~= 'beat'
   and redis.call('HGET', generation_key, 'id') ~= generation then
  if operation == 'doubt' then return redis.call('HGET', generation_key, 'id') end
  return {'generation'}
end
local lacked = undivided[operation] and operations.rights()[1]
if lacked then
  return {err = "ERR The user executing the script can't run the '" .. string.lower(lacked) .. "' command"}
end
-- Lists may be longer than what can be unpacked: those are read from ARGV.
return operations[operation](unpack(ARGV, 6, math.min(#ARGV, 15)))
