-- The carrier account: what stops it, and what people do with it.

-- What is left of the rest after a quota, or of a pause for a time. An end further ahead than a whole rest was written by a clock that
-- was wrong, or before that of Redis was set back: it is over.
local function rest_left(again, here, state)
    local left = again - here
    return left > 0 and left <= (state == 'paused' and PAUSE_MS_MAX or QUOTA_REST_MS) and left or 0
end

-- Why nothing may be sent over this account now, or nil. A rest after a quota, or a pause, whose time is over ends here.
local function carrier_stops(P)
    local v = call('HMGET', P .. 'carrier', 'state', 'reason', 'resume_at')
    if not v[1] or v[1] == 'running' then
        return nil
    end
    local again = tonumber(v[3]) or 0
    if again > 0 then
        local here = redis_now()
        if rest_left(again, here, v[1]) == 0 then
            call('HSET', P .. 'carrier', 'state', 'running', 'reason', '', 'actor', '', 'code', '', 'since', text(here), 'resume_at', 0)
            return nil
        end
    end
    return 'carrier ' .. (match(P, '{(.-)}') or '') .. ' ' .. v[1] .. ': ' .. (v[2] or '')
end

-- The first cause stands, and so does a person's pause. Only a fault that waits for a person (`again` is 0) replaces the rest after
-- a quota: else the account would run into it by itself, again and again.
local function carrier_stop(P, now, code, reason, again, actor)
    local v = call('HMGET', P .. 'carrier', 'state', 'resume_at')
    local rests = v[1] == 'stopped' and (tonumber(v[2]) or 0) > 0
    if v[1] == 'paused' or (v[1] == 'stopped' and not (rests and again == 0)) then
        return
    end
    call('HSET', P .. 'carrier', 'state', 'stopped', 'reason', reason, 'actor', actor or 'outreachd', 'code', code, 'since', now,
         'resume_at', again)
end

do
-- Answers {0, {field, value …}, oldest parked, what is left of a rest in milliseconds}.
local function show_carrier(keys)
    local P = keys[1]
    local v = call('HMGET', P .. 'carrier', 'state', 'resume_at')
    local again = tonumber(v[2] or 0)
    return {0, call('HGETALL', P .. 'carrier'), call('ZRANGE', P .. 'pkz', 0, 0, 'WITHSCORES')[2] or '0',
            again > 0 and rest_left(again, redis_now(), v[1]) or 0}
end

-- act, actor, reason, code, rest (milliseconds, 0: until a person resumes it), now
local function carrier_act(keys, args)
    local key, verb, now = keys[1] .. 'carrier', args[1], args[6]
    if verb == 'resume' then
        if (call('HGET', key, 'state') or 'running') ~= 'running' then
            call('HSET', key, 'state', 'running', 'reason', '', 'actor', args[2], 'code', '', 'since', now, 'resume_at', 0)
        end
    elseif verb == 'pause' then
        local rest = tonumber(args[5])
        call('HSET', key, 'state', 'paused', 'reason', args[3], 'actor', args[2], 'code', '', 'since', now,
             'resume_at', rest > 0 and text(redis_now() + rest) or 0)
    elseif verb == 'retry' then -- the caller's view may be old: a person or a fault may have come in between
        local why = carrier_stops(keys[1])
        if why then
            return refused(why)
        end
    else
        local rest = tonumber(args[5])
        carrier_stop(keys[1], now, args[4], args[3], rest > 0 and text(redis_now() + rest) or 0, args[2])
    end
    return {0}
end

serve{{'or1_carrier', show_carrier, READ}, {'or1_carrier_act', carrier_act, OUTCOME}}
end
