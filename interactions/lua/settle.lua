-- Notes that swipes are appended: they may be acknowledged, and the last of them may be rewound.
-- KEYS 1 client ids of today, 2 of yesterday, 3 of the day before, 4 reservations, 5 last
-- ARGV 1 now in ms, then of each swipe: client id, candidate, ms of its reservation
-- Returns of each what became of it:
--   stands    it counts; perhaps settled before, by a request with the same swipe at the same time
--   rewound   as that, and taken back since
--   lost      its reservation was given back meanwhile, and it will not count
local out, last = {}, nil

local function settled_before(id, candidate, first)
    for k = 1, 3 do
        local known = redis.call('HGET', KEYS[k], id)
        if known then
            local its_candidate, its_first, rest = string.match(known, '^(%d+):%d:(%d+)(.*)$')
            if its_candidate ~= candidate or its_first ~= first then return 'lost' end
            return rest == ':r' and 'rewound' or 'stands'
        end
    end
    return 'lost'
end

for at = 2, #ARGV, 3 do
    local id, candidate, first = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    local entry = redis.call('HGET', KEYS[4], candidate)
    local mark, day, action, its_first, owner
    if entry then
        mark, day, action, its_first, owner =
            string.match(entry, '^(%a):(%d+):(%d):(%d+):%d+:(.*)$')
    end
    if mark == 'o' and owner == id and its_first == first then
        redis.call('HDEL', KEYS[4], candidate)
        last = { 'id', id, 'candidate', candidate, 'a', action, 'f', first, 'd', day, 't', ARGV[1] }
        out[#out + 1] = 'stands'
    elseif mark == 'g' and owner == id then
        -- Its client id is known until it is back.
        out[#out + 1] = 'lost'
    else
        out[#out + 1] = settled_before(id, candidate, first)
    end
end
if last and tonumber(redis.call('HGET', KEYS[5], 't') or '0') <= tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[5], unpack(last))
end
return out
