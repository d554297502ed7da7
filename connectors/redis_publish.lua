-- Write a chunk of revisions to the feeds: one call, so a reader sees all of a revision or nothing of it.
--
-- KEYS[1]  the stream of all alerts; every other key is made from the names and lies in the same slot
--          of a cluster if their prefix holds a hash tag
-- ARGV     the packed names (connectors/redis_keys.py), age in ms after which stream entries may go, seconds a
--          closed alert's hashes are kept, the engine epoch of the life that delivers, then one packed entry for
--          each revision
-- Answers how many revisions are lost here, then one verdict for each revision.

local all_stream = KEYS[1]
local names, keep_ms, keep_closed = cmsgpack.unpack(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local deliverer = tonumber(ARGV[4])

local function stream_of(county) return names.feed .. county end
local function open_of(county) return names.open .. ':' .. county end
local function hash_of(county, id) return names.alert .. county .. ':' .. id end
local function hints_of(county) return names.hint .. ':' .. county end

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('%d', math.max(0, now_ms - keep_ms))
local expired_ms = now_ms - keep_closed * 900 -- the hash of what was said before may be gone; clocks may differ

-- The greatest engine epoch that came here, the greatest place in the feed that was written, and how many before it
-- are not here. Places have no hole, so what is skipped was here once and is lost; a restore skips what nobody needs.
local epoch = tonumber(redis.call('GET', names.epoch) or 0)
local place = tonumber(redis.call('GET', names.place) or 0)
local lost = tonumber(redis.call('GET', names.lost) or 0)
local epoch_before, place_before, lost_before = epoch, place, lost

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

-- What an earlier life of the flow says that is not known yet is refused: a later one has taken over. What counts is
-- who delivers: a spool holds rows of the lives before, which are this life's to deliver. What an earlier one says
-- again is no harm. A restore writes what lives before wrote, in the order of the feed.
local function verdict(seen, entry)
  local said = content_verdict(seen, entry)
  local writes, life = said == 'written' or said == 'replaced', math.max(deliverer, entry.engine_epoch)
  if writes and life < epoch and not entry.is_restored then return 'fenced' end
  epoch = math.max(epoch, life)
  if writes then
    if not entry.is_restored then lost = lost + math.max(0, entry.feed_seq - place - 1) end
    place = math.max(place, entry.feed_seq)
  end
  return said
end

-- What is restored and older than a stream remembers has no entry in it.
local function add(stream, feed_seq, entry)
  if entry.is_restored and entry.published_ms < tonumber(oldest) then return '' end
  return redis.call('XADD', stream, 'MINID', '~', oldest, '*', 'alert_id', entry.alert_id,
    'revision', entry.revision, 'engine_epoch', entry.engine_epoch, 'feed_seq', feed_seq, 'json', entry.json)
end

-- A muted revision is recorded like any other; but nobody is to be told, nor of one that is restored.
local function hint(channel, stream_id, entry)
  if entry.is_muted or entry.is_restored then return end
  redis.call('PUBLISH', channel, string.format(
    '{"alert_id":"%s","revision":%d,"stream_id":"%s"}', entry.alert_id, entry.revision, stream_id))
end

local function remember(hash, stream_id, entry)
  redis.call('HSET', hash, 'alert_id', entry.alert_id, 'revision', entry.revision,
    'content_hash', entry.content_hash, 'engine_epoch', entry.engine_epoch, 'county', entry.county,
    'opened_ms', entry.opened_ms, 'stream_id', stream_id, 'json', entry.json, unpack(entry.flat))
  if entry.rank > 0 then return redis.call('PERSIST', hash) end
  redis.call('HSET', hash, 'ended_ms', string.format('%.0f', entry.published_ms)) -- outlives that it is opened again
  redis.call('EXPIRE', hash, keep_closed)
end

local function list(open, entry)
  if entry.rank == 0 then return redis.call('ZREM', open, entry.alert_id) end
  local score = string.format('%.0f', entry.rank * 1e13 + tonumber(entry.opened_ms))
  redis.call('ZADD', open, score, entry.alert_id)
end

-- What a county reads of an alert that is its own.
local function give(county, stream_id, entry)
  remember(hash_of(county, entry.alert_id), stream_id, entry)
  list(open_of(county), entry)
end

local function take_away(county, entry)
  redis.call('UNLINK', hash_of(county, entry.alert_id))
  redis.call('ZREM', open_of(county), entry.alert_id)
end

local function publish(hash, seen, entry)
  local opened_before, county_before = seen[4], seen[5]
  entry.opened_ms = opened_before or entry.opened_ms -- an alert keeps the moment of its first revision
  local stream_id = add(all_stream, entry.feed_seq, entry)
  remember(hash, stream_id, entry)
  list(names.open, entry)
  hint(names.hint, stream_id, entry)

  if county_before and county_before ~= entry.county then take_away(county_before, entry) end
  for county, feed_seq in pairs(entry.feeds) do
    local county_id = add(stream_of(county), feed_seq, entry)
    if county == entry.county then give(county, county_id, entry) end
    hint(hints_of(county), county_id, entry)
  end
end

local verdicts = {}
for at = 5, #ARGV do
  local entry = cmsgpack.unpack(ARGV[at])
  local hash = names.alert .. entry.alert_id
  local seen = redis.call('HMGET', hash, 'revision', 'content_hash', 'engine_epoch', 'opened_ms', 'county')
  local said = verdict(seen, entry)
  if said == 'written' or said == 'replaced' then publish(hash, seen, entry) end
  verdicts[#verdicts + 1] = said
end
if epoch > epoch_before then redis.call('SET', names.epoch, string.format('%d', epoch)) end
if place > place_before then redis.call('SET', names.place, string.format('%d', place)) end
if lost > lost_before then redis.call('SET', names.lost, string.format('%d', lost)) end
return {lost, verdicts}
