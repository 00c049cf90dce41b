-- Takes a person off the list of those with reservations, if they did not reserve meanwhile.
-- KEYS 1 a shard of the list. ARGV 1 person, 2 the score that was read.
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '-1') ~= tonumber(ARGV[2]) then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
