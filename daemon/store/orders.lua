-- Orders of people about a campaign, and the policy "resend": once more after a silence.
local act -- retention gives orders too
do
local ACTS = {
    pause = {from = {scheduled = true, sending = true}, to = 'paused'},
    miss = {from = {scheduled = true, sending = true, paused = true}, to = 'missed'},
    resume = {from = {paused = true, missed = true}},
    cancel = {from = {scheduled = true, sending = true, paused = true, missed = true}, to = 'cancelled'},
}
-- seq, act, actor, reason, until, now. Answers {0, counts …}; {5} for cancelling an import (throw it away).
function act(keys, args)
    local P, seq, verb, actor, reason, till, now = keys[1], args[1], args[2], args[3], args[4], tonumber(args[5]), tonumber(args[6])
    local c = campaign(P, seq)
    local how = ACTS[verb]
    if not c then
        return missing('no such campaign')
    elseif verb == 'cancel' and c.state == 'importing' then
        return {5}
    elseif how.to == c.state and c.wait_actor == actor and c.wait_reason == reason then
        return counts(c, {0})
    elseif verb == 'resume' and SENDS[c.state] and call('HGET', c.key, 'resumed_by') == actor then
        return counts(c, {0})
    elseif not how.from[c.state] then
        local by = c.wait_actor ~= '' and (' (by ' .. c.wait_actor .. ': ' .. c.wait_reason .. ')') or ''
        return refused('cannot ' .. verb .. ' it: the campaign is ' .. c.state .. by)
    end
    if verb == 'resume' then
        set_state(c, c.started and 'sending' or 'scheduled', now, '', '')
        call('HSET', c.key, 'late_waived', 1, 'resumed_by', actor)
        if till > 0 then
            call('HSET', c.key, 'end_ms', args[5])
        end
        if c.canary == 'failed' then
            local s = call('GET', P .. 's:' .. seq .. ':0') or ''
            call('HSET', c.key, 'canary', find(s, 'A', 1, true) and '' or 'ok')
        end
    else
        set_state(c, how.to, now, reason, actor)
        call('HDEL', c.key, 'resumed_by')
    end
    if verb == 'cancel' then
        c.cancelled = true
        if c.queued > 0 then
            count(c, 'A', 'Q', c.queued)
        end
        call('DEL', P .. 'rz:' .. seq)
        if c.dedup_group ~= '' then
            call('SADD', P .. 'fr', seq)
        end
        campaign_save(c, now)
    end
    return counts(c, {0})
end

-- What was ambiguous in a chunk is to be sent again.
local function queue_again(k, now)
    -- A verdict on an attempt before this one is no verdict on the next.
    call('HSET', k.P .. 'm:' .. k.tail, 'fence', call('GET', k.P .. 'tok') or 0)
    back_to_queue(k, now)
end

-- seq, how, now, most chunks. Answers {0, ambiguous chunks left, counts …}.
local function resolve(keys, args)
    local P, seq, how, now, most = keys[1], args[1], args[2], tonumber(args[3]), tonumber(args[4])
    local c = campaign(P, seq)
    if not c then
        return missing('no such campaign')
    elseif how == 'resend' then
        if c.cancelled then
            return refused('the campaign is cancelled: nothing can be sent again')
        elseif call('HGET', c.key, 'vd') then
            return refused('the personal values are deleted: the texts cannot be built again')
        end
    end
    local to = ({resend = 'A', accept = 'G', fail = 'K'})[how]
    local four = how ~= 'resend' and detail(c, code_number(P, how == 'fail' and 'OPERATOR' or ''), now)
    for _, n in ipairs(call('SRANDMEMBER', P .. 'ac:' .. seq, most)) do
        local k = chunk_open(c, n)
        local at = find(k.s, 'E', 1, true)
        while at do
            move(k, at - 1, 'E', to)
            if four then
                details_put(k, at - 1, four)
            end
            at = find(k.s, 'E', at + 1, true)
        end
        chunk_save(k)
        if how == 'resend' then
            queue_again(k, now)
        end
    end
    campaign_save(c, now)
    return counts(c, {0, call('SCARD', P .. 'ac:' .. seq)})
end

-- ---- the policy "resend" ----

-- Is the sending window (minutes of the local day) open? From and to the same: all day; from after to: over midnight.
local function window_open(from, to, now, east)
    local minute = floor(now / 60000 + east) % 1440
    if (to - from) % 1440 == 0 then
        return true
    elseif from < to then
        return minute >= from and minute < to
    end
    return minute >= from or minute < to
end

-- May a silent chunk be sent again? 'now', 'later' or 'never'. Nothing is queued again that could not go out at once: as long as
-- it is ambiguous, a report can still find it by its number. Never: what could not be sent any more, or was launched anew.
local function when_again(c, tail, now, east)
    local v = call('HMGET', c.key, 'id', 'end_ms', 'window_from_min', 'window_to_min', 'vd')
    local till = tonumber(v[2]) or 0
    local ended = till > 0 and now >= till
    if c.cancelled or v[5] or (ended and c.state == 'done') or call('HGET', c.P .. 'ids', v[1] or '') ~= c.seq then
        return 'never'
    elseif ended or (c.state ~= 'done' and not SENDS[c.state]) or call('ZSCORE', c.P .. 'cl', tail) or
        not window_open(tonumber(v[3]) or 0, tonumber(v[4]) or 0, now, east) then
        return 'later'
    end
    return 'now'
end

-- Which positions of a chunk the policy has sent again already: runs of from u16, count u16.
local function resent_read(packed)
    local seen, at = {}, 1
    while packed and at <= #packed do
        local from, n
        from, n, at = unpack_bytes('>I2I2', packed, at)
        for place = from, from + n - 1 do
            seen[place] = true
        end
    end
    return seen
end
local function resent_write(seen, size)
    local out, from = {}, nil
    for place = 0, size do
        if seen[place] and not from then
            from = place
        elseif from and not seen[place] then
            out[#out + 1] = pack('>I2I2', from, place - from)
            from = nil
        end
    end
    return concat(out)
end

-- Queues the ambiguous recipients of a chunk that the policy has not sent again yet; gives how many.
local function resend_chunk(c, n, now)
    local k = chunk_open(c, n)
    if not k then
        return 0
    end
    local m_key, moved = k.P .. 'm:' .. k.tail, 0
    local seen = resent_read(call('HGET', m_key, 'resent'))
    local at = find(k.s, 'E', 1, true)
    while at do
        if not seen[at - 1] then
            move(k, at - 1, 'E', 'A')
            seen[at - 1] = true
            moved = moved + 1
        end
        at = find(k.s, 'E', at + 1, true)
    end
    if moved > 0 then
        chunk_save(k)
        call('HSET', m_key, 'resent', resent_write(seen, k.size))
        queue_again(k, now)
        call('HINCRBY', c.key, 'resent', moved)
        campaign_save(c, now)
    end
    return moved
end

-- silence, now, most chunks, minutes east of UTC. Works on chunks of any campaign that have been silent for so long; `now` only
-- tells whether their sending windows are open.
-- Answers {0, more, seq, recipients …}, a pair a chunk.
local function resend_silent(keys, args)
    local P, silence, now, most, east = keys[1], tonumber(args[1]), tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
    local answer = {0, 0}
    if carrier_stops(P) then
        return answer
    end
    local before = redis_now() - silence
    local tails = call('ZRANGEBYSCORE', P .. 'rs', '-inf', text(before), 'LIMIT', 0, most)
    for _, tail in ipairs(tails) do
        local seq, n = match(tail, '^(%d+):(%d+)$')
        local c = campaign(P, seq)
        local when = c and when_again(c, tail, now, east) or 'never'
        if when == 'later' then
            call('ZADD', P .. 'rs', text(before + PUT_OFF_MS), tail)
        else
            call('ZREM', P .. 'rs', tail)
            local moved = when == 'now' and resend_chunk(c, n, now) or 0
            if moved > 0 then
                answer[#answer + 1] = tonumber(seq)
                answer[#answer + 1] = moved
            end
        end
    end
    answer[2] = #tails == most and 1 or 0
    return answer
end

serve{{'or1_act', act, OUTCOME}, {'or1_resolve', resolve, OUTCOME}, {'or1_resend_silent', resend_silent, OUTCOME}}
end
