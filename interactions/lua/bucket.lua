-- Takes tokens from a bucket, as many as there are, or puts some back.
-- KEYS 1 the bucket. ARGV 1 now in ms, 2 tokens wanted (negative: put back), 3 capacity,
-- 4 tokens a second. Returns the tokens moved.
local now, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local capacity, per_s = tonumber(ARGV[3]), tonumber(ARGV[4])
local bucket = redis.call('HMGET', KEYS[1], 'b', 't')
local before = tonumber(bucket[2] or ARGV[1])
-- Clocks of processes differ a little: none refills twice.
local at = math.max(before, now)
local tokens = math.min(capacity, (tonumber(bucket[1] or ARGV[3])) + (at - before) / 1000 * per_s)
local moved = math.min(wanted, math.floor(tokens))
tokens = math.min(capacity, tokens - moved)
redis.call('HSET', KEYS[1], 'b', string.format('%.3f', tokens), 't', string.format('%.0f', at))
-- Full again by then.
redis.call('EXPIRE', KEYS[1], math.ceil(capacity / per_s))
return moved
