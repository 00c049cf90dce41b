-- Takes back swipes on the swiper's side: a later swipe on the same person stays, and what that
-- person had liked waits for an answer again.
-- KEYS 1 seen, 2 likes received, 3 rewound, 4 unliked, 5 blocked; all of the swiper.
-- ARGV of each: swiped, ms of the swipe, ms of the swiped person's like if it waits again, or 0.
for at = 1, #ARGV, 3 do
    local other, swiped_ms, like_ms = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    if tonumber(redis.call('HGET', KEYS[3], other) or '0') < swiped_ms then
        redis.call('HSET', KEYS[3], other, ARGV[at + 1])
    end
    local seen = redis.call('ZSCORE', KEYS[1], other)
    if seen and tonumber(seen) <= swiped_ms / 1000 then
        redis.call('ZREM', KEYS[1], other)
        seen = false
    end
    local unliked = tonumber(redis.call('HGET', KEYS[4], other) or '0')
    if unliked < like_ms and not seen and redis.call('SISMEMBER', KEYS[5], other) == 0 then
        redis.call('ZADD', KEYS[2], 'GT', string.format('%.3f', like_ms / 1000), other)
    end
end
return #ARGV / 3
