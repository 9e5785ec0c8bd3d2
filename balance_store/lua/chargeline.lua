#!lua name=chargeline5

-- The one door of a shard. Reads first, writes last: the server keeps what a function wrote before it failed.
-- All numbers that are compared stay below 2^53, ids too; tags and records are opaque bytes.
--
-- Records do not pass through Lua, which would copy each twice. They are a plain HSET within the transaction:
--
--   MULTI | FCALL commit | HSET <open groups> id record ... | HSET <open profiles> ... | FCALL close | EXEC
--
-- commit decides. What it accepts it opens: the hash takes the name that the HSET writes to, for the length of
-- the transaction, and close gives it its own name back. What it refuses goes into a new hash of that name, which
-- close drops. The open name has the commit's tag in it, so nobody else can write there.
--
-- KEYS[1] header    hash: number, tag, catalogue, recent_bytes, reservation "caller until_ms ids",
--                         groups, profiles: '1' while that hash is not empty,
--                         e:<partition> "draw attempt", f:<partition> "next last hash"
-- KEYS[2] recent    list: "number tag groups profiles" of each commit, lengths in front; newest last
-- KEYS[3] groups    hash: 8-byte id -> record
-- KEYS[4] profiles  hash: 8-byte id -> record
-- KEYS[5], KEYS[6]  of a commit: groups and profiles while they are open
-- KEYS[7..]         of a commit, [5..] of a claim: decisions of the partitions named, in their order:
--                   list: "highest_offset:entry", oldest first
--
-- Reads of records do not pass through Lua either.
--
-- Ids in an argument are 8 bytes each, big-endian, ascending; the previous version kept them in any order.
-- Statuses: 0 ACCEPTED, 1 STALE, 2 UNKNOWN, 3 FENCED, 4 CATALOGUE_OLD, 5 RESERVED

-- Names carry the version, so that the next one can be loaded beside it: functions.py says the same.
local VERSION = '5'
local ID = 8
local UNPACK_MAX = 4000 -- Lua's stack bounds what one call may take
local IDS_A_TIME = 1000
local PASSED_MAX = 32 -- entries of decisions that are looked at only when there are more

-- Tag of the commit that the transaction under way has accepted.
local accepted = nil

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function header_of(key, more)
  local fields = {'number', 'tag', 'catalogue', 'recent_bytes', 'reservation', 'groups', 'profiles'}
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

-- Ids as numbers, which are compared at a fraction of what strings cost; ascending.
local function numbers(blob)
  local ids = {}
  for first = 0, #blob / ID - 1, IDS_A_TIME do
    local count = math.min(IDS_A_TIME, #blob / ID - first)
    local some = {struct.unpack('>' .. string.rep('I8', count), blob, first * ID + 1)}
    some[count + 1] = nil -- where the next one would be
    if first == 0 then
      ids = some
    else
      for i = 1, count do ids[first + i] = some[i] end
    end
  end
  for i = 2, #ids do
    if ids[i] < ids[i - 1] then
      table.sort(ids)
      break
    end
  end
  return ids
end

-- Ids of `mine` that some of the blobs name too, each once, ascending.
local function overlap(blobs, mine)
  local found, seen, asked = {}, {}, {}
  for _, blob in ipairs(mine) do
    if #blob > 0 then asked[#asked + 1] = numbers(blob) end
  end
  if #asked == 0 then return found end
  for _, theirs in ipairs(blobs) do
    local b = numbers(theirs)
    for _, a in ipairs(asked) do
      local i, j = 1, 1
      local x, y = a[1], b[1]
      while x and y do
        if x < y then
          i = i + 1
          x = a[i]
        elseif y < x then
          j = j + 1
          y = b[j]
        else
          if not seen[x] then
            seen[x] = true
            found[#found + 1] = x
          end
          i, j = i + 1, j + 1
          x, y = a[i], b[j]
        end
      end
    end
  end
  table.sort(found)
  for i, number in ipairs(found) do found[i] = struct.pack('>I8', number) end
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

-- {status, number, tag, unknown, changed groups, changed profiles, catalogue}, and after STALE {groups, profiles}, after
-- FENCED the partitions. "number catalogue tag" where it is ACCEPTED and nobody else changed anything.
local function answer(status, number, tag, groups, profiles, catalogue, ...)
  return {
    status, number, tag, groups and 0 or 1,
    groups and table.concat(groups) or '', profiles and table.concat(profiles) or '',
    catalogue, ...
  }
end

local function remove_records(key, blob)
  local ids = split_ids(blob)
  for from = 1, #ids, UNPACK_MAX do
    redis.call('HDEL', key, unpack(ids, from, math.min(from + UNPACK_MAX - 1, #ids)))
  end
end

local function left_open(key)
  return redis.error_reply('LEFTOPEN ' .. key .. ' is gone: a commit was sent outside a transaction')
end

-- Give the hashes that are written to their open names; an error, or the header fields that become true.
local function open_hashes(keys, args, h)
  local fields, opened = {}, {}
  for kind, name in ipairs({'groups', 'profiles'}) do
    local changed, removed = args[3 + 3 * kind], args[4 + 3 * kind]
    local key, open = keys[2 + kind], keys[4 + kind]
    if #changed > #removed then
      -- A store made by older functions has no such field, but its records.
      if h[5 + kind] == '1' or redis.call('EXISTS', key) == 1 then
        if redis.pcall('RENAME', key, open).err then
          -- What follows in the transaction must go into a new hash, as of all that is refused.
          for was, now in pairs(opened) do redis.call('RENAME', now, was) end
          return left_open(key)
        end
        opened[key] = open
      end
      if h[5 + kind] ~= '1' then
        fields[#fields + 1] = name
        fields[#fields + 1] = '1'
      end
    end
  end
  accepted = args[3]
  return nil, fields
end

local function remove_some(keys, args, fields)
  for kind, name in ipairs({'groups', 'profiles'}) do
    local changed, removed = args[3 + 3 * kind], args[4 + 3 * kind]
    if #removed > 0 then
      local key = #changed > #removed and keys[4 + kind] or keys[2 + kind]
      remove_records(key, removed)
      if #changed == #removed and redis.call('EXISTS', key) == 0 then
        fields[#fields + 1] = name
        fields[#fields + 1] = ''
      end
    end
  end
end

-- How many entries from the oldest on a floor has passed. Those behind the first that it has not are not asked: an event
-- that was decided again may lie behind newer ones.
local function passed_by(floor, entries)
  local next_offset = tonumber(string.match(floor, '^%-?%d+'))
  for i, entry in ipairs(entries) do
    if tonumber(string.sub(entry, 1, string.find(entry, ':', 1, true) - 1)) >= next_offset then return i - 1 end
  end
  return #entries
end

-- ARGV 1 seen number ('' = none), 2 seen tag, 3 new tag, 4 caller, 5 catalogue version,
--      6 ids of groups that change, 7 of those among them that are removed, 8 of groups that were only read,
--      9..11 the same of profiles,
--      12 reservation ms, 13 bytes of ids that recent commits may take, 14 number of partitions,
--      15 lowest catalogue version from now on (0 = leave it),
--      then for each partition: partition, "draw attempt", "highest_offset:entry" ('' = none), floor ('' = leave it)
local function commit(keys, args)
  accepted = nil
  local partitions = tonumber(args[14])
  local names = {}
  for i = 0, partitions - 1 do names[#names + 1] = 'e:' .. args[16 + 4 * i] end
  local h, failure = header_of(keys[1], names)
  if not h then return failure end
  local number, tag, catalogue = h[1], h[2], h[3]
  local groups, profiles = changed_since(keys[2], number, tag, args[1], args[2])

  local fenced = {}
  for i = 0, partitions - 1 do
    local at = 16 + 4 * i
    if h[8 + i] ~= args[at + 1] then fenced[#fenced + 1] = args[at] end
  end
  if #fenced > 0 then return answer(3, number, tag, groups, profiles, catalogue, table.concat(fenced, ',')) end
  if tonumber(args[5]) < tonumber(catalogue) then
    return answer(4, number, tag, groups, profiles, catalogue)
  end
  -- A call that stands on nothing and changes no record (floors, rejected events) cannot be stale.
  local bare = #args[6] + #args[8] + #args[9] + #args[11] == 0
  if not groups and not bare then return answer(2, number, tag, nil, nil, catalogue) end

  local reservation = h[5] and h[5] ~= '' and h[5] or nil
  local holds = false
  if reservation then
    local holder, until_ms, ids = cmsgpack.unpack(reservation)
    holds = holder == args[4]
    if not holds and until_ms > now_ms() and #overlap({ids}, {args[6], args[8]}) > 0 then
      return answer(5, number, tag, groups, profiles, catalogue)
    end
    if not holds and until_ms <= now_ms() then reservation = nil end
  end
  if groups and (#groups > 0 or #profiles > 0) then
    local stale_groups = overlap(groups, {args[6], args[8]})
    local stale_profiles = overlap(profiles, {args[9], args[11]})
    if #stale_groups > 0 or #stale_profiles > 0 then
      -- The refused caller is promised its groups for a moment; one holder a shard, never renewed.
      if not reservation and #stale_groups > 0 and tonumber(args[12]) > 0 then
        local promise = cmsgpack.pack(args[4], now_ms() + tonumber(args[12]), table.concat(stale_groups))
        redis.call('HSET', keys[1], 'reservation', promise)
      end
      return answer(1, number, tag, groups, profiles, catalogue,
        fetch(keys[3], stale_groups), fetch(keys[4], stale_profiles))
    end
  end

  local broken, fields = open_hashes(keys, args, h)
  if broken then return broken end
  remove_some(keys, args, fields)
  for i = 0, partitions - 1 do
    local p = 16 + 4 * i
    local entry, floor = args[p + 2], args[p + 3]
    local kept = entry == '' and 0 or redis.call('RPUSH', keys[7 + i], entry)
    if floor ~= '' then
      fields[#fields + 1] = 'f:' .. args[p]
      fields[#fields + 1] = floor
      -- What is passed stays a while: dropping some at once costs less than each by itself.
      if kept == 0 or kept > PASSED_MAX then
        local passed = passed_by(floor, redis.call('LRANGE', keys[7 + i], 0, -1))
        if passed > 0 then redis.call('LTRIM', keys[7 + i], passed, -1) end
      end
    end
  end
  local changed_groups, changed_profiles = args[6], args[9]
  if #changed_groups + #changed_profiles > 0 then
    number = string.format('%d', tonumber(number) + 1)
    tag = args[3]
    redis.call('RPUSH', keys[2], cmsgpack.pack(tonumber(number), tag, changed_groups, changed_profiles))
    local bytes = tonumber(h[4]) + #changed_groups + #changed_profiles
    while bytes > tonumber(args[13]) do
      local _, _, g, p = cmsgpack.unpack(redis.call('LPOP', keys[2]))
      bytes = bytes - #g - #p
    end
    for _, value in ipairs({'number', number, 'tag', tag, 'recent_bytes', string.format('%d', bytes)}) do
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
  -- Each element of an answer costs, and most say no more than this.
  if groups and #groups + #profiles == 0 then return number .. ' ' .. catalogue .. ' ' .. tag end
  return answer(0, number, tag, groups, profiles, catalogue)
end

-- KEYS[1] header, then own and open name of each hash that was written to; ARGV 1 tag of the commit
local function close(keys, args)
  local taken = accepted == args[1]
  accepted = nil
  for i = 2, #keys, 2 do
    if taken then redis.call('RENAME', keys[i + 1], keys[i]) else redis.call('UNLINK', keys[i + 1]) end
  end
  return redis.status_reply('OK')
end

-- What goes with a read of records, within one transaction of plain HMGETs: MULTI | FCALL load | HMGET ... | EXEC
-- ARGV 1 seen number, 2 seen tag; then, of groups and of profiles, '1' where such records are read
-- returns {number, tag, unknown, changed groups, changed profiles}
local function look(keys, args)
  local h, failure = header_of(keys[1], {})
  if not h then return failure end
  for kind = 1, 2 do
    if h[5 + kind] == '1' and args[2 + kind] == '1' and redis.call('EXISTS', keys[2 + kind]) == 0 then
      return left_open(keys[2 + kind])
    end
  end
  local groups, profiles = changed_since(keys[2], h[1], h[2], args[1], args[2])
  return {
    h[1], h[2], groups and 0 or 1,
    groups and table.concat(groups) or '', profiles and table.concat(profiles) or '',
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
    local held, floor = h[8 + 2 * i], h[9 + 2 * i]
    local held_draw, held_attempt = -1, -1
    if held then
      local a, b = string.match(held, '^(%d+) (%d+)$')
      held_draw, held_attempt = tonumber(a), tonumber(b)
    end
    local granted = draw > held_draw or (draw == held_draw and attempt > held_attempt)
    local epoch = held or ''
    local entries = {}
    if granted then
      epoch = string.format('%d %d', draw, attempt)
      redis.call('HSET', keys[1], 'e:' .. partition, epoch)
      local kept = redis.call('LRANGE', keys[5 + i], 0, -1)
      for j = 1 + (floor and passed_by(floor, kept) or 0), #kept do
        entries[#entries + 1] = string.sub(kept[j], string.find(kept[j], ':', 1, true) + 1)
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

-- Outside the shards. KEYS[1] bucket of the directory; ARGV 1 identifier, 2 entries as the caller read them, 3 as
-- they become ('' = none). 1: replaced; 0: somebody else was quicker, nothing is changed.
local function swap_directory(keys, args)
  if (redis.call('HGET', keys[1], args[1]) or '') ~= args[2] then return 0 end
  if args[3] == '' then redis.call('HDEL', keys[1], args[1]) else redis.call('HSET', keys[1], args[1], args[3]) end
  return 1
end

local PREFIX = 'cl' .. VERSION .. '_'
redis.register_function(PREFIX .. 'commit', commit)
redis.register_function(PREFIX .. 'close', close)
redis.register_function{function_name = PREFIX .. 'load', callback = look, flags = {'no-writes'}}
redis.register_function(PREFIX .. 'claim', claim)
redis.register_function(PREFIX .. 'create', create)
redis.register_function(PREFIX .. 'swap_directory', swap_directory)
redis.register_function{function_name = PREFIX .. 'version', callback = function() return VERSION end, flags = {'no-writes'}}
