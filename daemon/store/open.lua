-- Open campaigns: receipts and replies, which come one by one.
local take_back -- the ledger takes a question back
do
-- A campaign that never ends: what has to be said is appended as a chunk of one recipient, whose text travels as its personal
-- value. It has no canary, is never late, and its window follows the definition.

-- What another message changes, in the order of the values that open_campaign gives.
local GROWS = {'n_chunks', 'accepted', 'nA', 'staged', 'n_staged', 'rows', 'segments_total'}

-- Which open campaign has this id, made when there is none that lives, and its values of GROWS. nil and the state of what stands in
-- the way.
local function open_campaign(P, id, now, fields)
    local seq = call('HGET', P .. 'ids', id)
    if seq then
        local v = call('HMGET', P .. 'c:' .. seq, 'state', 'open', unpack(GROWS))
        if v[1] == 'importing' or (v[2] ~= '1' and LIVE[v[1]]) then
            return nil, v[1]
        elseif v[1] and LIVE[v[1]] then
            return seq, {unpack(v, 3, 2 + #GROWS)}
        end
    end
    seq = text(call('INCR', P .. 'next'))
    local key = P .. 'c:' .. seq
    call('HSET', key, unpack(fields))
    call('HSET', key, 'open', 1, 'personal', 1, 'weighed', 1, 'state', 'scheduled', 'changed', now, 'launched', now, 'base', now, 'accepted', 0,
         'staged', 0, 'n_staged', 0, 'n_chunks', 0, 'cursor', 0, 'segments_total', 0, 'segs', 0, 'requests', 0, 'canary', 'ok',
         'wait_reason', '', 'wait_actor', '')
    for i = 1, #STATES do
        call('HSET', key, 'n' .. sub(STATES, i, i), 0)
    end
    call('HSET', P .. 'ids', id, seq)
    call('SADD', P .. 'live', seq)
    return seq, {}
end

-- id, bucket of the request, request, number (5 bytes), values, segments, window from, window to, now, pledge, then field, value …
-- of the campaign. The same request again changes nothing. With a pledge the message asks for its confirmation: it is not said when
-- the pledge is answered or taken back meanwhile, by whichever daemon, and where it is queued stands in the summary of the pledge.
-- Answers {0, fresh, seq, chunk}.
local function append(keys, args)
    local P, now = keys[1], args[9]
    local asked = P .. 'q:' .. args[2]
    local known = call('HGET', asked, args[3])
    if known then
        local seq, n = match(known, '^(%d+):(%d+)$')
        return {0, 0, tonumber(seq), tonumber(n)}
    end
    local pledge = args[10] ~= '' and match(P, '^(.*:){[^{}]*}:$') .. '{l}:p:' .. args[10]
    if pledge then
        local v = call('HMGET', pledge, 'k', 'cf', 'x')
        if not v[1] or v[2] == '1' or (v[3] or '') ~= '' then
            return {0, 0, 0, 0}
        end
    end
    local seq, had = open_campaign(P, args[1], now, {unpack(args, 11)})
    if not seq then
        return refused('a campaign of this id is ' .. had)
    end
    local n = tonumber(had[1] or 0)
    local tail = seq .. ':' .. text(n)
    call('MSET', P .. 'p:' .. tail, args[4], P .. 's:' .. tail, 'A', P .. 'v:' .. tail, args[5])
    if args[6] ~= '1' then
        call('SET', P .. 'w:' .. tail, char(tonumber(args[6])))
    end
    local line = {'window_from_min', args[7], 'window_to_min', args[8]}
    for i = 1, #GROWS do
        line[#line + 1] = GROWS[i]
        line[#line + 1] = text(tonumber(had[i] or 0) + (GROWS[i] == 'segments_total' and tonumber(args[6]) or 1))
    end
    call('HSET', P .. 'c:' .. seq, unpack(line))
    call('HSET', asked, args[3], tail)
    if pledge then
        call('HSET', pledge, 'q', tail .. ' ' .. P)
    end
    return {0, 1, tonumber(seq), n}
end

-- The question of a pledge that has its answer, or is taken back, is cancelled if nobody has begun to send it, claimed or not: an
-- intent takes queued ones only. `place` is what append noted. Called by the ledger, in the posting that makes it needless.
function take_back(place, now)
    if not call then
        wake()
    end
    local seq, n, P = match(place, '^(%d+):(%d+) (.*)$')
    local c = seq and campaign(P, seq)
    local k = c and chunk_open(c, n)
    if not k or state_at(k, 0) ~= 'A' then
        return
    end
    move(k, 0, 'A', 'Q')
    call('ZREM', P .. 'rz:' .. seq, n)
    chunk_save(k)
    drop_open_text(k)
    campaign_save(c, now)
end

serve{{'or1_append', append, OUTCOME}}
end
