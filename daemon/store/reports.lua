-- Status reports and uplinks.
do
-- False when there is no room: `room` reports fit beside those that were parked before this call.
local function park(P, figures, room, bucket, batch, number, to, code, told, now)
    local key = P .. 'pk:' .. batch
    local record = char(to == '' and 0 or byte(to)) .. pack('>I8I8', now, told) .. sub(code, 1, CODE_BYTES)
    local old = call('HGET', key, number)
    if old then
        local before, _, _, word = parked_read(old)
        if before == to and word == sub(code, 1, CODE_BYTES) then
            figures.repeated = figures.repeated + 1
            return true
        end
        if (to == '' and 0 or byte(to)) < byte(old) then
            figures.contradictions = figures.contradictions + 1
            return true
        end
    elseif figures.new_parked >= room then
        return false
    else
        local list = call('HGET', P .. 'pkm', number) or ''
        if #list < PARKED_NAMES_BYTES then -- beyond that it is noise; the report itself is kept under its batch
            call('HSET', P .. 'pkm', number, list .. bucket .. char(#batch) .. batch)
        end
        figures.new_parked = figures.new_parked + 1
    end
    call('HSET', key, number, record)
    call('ZADD', P .. 'pkz', 'NX', now, batch) -- the stay is counted from the first: later ones must not prolong it for ever
    figures.parked = figures.parked + 1
    return true
end

-- What a batch is bound to: seq, n, from, count, seq …
local function bindings(P, bucket, batch)
    local list, known = {}, batch ~= '' and call('HGET', batch_key(P, bucket), batch)
    for seq, n, from, many in gmatch(known or '', '(%d+):(%d+):(%d+):(%d+)') do
        local i = #list
        list[i + 1], list[i + 2], list[i + 3], list[i + 4] = seq, n, tonumber(from), tonumber(many)
    end
    return list
end

-- items, parked_max, now. An item: number (5 bytes), state byte or 0, unknown code flag, bucket (2 bytes), told u64, batch, code
-- Answers {0 | 4, changed, repeated, parked, noted, contradictions, cured}.
local function report(keys, args)
    local P, items, parked_max, now = keys[1], args[1], tonumber(args[2]), tonumber(args[3])
    local figures = {changed = 0, repeated = 0, parked = 0, noted = 0, contradictions = 0, cured = 0, new_parked = 0}
    local camps, chunks, numbers_of_codes = {}, {}, {}
    local function opened(seq, n)
        local tail = seq .. ':' .. n
        local k = chunks[tail]
        if k == nil then
            local c = camps[seq]
            if c == nil then
                c = campaign(P, seq, REPORT_FIELDS) or false
                camps[seq] = c
            end
            k = c and chunk_peek(c, n) or false
            chunks[tail] = k
        end
        return k
    end
    local parked_now, any_ambiguous -- looked at when first needed
    local function known_report(seq, n, from, many, number, to, code)
        local k = opened(seq, n)
        local place = k and place_of(k, number, from, many)
        if not place then
            return nil
        elseif k.is_hit and not k.s then -- from the second report on all bytes at once are cheaper than each by itself
            k.s = call('GET', k.states.key)
        end
        k.is_hit = true
        local known = numbers_of_codes[code]
        if not known then
            known = code_number(P, code)
            numbers_of_codes[code] = known
        end
        return apply(k, place, to, known, now, true)
    end
    local total, unknown, last_unknown, full = 0, 0, nil, false
    local last_batch, bound -- neighbours are mostly of one batch
    local at = 1
    while at <= #items do
        local number, to, flag, bucket, told, batch, code
        number, to, flag, bucket, told, batch, code, at = unpack_bytes('>c5BBc2I8Bc0Bc0', items, at)
        to = to == 0 and '' or char(to)
        total = total + 1
        if flag == 1 then
            unknown, last_unknown = unknown + 1, code
        end
        local what, cured
        if batch ~= last_batch then
            last_batch, bound = batch, bindings(P, bucket, batch)
        end
        for i = 1, #bound, 4 do
            what, cured = known_report(bound[i], bound[i + 1], bound[i + 2], bound[i + 3], number, to, code)
            if what then
                break
            end
        end
        if not what and any_ambiguous == nil then
            any_ambiguous = call('EXISTS', P .. 'amb') == 1
        end
        if not what and any_ambiguous then
            -- The answer with the batch id never reached us: number and time tell.
            for seq, n, first, last in gmatch(call('HGET', P .. 'amb', number) or '', '(%d+):(%d+):(%d+):(%d+)') do
                if time_fits(told, tonumber(first), tonumber(last)) and not what then
                    local k = opened(seq, n)
                    local place = k and place_of(k, number, 0, 65535)
                    if place and state_at(k, place) == 'E' then
                        what, cured = apply(k, place, to, code_number(P, code), now)
                        if bind(P, bucket, batch, k.tail .. ':0:65535') then
                            last_batch = nil
                            drain_batch(k, batch, 0, 65535)
                        end
                    end
                end
            end
        end
        if what then
            figures[what] = figures[what] + 1
            if cured then
                figures.cured = figures.cured + 1
            end
        elseif batch ~= '' and call('EXISTS', P .. 'tst:' .. batch) == 1 then
            figures.noted = figures.noted + 1
        else
            parked_now = parked_now or tonumber(call('HGET', P .. 'carrier', 'parked') or 0)
            full = not park(P, figures, parked_max - parked_now, bucket, batch, number, to, code, told, now) or full
        end
    end
    for _, k in pairs(chunks) do
        if k then
            chunk_save(k, now, now)
        end
    end
    for _, c in pairs(camps) do
        if c then
            campaign_save(c, now)
        end
    end
    call('HINCRBY', P .. 'carrier', 'reports', text(total))
    if figures.new_parked > 0 then
        call('HINCRBY', P .. 'carrier', 'parked', figures.new_parked)
    end
    if figures.contradictions > 0 then
        call('HINCRBY', P .. 'carrier', 'contradictions', figures.contradictions)
    end
    if unknown > 0 then
        call('HINCRBY', P .. 'carrier', 'unknown_codes', unknown)
        call('HSET', P .. 'carrier', 'last_unknown_code', sub(last_unknown, 1, CODE_BYTES))
    end
    return {full and 4 or 0, figures.changed, figures.repeated, figures.parked, figures.noted, figures.contradictions, figures.cured}
end

-- batch: a test message has this id at the carrier. Its reports belong to no campaign, and are nobody else's either: they are not parked,
-- and not any more when they came before this.
local function tested(keys, args)
    local P, batch = keys[1], args[1]
    local key = P .. 'pk:' .. batch
    call('SET', P .. 'tst:' .. batch, '', 'PX', TESTED_MS)
    local numbers = call('HKEYS', key)
    if #numbers > 0 then
        for _, number in ipairs(numbers) do
            unpark_number(P, number, batch)
        end
        call('DEL', key)
        call('ZREM', P .. 'pkz', batch)
        call('HINCRBY', P .. 'carrier', 'parked', text(-#numbers))
    end
    return {0}
end

-- before, most numbers: what a batch holds is up to the carrier. Answers {0, thrown away, more}.
local function expire_parked(keys, args)
    local P, most, gone = keys[1], tonumber(args[2]), 0
    for _, batch in ipairs(call('ZRANGEBYSCORE', P .. 'pkz', '-inf', args[1], 'LIMIT', 0, most)) do
        if gone == most then
            break
        end
        local key = P .. 'pk:' .. batch
        local numbers = call('HRANDFIELD', key, most - gone) -- some of them, whichever: the cheapest way to a bounded number
        for _, number in ipairs(numbers) do
            unpark_number(P, number, batch)
        end
        bulk('HDEL', key, numbers, 1)
        gone = gone + #numbers
        if call('EXISTS', key) == 0 then
            call('ZREM', P .. 'pkz', batch)
        end
    end
    if gone > 0 then
        call('HINCRBY', P .. 'carrier', 'parked', -gone)
        call('HINCRBY', P .. 'carrier', 'parked_expired', gone)
    end
    return {0, gone, gone == most and 1 or 0}
end

-- An uplink that cannot be read yet: its campaign has no definition just now. It is offered again until somebody takes it.
local UPLINK_WAITS = 'pledge_waits'

-- id, number, text, service code, meaning, sent, now. Answers {0, fresh}.
local function uplink(keys, args)
    local P, now = keys[1], tonumber(args[7])
    local seen = P .. 'upd'
    if call('ZADD', seen, 'NX', now, args[1]) == 0 then
        return {0, 0}
    end
    local at = call('XADD', P .. 'up', 'MAXLEN', '~', 100000, '*', 'id', args[1], 'number', args[2], 'text', args[3], 'service', args[4],
                    'meaning', args[5], 'sent', args[6], 'came', args[7])
    if args[5] == UPLINK_WAITS then
        call('ZADD', P .. 'upw', now, at)
    end
    call('HINCRBY', P .. 'carrier', 'uplinks', 1)
    call('ZREMRANGEBYSCORE', seen, '-inf', now - UPLINK_IDS_MS)
    call('ZREMRANGEBYRANK', seen, 0, -UPLINK_IDS_MAX - 1)
    return {0, 1}
end

-- Uplinks that wait, oldest first: how many to leave out, most. Those whose text is gone (purged, or 100 000 later ones) wait no more.
-- Answers {0, how many wait, when the oldest came, {place, {field, value …}} …}.
local function uplinks_waiting(keys, args)
    local P = keys[1]
    local oldest = call('ZRANGE', P .. 'upw', 0, 0, 'WITHSCORES')
    local answer = {0, call('ZCARD', P .. 'upw'), tonumber(oldest[2] or 0)}
    for _, at in ipairs(call('ZRANGE', P .. 'upw', args[1], tonumber(args[1]) + tonumber(args[2]) - 1)) do
        local row = call('XRANGE', P .. 'up', at, at)[1]
        if row then
            answer[#answer + 1] = row
        else
            call('ZREM', P .. 'upw', at)
        end
    end
    return answer
end
-- place
local function uplink_taken(keys, args)
    call('ZREM', keys[1] .. 'upw', args[1])
    return {0}
end

serve{{'or1_report', report, OUTCOME}, {'or1_tested', tested, OUTCOME}, {'or1_expire_parked', expire_parked, OUTCOME},
      {'or1_uplink', uplink, OUTCOME}, {'or1_uplinks_waiting', uplinks_waiting, OUTCOME},
      {'or1_uplink_taken', uplink_taken, OUTCOME}}
end
