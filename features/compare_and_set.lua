-- Writes a person's features if nobody wrote since they were read.
-- KEYS[1] the person's hash; ARGV[1] the version that was read ('' for none), then field, value, ...
-- One key, so it holds on Redis Cluster. Returns 1 when written, 0 when the version has moved. Of a
-- person who was erased nothing is written, whatever the version; that is settled too, so 1.
if redis.call('HEXISTS', KEYS[1], '_gone') == 1 then return 1 end
local found = redis.call('HGET', KEYS[1], '_v') or ''
if found ~= ARGV[1] then return 0 end
for at = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('HINCRBY', KEYS[1], '_v', 1)
return 1
