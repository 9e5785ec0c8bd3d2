#!lua name=chargeline

-- The one door of a shard. Reads first, writes last: the server keeps what a function wrote before it failed.
-- All numbers that are compared stay below 2^53; tags, ids and records are opaque bytes.
--
-- KEYS[1] header    hash: number, tag, catalogue, recent_bytes, reservation "caller until_ms ids",
--                         e:<partition> "draw attempt", f:<partition> "next last hash"
-- KEYS[2] recent    list: "number tag groups profiles" of each commit, lengths in front; newest last
-- KEYS[3] groups    hash: 8-byte id -> record
-- KEYS[4] profiles  hash: 8-byte id -> record
-- KEYS[5..]         decisions of the partitions named in the call, in their order:
--                   list: "highest_offset:entry", oldest first
--
-- Statuses: 0 ACCEPTED, 1 STALE, 2 UNKNOWN, 3 FENCED, 4 CATALOGUE_OLD, 5 RESERVED

local VERSION = '3'
local ID = 8
local UNPACK_MAX = 4000 -- Lua's stack bounds what one call may take

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function header_of(key, more)
  local fields = {'number', 'tag', 'catalogue', 'recent_bytes', 'reservation'}
  for _, name in ipairs(more) do fields[#fields + 1] = name end
  local h = redis.call('HMGET', key, unpack(fields))
  if not h[1] then
    return nil, redis.error_reply('NOHEADER the shard was never created, or its data is gone')
  end
  return h
end

-- What others changed since the version the caller has seen.
-- nil: cannot say. Otherwise two tables of id blobs, one a commit, perhaps empty.
local function changed_since(recent, number, tag, seen_number, seen_tag)
  if seen_number == '' then return nil end
  local seen = tonumber(seen_number)
  local behind = tonumber(number) - seen
  if behind == 0 then
    if tag ~= seen_tag then return nil end
    return {}, {}
  end
  if behind < 0 then return nil end
  local entries = redis.call('LRANGE', recent, -(behind + 1), -1)
  if #entries ~= behind + 1 then return nil end
  local groups, profiles = {}, {}
  for i, entry in ipairs(entries) do
    local n, t, g, p = cmsgpack.unpack(entry)
    if i == 1 then
      if n ~= seen or t ~= seen_tag then return nil end
    else
      if #g > 0 then groups[#groups + 1] = g end
      if #p > 0 then profiles[#profiles + 1] = p end
    end
  end
  return groups, profiles
end

local function id_set(...)
  local set = {}
  for _, blob in ipairs({...}) do
    for at = 1, #blob, ID do set[string.sub(blob, at, at + ID - 1)] = true end
  end
  return set
end

-- Ids of the blobs that the caller named, each once.
local function overlap(blobs, set)
  local found, seen = {}, {}
  for _, blob in ipairs(blobs) do
    for at = 1, #blob, ID do
      local id = string.sub(blob, at, at + ID - 1)
      if set[id] and not seen[id] then
        seen[id] = true
        found[#found + 1] = id
      end
    end
  end
  return found
end

local function fetch(key, ids)
  local records = {}
  for from = 1, #ids, UNPACK_MAX do
    local to = math.min(from + UNPACK_MAX - 1, #ids)
    local values = redis.call('HMGET', key, unpack(ids, from, to))
    for i = from, to do
      records[#records + 1] = ids[i]
      records[#records + 1] = values[i - from + 1]
    end
  end
  return records
end

local function split_ids(blob)
  local ids = {}
  for at = 1, #blob, ID do ids[#ids + 1] = string.sub(blob, at, at + ID - 1) end
  return ids
end

-- {status, number, tag, unknown, changed groups, changed profiles, fenced, catalogue, groups, profiles}
local function answer(status, number, tag, groups, profiles, fenced, catalogue, fresh_groups, fresh_profiles)
  return {
    status, number, tag, groups and 0 or 1,
    groups and table.concat(groups) or '', profiles and table.concat(profiles) or '',
    fenced, catalogue, fresh_groups or {}, fresh_profiles or {},
  }
end

-- Put records back; an empty one removes.
local function write_records(key, args, from, count)
  for start = from, from + 2 * count - 1, UNPACK_MAX do
    local stop = math.min(start + UNPACK_MAX - 1, from + 2 * count - 1)
    redis.call('HSET', key, unpack(args, start, stop))
  end
end

local function remove_records(key, blob)
  local ids = split_ids(blob)
  for from = 1, #ids, UNPACK_MAX do
    redis.call('HDEL', key, unpack(ids, from, math.min(from + UNPACK_MAX - 1, #ids)))
  end
end

local function drop_below(key, next_offset)
  while true do
    local entry = redis.call('LINDEX', key, 0)
    if not entry then return end
    local highest = tonumber(string.sub(entry, 1, string.find(entry, ':', 1, true) - 1))
    if highest >= next_offset then return end
    redis.call('LPOP', key)
  end
end

-- ARGV 1 seen number ('' = none), 2 seen tag, 3 new tag, 4 caller, 5 catalogue version,
--      6 ids of written groups, 7 of removed groups, 8 of read groups, 9..11 the same of profiles,
--      12 reservation ms, 13 bytes of ids that recent commits may take, 14 number of partitions,
--      15 lowest catalogue version from now on (0 = leave it),
--      then for each partition: partition, draw, attempt, entry, highest offset, floor ('' = leave it),
--      then id and record of each written group, then of each written profile
local function commit(keys, args)
  local partitions = tonumber(args[14])
  local names = {}
  for i = 0, partitions - 1 do names[#names + 1] = 'e:' .. args[16 + 6 * i] end
  local h, failure = header_of(keys[1], names)
  if not h then return failure end
  local number, tag, catalogue = h[1], h[2], h[3]
  local groups, profiles = changed_since(keys[2], number, tag, args[1], args[2])

  local fenced = {}
  for i = 0, partitions - 1 do
    local at = 16 + 6 * i
    if h[6 + i] ~= args[at + 1] .. ' ' .. args[at + 2] then fenced[#fenced + 1] = args[at] end
  end
  if #fenced > 0 then return answer(3, number, tag, groups, profiles, table.concat(fenced, ','), catalogue) end
  if tonumber(args[5]) < tonumber(catalogue) then
    return answer(4, number, tag, groups, profiles, '', catalogue)
  end
  -- A call that stands on nothing and changes no record (floors, rejected events) cannot be stale.
  local bare = args[6] .. args[7] .. args[8] .. args[9] .. args[10] .. args[11] == ''
  if not groups and not bare then return answer(2, number, tag, nil, nil, '', catalogue) end

  local reservation = h[5] and h[5] ~= '' and h[5] or nil
  local holds = false
  if reservation then
    local holder, until_ms, ids = cmsgpack.unpack(reservation)
    holds = holder == args[4]
    if not holds and until_ms > now_ms() and #overlap({ids}, id_set(args[6], args[8])) > 0 then
      return answer(5, number, tag, groups, profiles, '', catalogue)
    end
    if not holds and until_ms <= now_ms() then reservation = nil end
  end
  if groups and (#groups > 0 or #profiles > 0) then
    local stale_groups = overlap(groups, id_set(args[6], args[7], args[8]))
    local stale_profiles = overlap(profiles, id_set(args[9], args[10], args[11]))
    if #stale_groups > 0 or #stale_profiles > 0 then
      -- The refused caller is promised its groups for a moment; one holder a shard, never renewed.
      if not reservation and #stale_groups > 0 and tonumber(args[12]) > 0 then
        local promise = cmsgpack.pack(args[4], now_ms() + tonumber(args[12]), table.concat(stale_groups))
        redis.call('HSET', keys[1], 'reservation', promise)
      end
      return answer(1, number, tag, groups, profiles, '', catalogue,
        fetch(keys[3], stale_groups), fetch(keys[4], stale_profiles))
    end
  end

  local written_groups, written_profiles = #args[6] / ID, #args[9] / ID
  local at = 16 + 6 * partitions
  if written_groups > 0 then write_records(keys[3], args, at, written_groups) end
  if written_profiles > 0 then write_records(keys[4], args, at + 2 * written_groups, written_profiles) end
  if #args[7] > 0 then remove_records(keys[3], args[7]) end
  if #args[10] > 0 then remove_records(keys[4], args[10]) end

  local fields = {}
  for i = 0, partitions - 1 do
    local p = 16 + 6 * i
    local floor = args[p + 5]
    if args[p + 3] ~= '' then redis.call('RPUSH', keys[5 + i], args[p + 4] .. ':' .. args[p + 3]) end
    if floor ~= '' then
      fields[#fields + 1] = 'f:' .. args[p]
      fields[#fields + 1] = floor
      drop_below(keys[5 + i], tonumber(string.match(floor, '^%-?%d+')))
    end
  end
  local changed_g, changed_p = args[6] .. args[7], args[9] .. args[10]
  if changed_g ~= '' or changed_p ~= '' then
    number = string.format('%.0f', tonumber(number) + 1)
    tag = args[3]
    redis.call('RPUSH', keys[2], cmsgpack.pack(tonumber(number), tag, changed_g, changed_p))
    local bytes = tonumber(h[4]) + #changed_g + #changed_p
    while bytes > tonumber(args[13]) do
      local _, _, g, p = cmsgpack.unpack(redis.call('LPOP', keys[2]))
      bytes = bytes - #g - #p
    end
    for _, value in ipairs({'number', number, 'tag', tag, 'recent_bytes', string.format('%.0f', bytes)}) do
      fields[#fields + 1] = value
    end
  end
  if tonumber(args[15]) > tonumber(catalogue) then
    catalogue = args[15]
    fields[#fields + 1] = 'catalogue'
    fields[#fields + 1] = catalogue
  end
  if reservation and holds or (h[5] and h[5] ~= '' and not reservation) then
    fields[#fields + 1] = 'reservation'
    fields[#fields + 1] = ''
  end
  if #fields > 0 then redis.call('HSET', keys[1], unpack(fields)) end
  return answer(0, number, tag, groups, profiles, '', catalogue)
end

-- ARGV 1 seen number, 2 seen tag, 3 ids of groups, 4 ids of profiles
-- returns {number, tag, unknown, changed groups, changed profiles, groups, profiles}
local function load_records(keys, args)
  local h, failure = header_of(keys[1], {})
  if not h then return failure end
  local groups, profiles = changed_since(keys[2], h[1], h[2], args[1], args[2])
  return {
    h[1], h[2], groups and 0 or 1,
    groups and table.concat(groups) or '', profiles and table.concat(profiles) or '',
    fetch(keys[3], split_ids(args[3])), fetch(keys[4], split_ids(args[4])),
  }
end

-- ARGV for each partition: partition, draw, attempt
-- returns {number, tag, then for each partition {granted, epoch in force, floor, entries}}
local function claim(keys, args)
  local names = {}
  for i = 1, #args, 3 do
    names[#names + 1] = 'e:' .. args[i]
    names[#names + 1] = 'f:' .. args[i]
  end
  local h, failure = header_of(keys[1], names)
  if not h then return failure end
  local answers = {h[1], h[2]}
  for i = 0, #args / 3 - 1 do
    local partition, draw, attempt = args[3 * i + 1], tonumber(args[3 * i + 2]), tonumber(args[3 * i + 3])
    local held, floor = h[6 + 2 * i], h[7 + 2 * i]
    local held_draw, held_attempt = -1, -1
    if held then
      local a, b = string.match(held, '^(%d+) (%d+)$')
      held_draw, held_attempt = tonumber(a), tonumber(b)
    end
    local granted = draw > held_draw or (draw == held_draw and attempt > held_attempt)
    local epoch = held or ''
    local entries = {}
    if granted then
      epoch = string.format('%.0f %.0f', draw, attempt)
      redis.call('HSET', keys[1], 'e:' .. partition, epoch)
      for n, entry in ipairs(redis.call('LRANGE', keys[5 + i], 0, -1)) do
        entries[n] = string.sub(entry, string.find(entry, ':', 1, true) + 1)
      end
    end
    answers[#answers + 1] = {granted and 1 or 0, epoch, floor or '', entries}
  end
  return answers
end

-- ARGV 1 tag, 2 shards: the header of a new shard; says what is there. Never touches an existing one.
local function create(keys, args)
  local there = redis.call('HGET', keys[1], 'shards')
  if there then return there end
  redis.call('HSET', keys[1], 'number', '0', 'tag', args[1], 'catalogue', '0', 'recent_bytes', '0', 'shards', args[2])
  redis.call('RPUSH', keys[2], cmsgpack.pack(0, args[1], '', ''))
  return args[2]
end

redis.register_function('cl_commit', commit)
redis.register_function{function_name = 'cl_load', callback = load_records, flags = {'no-writes'}}
redis.register_function('cl_claim', claim)
redis.register_function('cl_create', create)
redis.register_function{function_name = 'cl_version', callback = function() return VERSION end, flags = {'no-writes'}}

-- Outside the shards. KEYS[1] bucket of the directory; ARGV 1 identifier, 2 entries as the caller read them, 3 as
-- they become ('' = none). 1: replaced; 0: somebody else was quicker, nothing is changed.
local function swap_directory(keys, args)
  if (redis.call('HGET', keys[1], args[1]) or '') ~= args[2] then return 0 end
  if args[3] == '' then redis.call('HDEL', keys[1], args[1]) else redis.call('HSET', keys[1], args[1], args[3]) end
  return 1
end

redis.register_function('cl_swap_directory', swap_directory)
