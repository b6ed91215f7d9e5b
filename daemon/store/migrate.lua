-- Runs the steps of store/layouts.lua, whose text stands in front of this one; for EVAL, since the function library of this version
-- must not be there before its data is. KEYS[1] is "<prefix>:schema"; ARGV: id of the daemon, newest layout it knows.
--
-- The key holds "2" when all of it is layout 2, and while a step is under way "2 1 <at> <done> <until> <daemon>": to layout 2, from
-- layout 1, where the step goes on, how many things it changed, and until when which daemon has it, by the clock of Redis. An older
-- outreachd reads a 2 in either and keeps away.
--
-- Answers {0, from, to, done}: the layout is the newest one. {1, from, to, done, is the step through (1, 0)}: call again. {2, why not}.
local call = redis.call
local key, owner, newest = KEYS[1], ARGV[1], tonumber(ARGV[2])
local prefix = string.sub(key, 1, -#'schema' - 1)
local LEASE_MS = 30000 -- a daemon that took a step and was not heard of for so long is gone
local ALIVE_MS = 30000 -- a daemon whose last beat is not older may be at work
-- One of these is there wherever anything was done.
local ALWAYS = {'{a}:head', '{l}:n', '{u}:users', '{dr}:as'}

local function redis_now()
    local now = call('TIME')
    return tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
end
local function has_data()
    for _, name in ipairs(ALWAYS) do
        if call('EXISTS', prefix .. name) == 1 then
            return true
        end
    end
    return false
end
-- A daemon that works here, which only one of an older version can: those of this one wait for the layout.
local function at_work(now)
    local daemons = call('HGETALL', prefix .. '{n}:d')
    for i = 1, #daemons, 2 do
        local seen = tonumber(string.match(daemons[i + 1], '^[^\t]*\t[^\t]*\t[^\t]*\t[^\t]*\t(%d+)')) or 0
        if daemons[i] ~= owner and seen > now - ALIVE_MS then
            return daemons[i]
        end
    end
    return nil
end

local text = call('GET', key)
if not text then
    if has_data() then
        return {2, 'there is data under ' .. prefix .. ' and no ' .. key .. ', so its layout is not known: restore a backup (or, if this was emptied ' ..
                    'while a daemon ran: SET ' .. key .. ' ' .. newest .. ')'}
    end
    call('SET', key, newest)
    return {0, newest, newest, 0}
end
local layout, from, at, done, till, worker = string.match(text, '^(%d+) (%d+) (%S+) (%d+) (%d+) (.*)$')
layout = layout or string.match(text, '^%d+$')
if not layout then
    return {2, key .. ' holds "' .. text .. '", which no outreachd has written: restore a backup'}
elseif tonumber(layout) > newest then
    return {2, string.format('the data under %s in Redis has layout %s, this outreachd knows up to %d: install the newer version again',
                             string.sub(prefix, 1, -2), layout, newest)}
elseif not from and tonumber(layout) == newest then
    return {0, newest, newest, 0}
elseif not from then
    from, at, done, till, worker = layout, '0', 0, 0, owner
end
from, done, till = tonumber(from), tonumber(done), tonumber(till)
local to = from + 1
local now = redis_now()
if worker ~= owner and till > now then
    return {2, string.format('the daemon %s brings the data from layout %d to %d (%d changed so far)', worker, from, to, done)}
end
local busy = at_work(now)
if busy then
    return {2, string.format('the data has layout %d, this outreachd brings it to %d: first stop the daemon %s, which is of an older version',
                             from, newest, busy)}
end
local next_at, changed = STEPS[from](call, prefix, at)
done = done + (changed or 0)
if next_at then
    call('SET', key, string.format('%d %d %s %d %.0f %s', to, from, next_at, done, now + LEASE_MS, owner))
    return {1, from, to, done, 0}
end
call('SET', key, to)
return {to == newest and 0 or 1, from, to, done, 1}
