-- Sets a person's row unless a newer version stands there.
-- KEYS 1 the row. ARGV 1 new row, 2 its version, 3 offset of latitude and longitude (two doubles),
-- 4 offset of the version (int64). Returns the old coordinates ('' without a row), nil if newer.
local at = tonumber(ARGV[4])
local found = redis.call('GETRANGE', KEYS[1], at, at + 7)
if #found == 8 and struct.unpack('<i8', found) > tonumber(ARGV[2]) then return nil end
local place = tonumber(ARGV[3])
local old = redis.call('GETRANGE', KEYS[1], place, place + 15)
redis.call('SET', KEYS[1], ARGV[1])
return old
