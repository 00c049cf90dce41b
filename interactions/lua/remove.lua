-- Removes entries of a sorted set unless they were written again since they were read.
-- KEYS 1 the set. ARGV of each: member, score. Returns how many were removed.
local removed = 0
for at = 1, #ARGV, 2 do
    local score = redis.call('ZSCORE', KEYS[1], ARGV[at])
    if score and tonumber(score) == tonumber(ARGV[at + 1]) then
        removed = removed + redis.call('ZREM', KEYS[1], ARGV[at])
    end
end
return removed
