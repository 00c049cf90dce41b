-- Notes whom a person swiped, each unless that swipe or a later one was taken back already. Whoever
-- was swiped does not wait for an answer any more.
-- KEYS 1 seen, 2 likes received, 3 rewound; all of the swiper. ARGV of each: swiped, score of the swipe.
local rewinds = redis.call('EXISTS', KEYS[3]) == 1
local seen, answered = {}, {}
for at = 1, #ARGV, 2 do
    local swiped, score = ARGV[at], ARGV[at + 1]
    local rewound = rewinds and redis.call('HGET', KEYS[3], swiped) or '0'
    if tonumber(rewound) / 1000 < tonumber(score) then
        seen[#seen + 1], seen[#seen + 2] = score, swiped
        answered[#answered + 1] = swiped
    end
end
if #answered > 0 then
    redis.call('ZADD', KEYS[1], 'GT', unpack(seen))
    redis.call('ZREM', KEYS[2], unpack(answered))
end
return #answered
