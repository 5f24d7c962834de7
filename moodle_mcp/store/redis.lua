-- One operation of the store. KEYS[1]: the prefix of all keys.
-- ARGV: operation, id, now (-1: Redis's own clock), seconds, entries and bytes of the kind, entries
-- and bytes of all, then the operation's own arguments.
-- An id is kind:owner:name. `order` and `group:...` hold ids by the time of writing, `ends` by the
-- end of their time, `sizes` and `bytes` their lengths.
local p, operation, id = KEYS[1], ARGV[1], ARGV[2]
local now, seconds = tonumber(ARGV[3]), tonumber(ARGV[4])
local kind_entries, kind_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
local all_entries, all_bytes = tonumber(ARGV[7]), tonumber(ARGV[8])

if now < 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local function group_of(each)
  return string.match(each, '^(.*):[^:]*$')
end

local function remove(each)
  local size = redis.call('HGET', p .. ':sizes', each)
  if not size then
    return
  end
  -- Not -size: Redis does not take the -0 of an empty value for a number.
  local change = 0 - tonumber(size)
  local group = group_of(each)
  redis.call('DEL', p .. ':entry:' .. each)
  redis.call('ZREM', p .. ':ends', each)
  redis.call('ZREM', p .. ':order', each)
  redis.call('ZREM', p .. ':group:' .. group, each)
  redis.call('HDEL', p .. ':sizes', each)
  redis.call('HINCRBY', p .. ':bytes', '', change)
  if redis.call('HINCRBY', p .. ':bytes', group, change) == 0 then
    redis.call('HDEL', p .. ':bytes', group)
  end
end

local function end_of(each)
  local ending = redis.call('ZSCORE', p .. ':ends', each)
  return ending and tonumber(ending)
end

local function present()
  local ending = end_of(id)
  if not ending then
    return false
  end
  if ending <= now then
    remove(id)
    return false
  end
  return redis.call('GET', p .. ':entry:' .. id)
end

local function bytes_of(group)
  return tonumber(redis.call('HGET', p .. ':bytes', group) or 0)
end

local function evict(order, group, entries, bytes)
  while redis.call('ZCARD', order) > entries or bytes_of(group) > bytes do
    local oldest = redis.call('ZRANGE', order, 0, 0)
    if not oldest[1] then
      return
    end
    remove(oldest[1])
  end
end

local function write(value, ending)
  local size, group = #value, group_of(id)
  if size > kind_bytes or size > all_bytes then
    return 0
  end
  for _, each in ipairs(redis.call('ZRANGEBYSCORE', p .. ':ends', '-inf', now, 'LIMIT', 0, 100)) do
    remove(each)
  end
  remove(id)
  local number = redis.call('INCR', p .. ':number')
  redis.call('SET', p .. ':entry:' .. id, value)
  redis.call('ZADD', p .. ':ends', ending, id)
  redis.call('ZADD', p .. ':order', number, id)
  redis.call('ZADD', p .. ':group:' .. group, number, id)
  redis.call('HSET', p .. ':sizes', id, size)
  redis.call('HINCRBY', p .. ':bytes', '', size)
  redis.call('HINCRBY', p .. ':bytes', group, size)
  evict(p .. ':group:' .. group, group, kind_entries, kind_bytes)
  evict(p .. ':order', '', all_entries, all_bytes)
  return 1
end

if operation == 'get' then
  local value = present()
  if value and ARGV[9] == '1' then
    write(value, now + seconds)
  end
  return value
elseif operation == 'put' then
  return write(ARGV[9], now + seconds)
elseif operation == 'take' then
  local value = present()
  remove(id)
  return value
elseif operation == 'swap' then
  local value = present()
  local expected = ARGV[9] == '1' and ARGV[10]
  if value ~= expected then
    return 0
  end
  return write(ARGV[11], now + seconds)
elseif operation == 'increment' then
  local value = present()
  local ending = value and end_of(id) or now + seconds
  local count = tonumber(value or 0) + 1
  write(string.format('%d', count), ending)
  return count
end
return redis.error_reply('unknown operation')
