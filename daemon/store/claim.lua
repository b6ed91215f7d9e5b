-- Sending: which chunk is next, its claim, the intent before each request, and what becomes of a claim whose holder is gone.
do
local function why_not_sending(c)
    if c.wait_reason ~= '' then
        return 'campaign ' .. c.state .. ' by ' .. c.wait_actor .. ': ' .. c.wait_reason
    end
    return 'campaign is ' .. c.state
end

-- Milliseconds until a chunk that came back may be claimed. A time further ahead than anybody puts one off was written by a clock
-- that was wrong, or before that of Redis was set back, and keeps nobody waiting.
local function delay_left(score, here)
    local left = tonumber(score) - here
    return left > 0 and left <= DELAY_MAX_MS and left or 0
end

-- Chooses a chunk: {n, s} or {nil, result, milliseconds to wait}. Chunks that came back go first, then the next fresh one.
local function choose(c, only_canary, here)
    local P, rz = c.P, c.P .. 'rz:' .. c.seq
    for _ = 1, SKIPS_MAX do
        local n, wait
        if only_canary and c.cursor > 0 then
            local score = call('ZSCORE', rz, '0')
            if not score then
                return nil, 'CANARY', 0
            end
            n, wait = 0, delay_left(score, here)
        else
            n = tonumber(call('ZRANGEBYSCORE', rz, '-inf', text(here), 'LIMIT', 0, 1)[1])
            if not n and c.cursor >= c.chunks then
                local next_ = call('ZRANGE', rz, 0, 0, 'WITHSCORES')
                if not next_[1] then
                    return nil, 'EMPTY', 0
                end
                n, wait = tonumber(next_[1]), delay_left(next_[2], here)
            end
        end
        if wait and wait > 0 then
            return nil, 'LATER', wait
        elseif n then
            call('ZREM', rz, n)
        else
            n = c.cursor
            c.cursor = c.cursor + 1
            call('HSET', c.key, 'cursor', c.cursor)
        end
        local s = call('GET', P .. 's:' .. c.seq .. ':' .. n)
        if s and find(s, 'A', 1, true) then
            return n, s
        end
    end
    return nil, 'LATER', 0
end

-- seq, owner, lease, now. Answers {0, 'CHUNK', '', 0, n, token, attempts, p, s, v} or {0, result, reason, wait in milliseconds}.
local function claim(keys, args)
    local P, seq, owner, lease, now = keys[1], args[1], args[2], tonumber(args[3]), tonumber(args[4])
    local c = campaign(P, seq)
    if not c then
        return missing('no such campaign')
    elseif not SENDS[c.state] then
        return {0, 'STOPPED', why_not_sending(c), 0}
    end
    local why = carrier_stops(P)
    if why then
        return {0, 'STOPPED', why, 0}
    end
    local verdict = canary(c)
    if verdict and verdict ~= 'wait' then
        stop_sending(c, now, verdict)
        return {0, 'STOPPED', verdict, 0}
    end
    local here = redis_now()
    local n, s, wait = choose(c, verdict == 'wait', here)
    if not n then
        return {0, s, '', wait}
    end
    local tail = seq .. ':' .. n
    local m = P .. 'm:' .. tail
    local token = call('INCR', P .. 'tok')
    call('HSET', m, 'tok', token, 'own', owner)
    call('HDEL', m, 'intents', 'sub0', 'sub1')
    lease_from_now(P, tail, lease, nil, here)
    if c.state == 'scheduled' then
        set_state(c, 'sending', now, '', '')
        if not c.started then
            call('HSET', c.key, 'started', now)
        end
    end
    return {0, 'CHUNK', '', 0, n, token, tonumber(call('HGET', m, 'att') or 0), call('GET', P .. 'p:' .. tail), s,
            call('GET', P .. 'v:' .. tail)}
end

-- seq, chunk, token, positions (2 bytes each), now. Answers {0, a byte each: 1 it is suppressed, now or before}.
local function suppress(keys, args)
    local P, seq, n, token, places, now = keys[1], args[1], args[2], args[3], args[4], tonumber(args[5])
    local c = campaign(P, seq)
    local k = c and chunk_open(c, n)
    if not k then
        return missing('no such chunk')
    elseif not holds(k, token) then
        return stale()
    end
    local are = {}
    for i = 1, #places, 2 do
        local at = unpack_bytes('>I2', places, i)
        local b = at < k.size and state_at(k, at)
        if b == 'A' then
            move(k, at, 'A', 'O')
            b = 'O'
        end
        are[#are + 1] = b == 'O' and '\1' or '\0'
    end
    chunk_save(k)
    campaign_save(c, now)
    return {0, concat(are)}
end

-- Token buckets: a bucket is the time at which it is empty again, by Redis' clock, and how much the last request added. A clock
-- that went back cannot make anyone wait longer than that.
local function bucket_wait(packed, rate, here)
    if rate == 0 or not packed then
        return 0, here
    end
    local free, added = match(packed, '^(.-):(.+)$')
    free, added = tonumber(free), tonumber(added)
    if free - here > added then
        free = here + added
    end
    return free - here, free
end
local function bucket_take(P, field, free, rate, segments, here)
    if free < here - RATE_SLACK_MS then
        free = here - RATE_SLACK_MS
    end
    local add = segments * 1000 / rate
    call('HSET', P .. 'tb', field, format('%.3f:%.3f', free + add, add))
end

-- A byte for each state byte: 1 where it is `b`, else 0.
local function mask_of(bytes, b)
    local others = gsub(bytes, '[^' .. b .. ']', '\0')
    return (gsub(others, b, '\1'))
end

-- seq, chunk, token, from, count, segments, carrier rate, campaign rate, lease, now. Answers {0, mask} | {4, wait_ms} | …
local function intent(keys, args)
    local P, seq, n, token = keys[1], args[1], args[2], args[3]
    local from, cnt, segments = tonumber(args[4]), tonumber(args[5]), tonumber(args[6])
    local rate_carrier, rate_campaign = tonumber(args[7]), tonumber(args[8])
    local lease, now = tonumber(args[9]), tonumber(args[10])
    local c = campaign(P, seq)
    local k = c and chunk_open(c, n)
    if not k then
        return missing('no such chunk')
    elseif from + cnt > k.size or cnt == 0 then
        return refused('positions outside of the chunk')
    end
    local m_key = P .. 'm:' .. k.tail
    local m = call('HMGET', m_key, 'tok', 'own', 'intents', 'sub0', 'first')
    if m[1] ~= token or not m[2] then
        return stale()
    end
    local intents = intents_read(m[3])
    for _, entry in ipairs(intents) do
        if entry.from == from and entry.count == cnt and entry.heard == 0 then
            local mask, done = {}, from
            for _, run in ipairs(entry) do
                mask[#mask + 1] = rep('\0', run[1] - done)
                mask[#mask + 1] = mask_of(sub(k.s, run[1] + 1, run[1] + run[2]), 'C')
                done = run[1] + run[2]
            end
            mask[#mask + 1] = rep('\0', from + cnt - done)
            lease_from_now(P, k.tail, lease, 'XX')
            return {0, concat(mask)}
        end
    end
    if not SENDS[c.state] then
        return refused(why_not_sending(c))
    end
    local why = carrier_stops(P)
    if why then
        return refused(why)
    end
    local range = sub(k.s, from + 1, from + cnt)
    local entry = {from = from, count = cnt, heard = 0}
    for _, run in ipairs(runs_of(range, 'A')) do
        entry[#entry + 1] = {from + run[1], run[2]}
    end
    if #entry == 0 then
        return {0, rep('\0', cnt)}
    end
    local here = redis_now()
    if rate_carrier > 0 or rate_campaign > 0 then
        local tb = call('HMGET', P .. 'tb', 'k', 'c' .. seq)
        local wait_carrier, free_carrier = bucket_wait(tb[1], rate_carrier, here)
        local wait_campaign, free_campaign = bucket_wait(tb[2], rate_campaign, here)
        local wait = wait_carrier > wait_campaign and wait_carrier or wait_campaign
        if wait > 0 then
            return {4, math.ceil(wait)}
        end
        if rate_carrier > 0 then
            bucket_take(P, 'k', free_carrier, rate_carrier, segments, here)
        end
        if rate_campaign > 0 then
            bucket_take(P, 'c' .. seq, free_campaign, rate_campaign, segments, here)
        end
    end
    for _, run in ipairs(entry) do
        move_range(k, run[1], run[2], 'A', 'C')
    end
    intents[#intents + 1] = entry
    call('HSET', m_key, 'intents', intents_write(intents), 'sub0', m[4] or now, 'sub1', now, 'first', m[5] or now)
    lease_from_now(P, k.tail, lease, nil, here)
    campaign_save(c, now)
    return {0, mask_of(range, 'A')}
end

-- seq, chunk, token, delay, counts as attempt
local function release(keys, args)
    local P, seq, n, token = keys[1], args[1], args[2], args[3]
    local c = campaign(P, seq)
    local k = c and chunk_open(c, n)
    if not k then
        return missing('no such chunk')
    end
    if not holds(k, token) then
        return k.token == token and {0} or stale()
    elseif find(k.s, 'C', 1, true) then
        return refused('the chunk has recipients in flight')
    end
    if args[5] == '1' then
        call('HINCRBY', P .. 'm:' .. k.tail, 'att', 1)
    end
    let_go(k, tonumber(args[4]))
    return {0}
end

-- At most `most` claims whose lease ran out, but for those under one of the tokens `held` (u64 each): the caller knows that they
-- live, whatever any clock says.
local function leases_over(P, held, most)
    local living, tails = {}, {}
    for at = 1, #held, 8 do
        living[text(unpack_bytes('>I8', held, at))] = true
    end
    for _, tail in ipairs(call('ZRANGEBYSCORE', P .. 'cl', '-inf', text(redis_now()), 'LIMIT', 0, text(most + #held / 8))) do
        if #tails < most and not living[call('HGET', P .. 'm:' .. tail, 'tok') or ''] then
            tails[#tails + 1] = tail
        end
    end
    return tails
end
local function claims_of(P, owner, most)
    local tails = {}
    for _, tail in ipairs(call('ZRANGE', P .. 'cl', 0, -1)) do
        if #tails < most and call('HGET', P .. 'm:' .. tail, 'own') == owner then
            tails[#tails + 1] = tail
        end
    end
    return tails
end

-- owner ("" for leases that ran out), now, limit, most, tokens that the caller holds. Answers {0, chunks, ambiguous, more}.
local function sweep(keys, args)
    local P, owner, now, limit, most = keys[1], args[1], tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
    local tails = owner == '' and leases_over(P, args[5] or '', most) or claims_of(P, owner, most)
    local ambiguous = 0
    for _, tail in ipairs(tails) do
        local seq, n = match(tail, '^(%d+):(%d+)$')
        local c = campaign(P, seq)
        local k = c and chunk_open(c, n)
        if not k then
            call('ZREM', P .. 'cl', tail)
        else
            local m_key = P .. 'm:' .. tail
            local m = call('HMGET', m_key, 'sub0', 'sub1', 'tok', 'old')
            local at = find(k.s, 'C', 1, true)
            if at then
                local old = old_read(m[4])
                old[#old + 1] = {token = tonumber(m[3]), runs = runs_of(k.s, 'C')}
                old_save(m_key, old)
            end
            while at do
                move(k, at - 1, 'C', 'E')
                ambiguous = ambiguous + 1
                at = find(k.s, 'C', at + 1, true)
            end
            try_parked(k, m[1] or now, m[2] or now)
            local too_many = chunk_save(k, m[1] or now, m[2] or now, limit)
            call('HINCRBY', m_key, 'att', 1)
            let_go(k, 0)
            if not campaign_save(c, now) and too_many then
                stop_sending(c, now, too_many)
            end
        end
    end
    if ambiguous > 0 then
        call('HINCRBY', P .. 'carrier', 'ambiguous', ambiguous)
    end
    return {0, #tails, ambiguous, #tails == most and 1 or 0}
end

serve{
    {'or1_claim', claim, WORK}, {'or1_intent', intent, WORK}, {'or1_suppress', suppress, OUTCOME}, {'or1_release', release, OUTCOME},
    {'or1_sweep', sweep, OUTCOME},
}
end
