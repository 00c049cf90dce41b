-- Adds a like received, unless its answer or a block is known already: events of different topics
-- come in any order, and each more than once.
-- KEYS 1 likes received, 2 seen, 3 blocked; all of the liked person. ARGV 1 liker, 2 score.
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
if redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 1 then return 0 end
return redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
