-- Takes back swipes on the swiped person's side: a like of that time or before waits no more, also
-- one that is delivered later.
-- KEYS 1 likes received, 2 unliked; both of the swiped person. ARGV of each: swiper, ms of the swipe.
for at = 1, #ARGV, 2 do
    local liker, swiped_ms = ARGV[at], tonumber(ARGV[at + 1])
    if tonumber(redis.call('HGET', KEYS[2], liker) or '0') < swiped_ms then
        redis.call('HSET', KEYS[2], liker, ARGV[at + 1])
    end
    local like = redis.call('ZSCORE', KEYS[1], liker)
    if like and tonumber(like) <= swiped_ms / 1000 then redis.call('ZREM', KEYS[1], liker) end
end
return #ARGV / 2
