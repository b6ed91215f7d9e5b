-- What the carrier said about a request, or that it said nothing.
do
-- Moves the positions of one request. `from_states`: the bytes that it may move. Gives how many moved.
local function turn(k, from, cnt, from_states, to, segments, four)
    if cnt > 8 and to ~= 'E' and from_states.C then
        local range = sub(states_all(k), from + 1, from + cnt)
        if not find(range, '[^C]') then
            move_range(k, from, cnt, 'C', to, segments)
            if four then
                details_range(k, from, cnt, four)
            end
            return cnt
        end
    end
    local moved, each = 0, cnt == 1 and segments or floor(segments / cnt + 0.5)
    for at = from, from + cnt - 1 do
        local b = state_at(k, at)
        if from_states[b] then
            move(k, at, b, to, each)
            if four then
                details_put(k, at, four)
            end
            moved = moved + 1
        end
    end
    return moved
end
-- The same for those of its positions that lie in `runs`.
local function turn_runs(k, runs, from, cnt, from_states, to, segments, four)
    local moved = 0
    for _, run in ipairs(runs) do
        local first = run[1] > from and run[1] or from
        local n = (run[1] + run[2] < from + cnt and run[1] + run[2] or from + cnt) - first
        if n > 0 then
            moved = moved + turn(k, first, n, from_states, to, floor(segments * n / cnt + 0.5), four)
        end
    end
    return moved
end

-- What the kinds of outcome do: the byte the recipients get, and the figure of the account they count in.
local KINDS = {
    G = {to = 'G', figure = 'accepted', fact = true},   -- accepted
    I = {to = 'I', figure = 'rejected', fact = true},   -- these recipients refused
    T = {to = 'I', figure = 'rejected', fact = true},   -- refused for the text
    E = {to = 'E', figure = 'ambiguous'},               -- nobody knows
    A = {to = 'A'},                                     -- provably not taken
    N = {to = 'A', unsent = true},                      -- provably not sent at all
    F = {to = 'A'},                                     -- refused for the account
    U = {to = 'A'},                                     -- refused for a quota
}
local ONLY_C, ONLY_E = {C = true}, {E = true}
local ANY_UNKNOWN = {A = true, Q = true, C = true, E = true}

-- May what was ambiguous be queued in this campaign? Not when nobody could send it any more, or when it was launched anew.
local function takes_back(c)
    if c.state ~= 'done' then
        return true
    end
    local v = call('HMGET', c.key, 'id', 'vd')
    return not v[2] and call('HGET', c.P .. 'ids', v[1] or '') == c.seq
end

-- Which bytes an outcome may move that comes when a sweep has taken the chunk from its attempt: "accepted" is true whatever
-- happened since; a refusal only of the attempt it speaks of, so not when another one was ordered since (the fence).
local function movable_late(job, kind)
    if kind.to == 'G' then
        return ANY_UNKNOWN
    elseif kind.to == 'E' or job.resent or (kind.to == 'A' and not takes_back(job.c)) then
        return nil
    end
    return ONLY_E
end

-- from u16, count u16, kind, segments u32, bucket (2 bytes), batch, code; in order of position
local function items_read(packed, size)
    local list, n, at = {}, 0, 1
    while at <= #packed do
        local from, cnt, letter, segments, bucket, batch, code
        from, cnt, letter, segments, bucket, batch, code, at = unpack_bytes('>I2I2c1I4c2Bc0Bc0', packed, at)
        if from + cnt > size then
            cnt = size > from and size - from or 0
        end
        if cnt > 0 then
            n = n + 1
            list[n] = {from = from, cnt = cnt, letter = letter, segments = segments, bucket = bucket, batch = batch, code = code}
        end
    end
    return list
end

-- What an outcome means beyond its recipients, once it has moved some of them.
local function conclude(job, item, moved)
    local kind = KINDS[item.letter]
    if moved == 0 then
        return
    end
    if not kind.unsent then
        job.c.requests = job.c.requests + 1
    end
    if kind.figure then
        job.figures[kind.figure] = (job.figures[kind.figure] or 0) + moved
    end
    local code = item.code
    if item.letter == 'T' then
        job.pause = 'the carrier refuses the text: ' .. code
    elseif item.letter == 'F' then
        carrier_stop(job.P, job.now, code, code ~= '' and code or 'the carrier refuses the account', 0)
    elseif item.letter == 'U' then
        carrier_stop(job.P, job.now, code, (code ~= '' and code or 'quota') .. ' (a quota: tries again by itself)',
                     text(redis_now() + QUOTA_REST_MS))
    end
end

-- What is written into the details: only facts have a code and a time.
local function four_of(job, kind, code)
    if not kind.fact then
        return nil
    end
    local four = job.fours[code]
    if not four then
        four = detail(job.c, code_number(job.P, code), job.now)
        job.fours[code] = four
    end
    return four
end

-- The last of the neighbours from item i on that have the same outcome and are all in flight: they are moved as one. Nil: the item
-- stands alone.
local function neighbours(job, list, i)
    local item = list[i]
    local last, stop = i, item.from + item.cnt
    while list[last + 1] and list[last + 1].from == stop and list[last + 1].letter == item.letter and
        list[last + 1].code == item.code do
        last = last + 1
        stop = stop + list[last].cnt
    end
    if last == i or find(sub(states_all(job.k), item.from + 1, stop), '[^C]') then
        return nil
    end
    return last, stop
end

-- Who was told to be ambiguous under this token and is accepted after all. Others may lie between the positions of a request: the
-- newest intent that has any of them is the one that it was posted under.
local function settle_told(job, item, four)
    local k = job.k
    local first = find(k.s, 'E', item.from + 1, true)
    if not first or first > item.from + item.cnt then
        return 0
    end
    for i = #job.intents, 1, -1 do
        for _, run in ipairs(job.intents[i]) do
            if run[1] < item.from + item.cnt and item.from < run[1] + run[2] then
                return turn_runs(k, job.intents[i], item.from, item.cnt, ONLY_E, 'G', item.segments, four)
            end
        end
    end
    return 0
end

-- An outcome of an attempt that lost the chunk to a sweep: it is theirs who were in flight under its token then, and only the
-- first that is told of them. With anything but a fact the caller is told that the chunk is another's.
local function settle_lost(job, item, kind, to, four)
    local states = movable_late(job, kind)
    if states then
        local moved = turn_runs(job.k, job.lost.runs, item.from, item.cnt, states, to, item.segments, four)
        conclude(job, item, moved)
        job.taken_back = job.taken_back or (moved > 0 and to == 'A')
    end
    job.unheeded = job.unheeded or not states or not kind.fact
    job.lost.runs = runs_without(job.lost.runs, item.from, item.cnt)
end

-- Applies the items from i on that go together; gives the next one.
local function settle_some(job, list, i)
    local item, k = list[i], job.k
    local kind = KINDS[item.letter]
    local to = kind.to == 'A' and job.c.cancelled and 'Q' or kind.to
    local four = four_of(job, kind, item.code)
    local last, stop
    if job.current and to ~= 'E' then
        last, stop = neighbours(job, list, i)
    end
    if last then
        local segments = 0
        for x = i, last do
            segments = segments + list[x].segments
            conclude(job, list[x], list[x].cnt)
        end
        move_range(k, item.from, stop - item.from, 'C', to, segments)
        if four then
            details_range(k, item.from, stop - item.from, four)
        end
    elseif job.current then
        local moved = turn(k, item.from, item.cnt, ONLY_C, to, item.segments, four)
        if to == 'G' then
            moved = moved + settle_told(job, item, four)
        end
        conclude(job, item, moved)
    else
        settle_lost(job, item, kind, to, four)
    end
    for x = i, last or i do
        local one = list[x]
        if one.letter == 'G' and one.batch ~= '' then
            job.bound[#job.bound + 1] = {one.bucket, one.batch, k.tail .. ':' .. text(one.from) .. ':' .. text(one.cnt)}
            if job.parked then
                drain_batch(k, one.batch, one.from, one.cnt)
            end
        end
    end
    return (last or i) + 1
end

-- The claim after a settlement: renewed while it has work, else over.
local function settle_claim(job, m_key, before, lease)
    local k = job.k
    local intents, changed = intents_heard(job.intents, before, k.s)
    if changed then
        call('HSET', m_key, 'intents', intents_write(intents))
    end
    if find(k.s, 'C', 1, true) or (not job.c.cancelled and find(k.s, 'A', 1, true)) then
        lease_from_now(job.P, k.tail, lease, 'XX')
    else
        let_go(k, 0)
    end
end

-- seq, chunk, token, items, lease, now, limit
local function settle(keys, args)
    local P, seq, n, token = keys[1], args[1], args[2], args[3]
    local lease, now, limit = tonumber(args[5]), tonumber(args[6]), tonumber(args[7])
    local c = campaign(P, seq)
    local k = c and chunk_open(c, n)
    if not k then
        return missing('no such chunk')
    end
    local m_key = P .. 'm:' .. k.tail
    local m = call('HMGET', m_key, 'tok', 'own', 'fence', 'intents', 'sub0', 'sub1', 'old')
    local job = {P = P, c = c, k = k, now = now, figures = {}, fours = {}, bound = {}, lost = {runs = {}}, unheeded = false,
                 current = m[1] == token and m[2] and true or false, resent = tonumber(token) <= (tonumber(m[3]) or 0),
                 parked = call('EXISTS', P .. 'pkz') == 1}
    local olds = not job.current and old_read(m[7]) or {}
    for _, old in ipairs(olds) do
        if old.token == tonumber(token) then
            job.lost = old
        end
    end
    job.intents = job.current and intents_read(m[4]) or {}
    local before, first, last = k.s, m[5] or now, m[6] or now
    local list, i = items_read(args[4], k.size), 1
    while i <= #list do
        i = settle_some(job, list, i)
    end
    bind_all(P, job.bound)
    try_parked(k, first, last)
    local too_many = chunk_save(k, first, last, limit)
    if job.current then
        settle_claim(job, m_key, before, lease)
    elseif job.lost.token then
        old_save(m_key, olds)
    end
    if job.taken_back then
        back_to_queue(k, now)
    end
    job.figures.requests = c.requests ~= 0 and c.requests or nil
    for figure, by in pairs(job.figures) do
        call('HINCRBY', P .. 'carrier', figure, text(by))
    end
    if not campaign_save(c, now) then
        if job.pause or too_many then
            stop_sending(c, now, job.pause or too_many)
        end
        local verdict = tonumber(n) == 0 and canary(c, k.s)
        if verdict and verdict ~= 'wait' then
            stop_sending(c, now, verdict)
        end
    end
    return job.unheeded and stale() or {0}
end

serve{{'or1_settle', settle, OUTCOME}}
end
