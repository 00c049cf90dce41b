-- What a viewer is to be told after a place in their changes, and whose cards they still hold.
-- KEYS 1 changes, 2 shown, 3 seen, 4 blocked; all of the viewer.
-- ARGV 1 now in ms, 2 the id after which to read, or '', 3 entries wanted.
-- Returns: Redis' time in ms; of the stream the newest id given, the newest id deleted, the oldest
-- id kept ('' each where there is none), how many entries are gone; the entries; then of each card held
-- the candidate, and 1 if blocked.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])
local clock = redis.call('TIME')
local out = {tostring(clock[1] * 1000 + math.floor(clock[2] / 1000)), '', '', '', 0, {}}
if redis.call('EXISTS', KEYS[1]) == 1 then
    local flat, info = redis.call('XINFO', 'STREAM', KEYS[1]), {}
    for at = 1, #flat, 2 do info[flat[at]] = flat[at + 1] end
    out[2], out[3] = info['last-generated-id'], info['max-deleted-entry-id']
    out[4] = info['first-entry'] and info['first-entry'][1] or ''
    out[5] = info['entries-added'] - info['length']
    if ARGV[2] ~= '' then
        out[6] = redis.call('XRANGE', KEYS[1], '(' .. ARGV[2], '+', 'COUNT', ARGV[3])
    end
end
for _, candidate in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    if redis.call('ZSCORE', KEYS[3], candidate) then
        -- Decided on: no card to withdraw.
        redis.call('ZREM', KEYS[2], candidate)
    else
        out[#out + 1] = candidate
        out[#out + 1] = redis.call('SISMEMBER', KEYS[4], candidate)
    end
end
return out
