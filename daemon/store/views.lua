-- Looking: nothing here changes what is sent.
do
local function view(P, seq)
    local all = call('HGETALL', P .. 'c:' .. seq)
    if #all == 0 then
        return nil
    end
    all[#all + 1] = 'seq'
    all[#all + 1] = seq
    all[#all + 1] = 'amb_chunks'
    all[#all + 1] = tostring(call('SCARD', P .. 'ac:' .. seq))
    all[#all + 1] = 'amb_since'
    all[#all + 1] = call('ZRANGE', P .. 'az:' .. seq, 0, 0, 'WITHSCORES')[2] or '0'
    return all
end

-- id, seq (one of them ""). Answers {0, {field, value …}}.
local function find_campaign(keys, args)
    local P = keys[1]
    local seq = args[2]
    if seq == '' then
        seq = call('HGET', P .. 'ids', args[1])
    end
    local found = seq and view(P, seq)
    if not found then
        return missing('no such campaign')
    end
    return {0, found}
end

-- live only, after seq, most. Answers {0, more, {field, value …} …} in order of seq.
local function list(keys, args)
    local P, after, most = keys[1], tonumber(args[2]), tonumber(args[3])
    local all = args[1] == '1' and call('SMEMBERS', P .. 'live') or call('HVALS', P .. 'ids')
    local seqs = {}
    for _, seq in ipairs(all) do
        if tonumber(seq) > after then
            seqs[#seqs + 1] = tonumber(seq)
        end
    end
    sort(seqs)
    local answer = {0, #seqs > most and 1 or 0}
    for i = 1, #seqs < most and #seqs or most do
        answer[#answer + 1] = view(P, format('%d', seqs[i])) or nil
    end
    return answer
end

-- seq, chunk. Answers {0, p, s, v, r, t, first intent, base, cancelled}.
local function show_chunk(keys, args)
    local P, tail = keys[1], args[1] .. ':' .. args[2]
    local c = call('HMGET', P .. 'c:' .. args[1], 'state', 'base')
    local p = call('GET', P .. 'p:' .. tail)
    if not c[1] or not p then
        return missing('no such chunk')
    end
    return {0, p, call('GET', P .. 's:' .. tail), call('GET', P .. 'v:' .. tail), call('GET', P .. 'r:' .. tail),
            call('GET', P .. 't:' .. tail), call('HGET', P .. 'm:' .. tail, 'first'), c[2] or '0', c[1] == 'cancelled' and 1 or 0}
end

-- The launched campaigns, newest first, open ones left out: of an id that is being imported anew the launch before counts as long as
-- that is not committed. most. Answers {0, version, {seq, id, launched, recipients, chunks, takes pledges, extension digits} …}: the version is that of or1_seek.
local function launched(keys, args)
    local P = keys[1]
    local seqs, answer = {}, {0, call('GET', P .. 'launch') or ''}
    for _, seq in ipairs(call('HVALS', P .. 'ids')) do
        seqs[#seqs + 1] = tonumber(seq)
    end
    sort(seqs, function(x, y) return x > y end)
    for i = 1, #seqs < tonumber(args[1]) and #seqs or tonumber(args[1]) do
        local seq, v = format('%d', seqs[i])
        repeat
            v = call('HMGET', P .. 'c:' .. seq, 'id', 'launched', 'accepted', 'n_chunks', 'open', 'prev', 'takes_pledges', 'add_serial')
            local is_there = v[2] or not v[6] or v[6] == ''
            seq = is_there and seq or v[6]
        until is_there
        if v[2] and v[5] ~= '1' then
            answer[#answer + 1] = {tonumber(seq), v[1], v[2], v[3] or '0', v[4] or '0', v[7] or '0', v[8] or ''}
        end
    end
    return answer
end

-- The numbers of chunks: seq, from, to. Answers {0, 5 bytes a number …}, '' for a chunk that is gone.
local function numbers(keys, args)
    local answer = {0}
    for n = tonumber(args[2]), tonumber(args[3]) - 1 do
        answer[#answer + 1] = call('GET', keys[1] .. 'p:' .. args[1] .. ':' .. text(n)) or ''
    end
    return answer
end

-- Where a number stands, by binary search in the chunks that are named. version of the list of launches that the caller knows,
-- number (5 bytes), then seq, from chunk, to chunk (not included), … in the order in which they are looked at.
-- Answers {0, 0} or {0, 1, which of them, chunk, position, size of the chunk, its regions or nil}; {5}: something was launched since.
local function seek(keys, args)
    local P, number = keys[1], args[2]
    if (call('GET', P .. 'launch') or '') ~= args[1] then
        return {5}
    end
    for i = 3, #args, 3 do
        for n = tonumber(args[i + 1]), tonumber(args[i + 2]) - 1 do
            local tail = args[i] .. ':' .. text(n)
            local p = call('GET', P .. 'p:' .. tail)
            local at = p and search(p, number)
            if at then
                return {0, 1, i / 3 - 1, n, at, #p / 5, call('GET', P .. 'r:' .. tail)}
            end
        end
    end
    return {0, 0}
end

local function codes(keys)
    return {0, call('LRANGE', keys[1] .. 'codel', 0, -1)}
end

-- before, most chunks. Answers {0, more}. One finished campaign at a time, its chunks in order.
local function drop_values(keys, args)
    local P, most = keys[1], tonumber(args[2])
    local seq = call('ZRANGEBYSCORE', P .. 'fv', '-inf', args[1], 'LIMIT', 0, 1)[1]
    if not seq then
        return {0, 0}
    end
    local key = P .. 'c:' .. seq
    local v = call('HMGET', key, 'vd', 'n_chunks')
    local from, chunks = tonumber(v[1]) or 0, tonumber(v[2]) or 0
    local to = from + most < chunks and from + most or chunks
    for n = from, to - 1 do
        call('UNLINK', P .. 'v:' .. seq .. ':' .. n)
    end
    if v[2] then
        call('HSET', key, 'vd', to)
    end
    if to >= chunks then
        call('ZREM', P .. 'fv', seq)
    end
    return {0, 1}
end

-- seq, from chunk, most. Answers {0, next chunk or -1, sentence of what is wrong or '', accepted, counts of the bytes …, counters …,
-- what those cost that the carrier has (-1: not known), the counter of it}.
local function recount(keys, args)
    local P, seq, from, most = keys[1], args[1], tonumber(args[2]), tonumber(args[3])
    local c = campaign(P, seq)
    if not c then
        return missing('no such campaign')
    end
    local wrong = ''
    local function fault(n, text)
        if wrong == '' then
            wrong = 'chunk ' .. n .. ': ' .. text
        end
    end
    local total, spent, known = {}, 0, true
    for i = 1, #STATES do
        total[i] = 0
    end
    local last = from + most < c.chunks and from + most or c.chunks
    for n = from, last - 1 do
        local tail = seq .. ':' .. n
        local s, p = call('GET', P .. 's:' .. tail) or '', call('GET', P .. 'p:' .. tail) or ''
        local t, v = call('STRLEN', P .. 't:' .. tail), call('EXISTS', P .. 'v:' .. tail)
        if #p ~= 5 * #s or #s == 0 then
            fault(n, 'numbers and states do not fit')
        elseif t ~= 0 and t ~= 4 * #s then
            fault(n, 'details and states do not fit')
        elseif v == 1 and not c.personal then
            fault(n, 'values in a campaign of one text')
        end
        local seen = 0
        for i = 1, #STATES do
            local b = sub(STATES, i, i)
            local _, k = gsub(s, b, b)
            seen = seen + k
            local as = b == 'A' and c.cancelled and 9 or i
            total[as] = total[as] + k
        end
        if seen ~= #s then
            fault(n, 'a byte that is no state')
        end
        local k = chunk_peek(c, n)
        for _, run in ipairs(chunk_weights(k) and runs_of(s, '[GKMS]') or {}) do
            spent = spent + cost(k, run[1], run[2])
        end
        known = known and chunk_weights(k)
        local claimed = call('ZSCORE', P .. 'cl', tail)
        local returned = call('ZSCORE', P .. 'rz:' .. seq, n)
        local owner = call('HGET', P .. 'm:' .. tail, 'own')
        if (claimed and true or false) ~= (owner and true or false) then
            fault(n, 'a claim without owner, or an owner without claim')
        elseif claimed and returned then
            fault(n, 'claimed and waiting')
        elseif returned and not LIVE[c.state] then
            fault(n, 'waiting although the campaign is over')
        elseif find(s, 'C', 1, true) and not claimed then
            fault(n, 'in flight without a claim')
        elseif n >= c.cursor and (claimed or returned or find(s, '[CEGI]')) then
            fault(n, 'used before its turn')
        elseif LIVE[c.state] and n < c.cursor and find(s, 'A', 1, true) and not claimed and not returned then
            fault(n, 'queued and forgotten')
        end
        if (call('SISMEMBER', P .. 'ac:' .. seq, n) == 1) ~= (find(s, 'E', 1, true) ~= nil) then
            fault(n, 'the list of ambiguous chunks is wrong')
        end
        local at = find(s, 'E', 1, true)
        if not at and call('ZSCORE', P .. 'az:' .. seq, n) then
            fault(n, 'has an age of ambiguity with nobody ambiguous')
        end
        if not at and call('ZSCORE', P .. 'rs', tail) then
            fault(n, 'waits to be sent again with nobody ambiguous')
        end
        while at do
            local index = call('HGET', P .. 'amb', sub(p, at * 5 - 4, at * 5)) or ''
            if not find(';' .. index, ';' .. tail .. ':', 1, true) then
                fault(n, 'an ambiguous recipient is not in the index')
            end
            at = find(s, 'E', at + 1, true)
        end
    end
    if c.state == 'done' and (c.queued > 0 or c.inflight > 0) then
        wrong = 'done with recipients queued or in flight'
    elseif LIVE[c.state] and c.queued == 0 and c.inflight == 0 and not c.open then
        wrong = c.state .. ' with nobody queued or in flight'
    elseif (call('SISMEMBER', P .. 'live', seq) == 1) ~= (c.state ~= 'done' and (not c.cancelled or c.inflight > 0)) then
        wrong = 'the list of live campaigns is wrong'
    end
    local answer = {0, last < c.chunks and last or -1, wrong, c.accepted}
    for i = 1, #STATES do
        answer[#answer + 1] = total[i]
    end
    counts(c, answer)
    answer[#answer + 1] = known and spent or -1
    answer[#answer + 1] = tonumber(call('HGET', c.key, 'segs')) or 0
    return answer
end

-- Campaigns that were cancelled and whose unsent numbers are still reserved in a dedup group.
-- done seq or "". Answers {0, seq … }.
local function to_free(keys, args)
    if args[1] ~= '' then
        call('SREM', keys[1] .. 'fr', args[1])
    end
    local answer = {0}
    for _, seq in ipairs(call('SMEMBERS', keys[1] .. 'fr')) do
        answer[#answer + 1] = seq
    end
    return answer
end

local function alphabet()
    local answer = {0, STATES}
    for i, word in ipairs(WORDS) do
        answer[i + 2] = word
    end
    return answer
end

serve{
    {'or1_find', find_campaign, READ}, {'or1_list', list, READ}, {'or1_chunk', show_chunk, READ}, {'or1_seek', seek, READ},
    {'or1_launched', launched, READ}, {'or1_numbers', numbers, READ},
    {'or1_codes', codes, READ}, {'or1_drop_values', drop_values, OUTCOME}, {'or1_recount', recount, READ},
    {'or1_to_free', to_free, OUTCOME}, {'or1_alphabet', alphabet, READ},
}
end
