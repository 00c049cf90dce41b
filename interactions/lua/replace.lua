-- Replaces a field of a hash if it is as it was read.
-- KEYS 1 the hash. ARGV 1 field, 2 value as read, 3 its new value. Returns 1 if it was replaced.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
