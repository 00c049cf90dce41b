-- Ends the taking back of one swipe, once the log says so too.
-- KEYS   1 client ids of today, 2 of yesterday, 3 of the day before, 4 reservations, 5 last, 6 seen,
--        7 taken back, 8 quota, 9 used
-- ARGV   1 candidate, 2 the entry, 3 seconds client ids are kept, 4 seconds a card's token is valid
-- Returns 1 if it ended now.
local candidate, entry = ARGV[1], ARGV[2]
if redis.call('HGET', KEYS[4], candidate) ~= entry then return 0 end
redis.call('HDEL', KEYS[4], candidate)
local mark, day, action, first, id = string.match(entry, '^(%a):(%d+):(%d):(%d+):%d+:(.*)$')
local seen = redis.call('ZSCORE', KEYS[6], candidate)
if seen and string.format('%.3f', seen) == string.format('%.3f', first / 1000) then
    redis.call('ZREM', KEYS[6], candidate)
end
local field = action == '3' and 's' or 'n'
local counts = redis.call('HMGET', KEYS[8], 'd', field)
if counts[1] == day and tonumber(counts[2]) > 0 then
    redis.call('HINCRBY', KEYS[8], field, -1)
end
local function raise(key)
    local before = tonumber(redis.call('HGET', key, candidate) or '0')
    if tonumber(first) > before then redis.call('HSET', key, candidate, first) end
end
raise(KEYS[7])
if mark == 'r' then
    redis.call('HSET', KEYS[1], id, candidate .. ':' .. action .. ':' .. first .. ':r')
    redis.call('EXPIRE', KEYS[1], ARGV[3])
    raise(KEYS[9])
    redis.call('EXPIRE', KEYS[9], ARGV[4])
    if redis.call('HGET', KEYS[5], 'id') == id then redis.call('DEL', KEYS[5]) end
else
    -- Given back unacknowledged: sent again it is a new swipe, and its token is good still.
    for k = 1, 3 do redis.call('HDEL', KEYS[k], id) end
end
return 1
