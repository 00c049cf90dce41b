-- A page of a sorted set, highest score first, after an entry given by score and member.
-- KEYS 1 the set. ARGV 1 size, 2 score of the entry or '', 3 its member or ''.
-- Returns the size of the set, then member and score of each entry.
local start = 0
if ARGV[2] ~= '' then
    local rank = redis.call('ZREVRANK', KEYS[1], ARGV[3])
    local score = redis.call('ZSCORE', KEYS[1], ARGV[3])
    if rank and tonumber(score) == tonumber(ARGV[2]) then
        start = rank + 1
    else
        -- The entry has gone or moved: go on below its score.
        start = redis.call('ZCOUNT', KEYS[1], ARGV[2], '+inf')
    end
end
local out = redis.call('ZREVRANGE', KEYS[1], start, start + tonumber(ARGV[1]) - 1, 'WITHSCORES')
table.insert(out, 1, redis.call('ZCARD', KEYS[1]))
return out
