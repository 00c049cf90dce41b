-- Returns one reservation whose swipe was never appended, if nobody tried again meanwhile.
-- KEYS   1 open reservations, 2 seen, 3 quota of its day, 4 likes received, 5 quota of the day of
--        the last attempt, where its client id is
-- ARGV   1 candidate, 2 the reservation as it was read, 3 time of the candidate's own like, or ''
-- Returns 1 if it was returned.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
if tonumber(redis.call('HGET', KEYS[3], 'n') or '0') > 0 then redis.call('HINCRBY', KEYS[3], 'n', -1) end
-- Its client id is kept, for a retry to be the same event, but it is not known as appended.
local field = 's:' .. string.match(ARGV[2], '^%d+:%d+:%d+:?(.*)$')
local known = redis.call('HGET', KEYS[5], field)
if known then
    redis.call('HSET', KEYS[5], field, (string.gsub(known, ':(%d+)$', ':returned:%1')))
end
if ARGV[3] ~= '' then redis.call('ZADD', KEYS[4], ARGV[3], ARGV[1]) end
return 1
