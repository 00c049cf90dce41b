-- Begins to take back the swipe acknowledged last.
-- KEYS 1 client ids of today, 2 of yesterday, 3 of the day before, 4 reservations, 5 last
-- ARGV 1 client id of the swipe, 2 now in ms, 3 ms from the acknowledgement on in which it may be
-- Returns 'begun' (now or earlier) or 'done', the candidate and the ms of the swipe's reservation,
-- and of what is begun the entry; or why not: 'unknown', 'not_acknowledged', 'not_the_last', 'too_late'.
local id, known = ARGV[1], nil
for k = 1, 3 do known = known or redis.call('HGET', KEYS[k], id) end
if not known then return { 'unknown' } end
local candidate, first = string.match(known, '^(%d+):%d:(%d+)')
if string.sub(known, -2) == ':r' then return { 'done', candidate, first } end

local entry = redis.call('HGET', KEYS[4], candidate)
if entry then
    local mark, owner = string.match(entry, '^(%a):%d+:%d:%d+:%d+:(.*)$')
    if mark == 'r' and owner == id then return { 'begun', candidate, first, entry } end
    return { 'not_acknowledged' }
end
local last = redis.call('HMGET', KEYS[5], 'id', 'a', 'f', 'd', 't')
if last[1] ~= id then return { 'not_the_last' } end
if tonumber(ARGV[2]) - tonumber(last[5]) > tonumber(ARGV[3]) then return { 'too_late' } end
entry = table.concat({ 'r', last[4], last[2], last[3], ARGV[2], id }, ':')
redis.call('HSET', KEYS[4], candidate, entry)
return { 'begun', candidate, first, entry }
