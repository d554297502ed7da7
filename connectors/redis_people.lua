-- Write rows of the audit: one call, so a reader sees all of a row or nothing of it.
--
-- KEYS[1]  the greatest engine epoch that wrote to the feeds; every other key lies in the same slot of a cluster
-- ARGV     prefix; ms that streams, verdicts and people's words are kept; notes of one alert; the engine epoch of the
--          life that delivers; one packed entry a row
-- Answers one verdict for each row.

local RESTORING_MS = 3600000 -- older words of an alert wait for the younger ones of the same restore

local epoch_key, prefix = KEYS[1], ARGV[1]
local keep_ms, verdict_ms, people_ms, notes_kept = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local deliverer = tonumber(ARGV[6])
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('%d', math.max(0, now_ms - keep_ms))
local seq_key = prefix .. 'actions:seq'
local epoch, last = tonumber(redis.call('GET', epoch_key) or 0), tonumber(redis.call('GET', seq_key) or 0)

-- What is left of a time that something is kept: a row that is restored has used some of it.
local function left(kept_ms, entry)
  return entry.is_restored and kept_ms - (now_ms - entry.at_ms) or kept_ms
end

local function add(stream, entry)
  if left(keep_ms, entry) <= 0 then return end
  redis.call('XADD', stream, 'MINID', '~', oldest, '*', 'seq', entry.seq, 'json', entry.json)
end

-- The supervision notices that nobody has answered; none is no list, which would be written as an empty object.
local function keep_notices(key, entry)
  local known, notices = redis.call('HGET', key, 'notices'), {}
  for _, notice in ipairs(cjson.decode(known and known ~= '' and known or '[]')) do
    if notice.id ~= entry.answers then notices[#notices + 1] = notice end
  end
  if entry.notice ~= '' then notices[#notices + 1] = cjson.decode(entry.notice) end
  redis.call('HSET', key, 'notices', #notices > 0 and cjson.encode(notices) or '')
end

local function keep_words(key, entry)
  if #entry.people > 0 then redis.call('HSET', key, unpack(entry.people)) end
  if entry.notice ~= '' or entry.answers ~= '' then keep_notices(key, entry) end
  if entry.note ~= '' then
    local notes = cjson.decode(redis.call('HGET', key, 'notes') or '[]')
    notes[#notes + 1] = cjson.decode(entry.note)
    while #notes > notes_kept do table.remove(notes, 1) end
    redis.call('HSET', key, 'notes', cjson.encode(notes))
  end
  redis.call('HSET', key, 'updated_at', entry.at)
  redis.call('PEXPIRE', key, math.max(left(people_ms, entry), RESTORING_MS))
end

local function write(entry)
  local left_ms = left(verdict_ms, entry)
  if left_ms > 0 then redis.call('SET', prefix .. 'acted:' .. entry.action_id, entry.json, 'PX', left_ms) end
  add(prefix .. 'actions:all', entry)
  if entry.county ~= '' then add(prefix .. 'actions:' .. entry.county, entry) end
  if entry.alert_id ~= '' then
    keep_words(prefix .. 'people:' .. entry.alert_id, entry)
    if entry.county ~= '' then keep_words(prefix .. 'people:' .. entry.county .. ':' .. entry.alert_id, entry) end
  end
  if entry.begins then redis.call('HSET', prefix .. 'silences', entry.action_id, entry.json) end
  if entry.ends ~= '' then redis.call('HDEL', prefix .. 'silences', entry.ends) end
end

local verdicts = {}
for at = 7, #ARGV do
  local entry = cmsgpack.unpack(ARGV[at])
  if entry.seq <= last then
    verdicts[#verdicts + 1] = 'duplicate'
  elseif math.max(deliverer, entry.engine_epoch) < epoch then -- a spool holds rows of the lives before ours
    verdicts[#verdicts + 1] = 'fenced'
  else
    write(entry)
    last = entry.seq
    verdicts[#verdicts + 1] = 'written'
  end
end
redis.call('SET', seq_key, string.format('%d', last))
return verdicts
