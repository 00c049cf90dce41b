-- Charges a person's own day at least so much as was recorded on it.
-- KEYS 1 quota. ARGV 1 the day, 2 swipes and 3 superlikes recorded on it, 4 seconds it is kept
-- Returns 1 if that was more than was charged.
local day, swipes, superlikes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'd', 'n', 's')
local kept_day = tonumber(kept[1] or '-1')
if kept_day > day then return 0 end
local n, s = 0, 0
if kept_day == day then n, s = tonumber(kept[2]), tonumber(kept[3]) end
if swipes <= n and superlikes <= s then return 0 end
redis.call('HSET', KEYS[1], 'd', day, 'n', math.max(n, swipes), 's', math.max(s, superlikes))
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
