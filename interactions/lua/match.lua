-- One side of matches that began or ended; what is older than the newest applied has no effect. A
-- change is told once, when it happens here first: a beginning, and the end of one that was told.
-- KEYS 1 matches, 2 episodes, 3 likes received, 4 blocked, 5 changes; all of one person.
-- ARGV of each: the other person, score, 2 x episode + 1 if ended, MatchEnd or 0, 1 if to be told;
--      last: entries of changes to keep, seconds to keep them.
local kept, ttl = ARGV[#ARGV - 1], ARGV[#ARGV]
local told = false
for at = 1, #ARGV - 2, 5 do
    local other, score, state, reason = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
    -- Unmatched or blocked: the two never meet again.
    if reason == '2' or reason == '3' then
        redis.call('SADD', KEYS[4], other)
        redis.call('ZREM', KEYS[3], other)
    end
    local before = tonumber(redis.call('HGET', KEYS[2], other) or '0')
    local begins = state % 2 == 0
    local blocked = redis.call('SISMEMBER', KEYS[4], other) == 1
    if blocked then redis.call('ZREM', KEYS[1], other) end
    -- Of a match that was over before it was heard of, only the end is noted.
    if state >= before and not (begins and blocked) then
        redis.call('HSET', KEYS[2], other, ARGV[at + 2])
        if begins then
            redis.call('ZADD', KEYS[1], score, other)
        else
            redis.call('ZREM', KEYS[1], other)
        end
        local news = begins or (before > 0 and before % 2 == 0)
        if state > before and news and ARGV[at + 4] == '1' then
            redis.call('XADD', KEYS[5], 'MAXLEN', '~', kept, '*',
                'kind', begins and 'created' or 'ended', 'person', other, 'at', score, 'reason', reason)
            told = true
        end
    end
end
if told then
    redis.call('EXPIRE', KEYS[5], ttl)
    redis.call('PUBLISH', KEYS[5], '')
end
return #ARGV
