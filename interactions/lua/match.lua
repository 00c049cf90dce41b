-- One side of a match that began or ended; an event older than the newest applied has no effect.
-- KEYS 1 matches, 2 episodes, 3 likes received, 4 blocked; all of one person.
-- ARGV 1 the other person, 2 score, 3 2 x episode + 1 if ended.
local state = tonumber(ARGV[3])
if state < tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0') then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('ZREM', KEYS[3], ARGV[1])
if state % 2 == 1 or redis.call('SISMEMBER', KEYS[4], ARGV[1]) == 1 then
    return redis.call('ZREM', KEYS[1], ARGV[1])
end
return redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
