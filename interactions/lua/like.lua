-- Adds likes received, each unless its answer or a block is known already: events of different
-- topics come in any order and more than once, and a rebuild writes what it read a while ago.
-- KEYS 1 likes received, 2 seen, 3 blocked; all of the liked person. ARGV of each: liker, score.
local added = 0
for at = 1, #ARGV, 2 do
    local answered = redis.call('ZSCORE', KEYS[2], ARGV[at])
    if not answered and redis.call('SISMEMBER', KEYS[3], ARGV[at]) == 0 then
        added = added + redis.call('ZADD', KEYS[1], ARGV[at + 1], ARGV[at])
    end
end
return added
