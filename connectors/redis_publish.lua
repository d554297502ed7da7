-- Write a chunk of revisions to the feeds: one call, so a reader sees all of a revision or nothing of it.
--
-- KEYS[1]  the stream of all alerts; every other key is made from the prefix and lies in the same slot
--          of a cluster if the prefix holds a hash tag
-- ARGV     prefix, age in ms after which stream entries may go, seconds a closed alert's hash is kept,
--          then one packed entry for each revision
-- Answers one verdict for each revision.

local all_stream = KEYS[1]
local prefix, keep_ms, keep_closed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local all_open = prefix .. 'alerts:open'

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('%d', math.max(0, now_ms - keep_ms))
local expired_ms = now_ms - keep_closed * 900 -- the hash of what was said before may be gone; clocks may differ

-- The greatest engine epoch that came here, and the greatest place in the feed that was written.
local epoch_key, place_key = prefix .. 'alerts:epoch', prefix .. 'alerts:feed_seq'
local epoch = tonumber(redis.call('GET', epoch_key) or 0)
local place = tonumber(redis.call('GET', place_key) or 0)
local epoch_before, place_before = epoch, place

-- Equal revision and hash: written before. A greater revision, or the same with another hash from a greater
-- engine epoch, goes on. The hash of an alert outlives the trimmed streams, so this does not forget with them.
-- Where the hash itself is gone, the place in the feed says what was written before, unless it was said so
-- lately that a hash would be there: numbers that began again must not swallow an alert.
local function content_verdict(seen, entry)
  local revision = tonumber(seen[1])
  if not revision then
    local was_before = entry.feed_seq > 0 and entry.feed_seq <= place and entry.published_ms < expired_ms
    return was_before and 'duplicate' or 'written'
  end
  if entry.revision > revision then return 'written' end
  if entry.revision < revision then return 'older' end
  if entry.content_hash == seen[2] then return 'duplicate' end
  if entry.engine_epoch > tonumber(seen[3]) then return 'replaced' end
  return 'mismatch'
end

-- What an earlier life of the flow says that is not known yet is refused: a later one has taken over. What it
-- says again is no harm, and a spool says it again: its rows are of the life that put them there.
local function verdict(seen, entry)
  local said = content_verdict(seen, entry)
  local writes = said == 'written' or said == 'replaced'
  if writes and entry.engine_epoch < epoch then return 'fenced' end
  epoch = math.max(epoch, entry.engine_epoch)
  if writes then place = math.max(place, entry.feed_seq) end
  return said
end

local function add(stream, entry)
  return redis.call('XADD', stream, 'MINID', '~', oldest, '*', 'alert_id', entry.alert_id,
    'revision', entry.revision, 'engine_epoch', entry.engine_epoch, 'json', entry.json)
end

local function remember(hash, entry, stream_id)
  redis.call('HSET', hash, 'alert_id', entry.alert_id, 'revision', entry.revision,
    'content_hash', entry.content_hash, 'engine_epoch', entry.engine_epoch, 'county', entry.county,
    'opened_ms', entry.opened_ms, 'stream_id', stream_id, 'json', entry.json, unpack(entry.flat))
end

local function list_as_open(hash, entry, county_open)
  local score = string.format('%.0f', entry.rank * 1e13 + tonumber(entry.opened_ms))
  redis.call('ZADD', all_open, score, entry.alert_id)
  redis.call('ZADD', county_open, score, entry.alert_id)
  redis.call('PERSIST', hash)
end

local function list_as_ended(hash, entry, county_open)
  redis.call('ZREM', all_open, entry.alert_id)
  redis.call('ZREM', county_open, entry.alert_id)
  redis.call('EXPIRE', hash, keep_closed)
end

local function publish(hash, seen, entry)
  entry.opened_ms = seen[4] or entry.opened_ms -- an alert keeps the moment of its first revision
  local stream_id = add(all_stream, entry)
  add(prefix .. 'alerts:' .. entry.county, entry)
  remember(hash, entry, stream_id)

  if seen[5] and seen[5] ~= entry.county then redis.call('ZREM', all_open .. ':' .. seen[5], entry.alert_id) end
  local list = entry.rank > 0 and list_as_open or list_as_ended
  list(hash, entry, all_open .. ':' .. entry.county)

  redis.call('PUBLISH', prefix .. 'alerts.hint', string.format(
    '{"alert_id":"%s","revision":%d,"stream_id":"%s"}', entry.alert_id, entry.revision, stream_id))
end

local verdicts = {}
for at = 4, #ARGV do
  local entry = cmsgpack.unpack(ARGV[at])
  local hash = prefix .. 'alert:' .. entry.alert_id
  local seen = redis.call('HMGET', hash, 'revision', 'content_hash', 'engine_epoch', 'opened_ms', 'county')
  local said = verdict(seen, entry)
  if said == 'written' or said == 'replaced' then publish(hash, seen, entry) end
  verdicts[#verdicts + 1] = said
end
if epoch > epoch_before then redis.call('SET', epoch_key, string.format('%d', epoch)) end
if place > place_before then redis.call('SET', place_key, string.format('%d', place)) end
return verdicts
