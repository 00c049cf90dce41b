-- Forgets erased people on the side of one other person. Where that person was told of a match or
-- held a card, they are told, without a name, to fetch everything again.
-- KEYS 1 changes, 2 episodes, 3 shown, 4 blocked, 5 last swipe; sorted sets and hashes as named:
--      6 seen, 7 likes received, 8 matches, 9 rewound, 10 used, 11 unliked, 12 reservations; of one person.
-- ARGV 1 entries of changes to keep, 2 seconds to keep them, then each erased person.
local erased, known = {}, false
for at = 3, #ARGV do
    local person = ARGV[at]
    erased[person] = true
    local state = redis.call('HGET', KEYS[2], person)
    if state and tonumber(state) % 2 == 0 then known = true end
    redis.call('HDEL', KEYS[2], person)
    if redis.call('ZREM', KEYS[3], person) == 1 then known = true end
    redis.call('SREM', KEYS[4], person)
    for k = 6, 8 do redis.call('ZREM', KEYS[k], person) end
    for k = 9, 12 do redis.call('HDEL', KEYS[k], person) end
end
local last = redis.call('HGET', KEYS[5], 'candidate')
if last and erased[last] then redis.call('DEL', KEYS[5]) end
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do
    local fields = entry[2]
    if fields[3] == 'person' and erased[fields[4]] then redis.call('XDEL', KEYS[1], entry[1]) end
end
if known then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'kind', 'reset')
    redis.call('EXPIRE', KEYS[1], ARGV[2])
    redis.call('PUBLISH', KEYS[1], '')
end
return 1
