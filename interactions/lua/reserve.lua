-- Reserves a batch of one person's swipes: a place in the day's quota and in the set of people seen.
-- KEYS   1 quota of today, 2 of yesterday, 3 of the day before, 4 seen, 5 open reservations
-- ARGV   1 now in ms, 2 today as YYYYMMDD, 3 limit, 4 seconds a quota is kept,
--        then of each swipe: client id, candidate, action
-- Returns the number charged today, then of each swipe its state and the ms of its first
-- reservation (0 where it has none):
--   append          reserved, now or earlier, and not known as appended
--   duplicate       this client id was reserved and appended
--   already_swiped  another swipe on the candidate stands
--   over_limit      no place left
--   reused          this client id names another swipe
-- The reservation names the client id whose swipe is to be appended. Another id takes it over, and
-- the former one is forgotten: nobody can say that its swipe is in the log.
local now, today, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local charged = tonumber(redis.call('HGET', KEYS[1], 'n') or '0')
local out = {}
-- Candidate -> client id that has the reservation, of those of this batch.
local claimed = {}

local function reservation(day, reserved, owner)
    return day .. ':' .. reserved .. ':' .. now .. ':' .. owner
end

local function forget(field)
    for k = 1, 3 do redis.call('HDEL', KEYS[k], field) end
end

local function first_known(field)
    for k = 1, 3 do
        local value = redis.call('HGET', KEYS[k], field)
        if value then return value end
    end
    return nil
end

for at = 5, #ARGV, 3 do
    local field, candidate, action = 's:' .. ARGV[at], ARGV[at + 1], ARGV[at + 2]
    local what = candidate .. ':' .. action .. ':'
    local known = first_known(field)
    local open = redis.call('HGET', KEYS[5], candidate)
    local seen = redis.call('ZSCORE', KEYS[4], candidate)
    local state, first = 'append', now
    if known then first = string.match(known, '(%d+)$') end
    -- The first of a batch keeps its candidate, and only that one is appended.
    local second = claimed[candidate] and claimed[candidate] ~= ARGV[at]
    if known and string.sub(known, 1, #what) ~= what then
        state, first = 'reused', '0'
    elseif second then
        if known then forget(field) end
    elseif open then
        -- Somebody reserved this candidate and nobody knows that it was appended: no second charge.
        local day, reserved, owner = string.match(open, '^(%d+):(%d+):%d+:?(.*)$')
        if owner ~= '' and owner ~= ARGV[at] then forget('s:' .. owner) end
        redis.call('HSET', KEYS[5], candidate, reservation(day, reserved, ARGV[at]))
    elseif seen then
        -- What the sweep returned (give_back.lua) is in no log; somebody else's swipe is.
        local returned = known and string.find(known, ':returned:', 1, true)
        state = known and not returned and 'duplicate' or 'already_swiped'
        first = '0'
    elseif charged >= limit then
        state, first = 'over_limit', '0'
    else
        charged = redis.call('HINCRBY', KEYS[1], 'n', 1)
        redis.call('HSET', KEYS[5], candidate, reservation(today, now, ARGV[at]))
    end
    if state == 'append' and not second then
        claimed[candidate] = ARGV[at]
        if known then forget(field) end
        redis.call('HSET', KEYS[1], field, what .. first)
        redis.call('ZADD', KEYS[4], string.format('%.3f', tonumber(now) / 1000), candidate)
        redis.call('EXPIRE', KEYS[1], ARGV[4])
    end
    out[#out + 1] = state
    out[#out + 1] = first
end
table.insert(out, 1, charged)
return out
