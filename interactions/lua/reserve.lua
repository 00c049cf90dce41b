-- Reserves a batch of one person's swipes: a place in the quota and in the set of people seen.
-- KEYS   1 client ids of today, 2 of yesterday, 3 of the day before, 4 seen, 5 reservations,
--        6 taken back, 7 quota, 8 tier, 9 used
-- ARGV   1 now in ms, 2 the person's own day, 3 seconds client ids are kept, 4 a quota is kept,
--        5 capacity of the account's bucket, 6 its tokens a second, 7 places that the device has,
--        8-10 swipes a day of free, plus, gold, 11-13 superlikes a day,
--        then client ids, then candidates, then actions, then the times of issue of their tokens
-- Returns tier, own day, swipes and superlikes charged on it, number reserved now, then of each
-- swipe its state, the ms of its reservation and the day charged (0 where it has none):
--   append           reserved, now or earlier, and not known as appended
--   second           the batch has a swipe on the candidate before it
--   contended        another client id has the candidate's reservation, or it is on its way back
--   duplicate        this client id was reserved and appended
--   rewound          it was, and taken back
--   reused           this client id names another swipe
--   already_swiped   another swipe on the candidate stands
--   token_used       the token is older than a swipe on the candidate that was rewound
--   over_limit, over_superlikes, too_fast
local HEAD = 13
local SUPERLIKE = '3'
local now, n = tonumber(ARGV[1]), (#ARGV - HEAD) / 4

local function column(k) return unpack(ARGV, HEAD + k * n + 1, HEAD + (k + 1) * n) end

local counts = redis.call('HMGET', KEYS[7], 'd', 'n', 's', 'b', 't')
local tier = tonumber(redis.call('GET', KEYS[8]) or '1')
local day, used, used_superlikes = tonumber(ARGV[2]), 0, 0
if tonumber(counts[1] or '-1') >= day then
    day, used, used_superlikes = tonumber(counts[1]), tonumber(counts[2]), tonumber(counts[3])
end
local limit, superlike_limit = tonumber(ARGV[7 + tier]), tonumber(ARGV[10 + tier])
-- Clocks of processes differ a little: none refills twice.
local refilled = math.max(now, tonumber(counts[5] or '0'))
local capacity = tonumber(ARGV[5])
local tokens = capacity
if counts[5] then
    local back = (refilled - tonumber(counts[5])) / 1000 * tonumber(ARGV[6])
    tokens = math.min(capacity, tonumber(counts[4]) + back)
end
-- In a bucket the rest of a token is no token.
local places = math.min(math.floor(tokens), tonumber(ARGV[7]))

local out = { tier, day, used, used_superlikes, 0 }
if n == 0 then return out end

local ids = {
    redis.call('HMGET', KEYS[1], column(0)),
    redis.call('HMGET', KEYS[2], column(0)),
    redis.call('HMGET', KEYS[3], column(0)),
}
local seen = redis.call('ZMSCORE', KEYS[4], column(1))
local open = redis.call('HMGET', KEYS[5], column(1))
local taken_back = redis.call('HMGET', KEYS[6], column(1))
local used_up = redis.call('HMGET', KEYS[9], column(1))
-- What this batch did: client id -> its swipe, candidate -> true.
local named, claimed = {}, {}
local reserved = 0
-- What is written at the end, all of the batch in one call.
local names, entries, scores = {}, {}, {}

for i = 1, n do
    local id, candidate, action = ARGV[HEAD + i], ARGV[HEAD + n + i], ARGV[HEAD + 2 * n + i]
    local what = candidate .. ':' .. action .. ':'
    local known = named[id] or ids[1][i] or ids[2][i] or ids[3][i]
    local state, first, charged = 'append', 0, nil
    if known and string.sub(known, 1, #what) ~= what then
        state = 'reused'
    elseif known and string.sub(known, -2) == ':r' then
        state = 'rewound'
    elseif claimed[candidate] then
        state = 'second'
    elseif open[i] then
        local mark, its_day, its_first, owner =
            string.match(open[i], '^(%a):(%d+):%d:(%d+):%d+:(.*)$')
        if mark == 'o' and owner == id then
            first, charged = tonumber(its_first), its_day
        else
            state = 'contended'
        end
    elseif known then
        state = 'duplicate'
    elseif seen[i] then
        state = 'already_swiped'
    elseif used_up[i] and tonumber(ARGV[HEAD + 3 * n + i]) <= tonumber(used_up[i]) then
        state = 'token_used'
    elseif action == SUPERLIKE and used_superlikes >= superlike_limit then
        state = 'over_superlikes'
    elseif action ~= SUPERLIKE and used >= limit then
        state = 'over_limit'
    elseif reserved >= places then
        state = 'too_fast'
    else
        if action == SUPERLIKE then
            used_superlikes = used_superlikes + 1
        else
            used = used + 1
        end
        reserved = reserved + 1
        -- Later than what was taken back, whatever the clocks say: copies are told by their times.
        first = math.max(now, tonumber(taken_back[i] or '0') + 1)
        charged = string.format('%d', day)
    end
    if state == 'append' then
        local ms = string.format('%.0f', first)
        named[id], claimed[candidate] = what .. ms, true
        names[#names + 1], names[#names + 2] = id, what .. ms
        entries[#entries + 1] = candidate
        entries[#entries + 1] =
            table.concat({ 'o', charged, action, ms, ARGV[1], id }, ':')
        scores[#scores + 1], scores[#scores + 2] = string.format('%.3f', first / 1000), candidate
    end
    out[#out + 1], out[#out + 2], out[#out + 3] = state, first, tonumber(charged or '0')
end
if #names > 0 then
    redis.call('HSET', KEYS[1], unpack(names))
    redis.call('EXPIRE', KEYS[1], ARGV[3])
    redis.call('HSET', KEYS[5], unpack(entries))
    redis.call('ZADD', KEYS[4], unpack(scores))
end
if reserved > 0 then
    redis.call('HSET', KEYS[7], 'd', day, 'n', used, 's', used_superlikes,
        'b', string.format('%.3f', tokens - reserved), 't', string.format('%.0f', refilled))
    redis.call('EXPIRE', KEYS[7], ARGV[4])
end
out[3], out[4], out[5] = used, used_superlikes, reserved
return out
