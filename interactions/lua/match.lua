-- One side of matches that began or ended; what is older than the newest applied has no effect.
-- KEYS 1 matches, 2 episodes, 3 likes received, 4 blocked; all of one person.
-- ARGV of each: the other person, score, 2 x episode + 1 if ended.
for at = 1, #ARGV, 3 do
    local other, state = ARGV[at], tonumber(ARGV[at + 2])
    if state >= tonumber(redis.call('HGET', KEYS[2], other) or '0') then
        redis.call('HSET', KEYS[2], other, ARGV[at + 2])
        redis.call('ZREM', KEYS[3], other)
        if state % 2 == 1 or redis.call('SISMEMBER', KEYS[4], other) == 1 then
            redis.call('ZREM', KEYS[1], other)
        else
            redis.call('ZADD', KEYS[1], ARGV[at + 1], other)
        end
    end
end
return #ARGV / 3
