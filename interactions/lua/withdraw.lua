-- Moves cards from those that a viewer holds to what the viewer is told, so that each is told once.
-- KEYS 1 shown, 2 changes; both of the viewer. ARGV 1 score of now, 2 entries of changes to keep,
-- 3 seconds to keep them, then of each card: candidate, 1 if erased (no name of theirs is kept: the
-- viewer is told to fetch everything again).
-- Returns how many were moved.
local moved = 0
for at = 4, #ARGV, 2 do
    if redis.call('ZREM', KEYS[1], ARGV[at]) == 1 then
        moved = moved + 1
        if ARGV[at + 1] == '1' then
            redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'kind', 'reset')
        else
            redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*',
                'kind', 'withdrawn', 'person', ARGV[at], 'at', ARGV[1])
        end
    end
end
if moved > 0 then
    redis.call('EXPIRE', KEYS[2], ARGV[3])
    redis.call('PUBLISH', KEYS[2], '')
end
return moved
