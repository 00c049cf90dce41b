-- Adds likes received, each unless its answer, its end or a block is known already: events of
-- different topics come in any order and more than once, and a rebuild writes what it read a while ago.
-- KEYS 1 likes received, 2 seen, 3 blocked, 4 unliked; all of the liked person. ARGV of each: liker, score.
local added = 0
for at = 1, #ARGV, 2 do
    local liker, score = ARGV[at], ARGV[at + 1]
    local unliked = tonumber(redis.call('HGET', KEYS[4], liker) or '0') / 1000
    if unliked < tonumber(score) and not redis.call('ZSCORE', KEYS[2], liker)
            and redis.call('SISMEMBER', KEYS[3], liker) == 0 then
        added = added + redis.call('ZADD', KEYS[1], 'GT', score, liker)
    end
end
return added
