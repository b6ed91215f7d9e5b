-- A launch: recipients are staged chunk by chunk and committed in one step, or thrown away.
do
-- The campaign whose definition a launch goes by: a resend has that of its parent.
local function origin(P, id, parent)
    for _ = 1, 9 do
        if not parent or parent == '' then
            break
        end
        id = parent
        local seq = call('HGET', P .. 'ids', id)
        parent = seq and call('HGET', P .. 'c:' .. seq, 'parent')
    end
    return id
end

-- Replies are told apart by the extension digits their campaign went out with: no two live ones may have the same. Why this one may
-- not have these, or nil. Receipts go by the definition of their campaign and are never over.
local function serial_taken(P, id, parent, digits)
    if not digits or digits == '' then
        return nil
    end
    local own = origin(P, id, parent)
    for _, seq in ipairs(call('SMEMBERS', P .. 'live')) do
        local v = call('HMGET', P .. 'c:' .. seq, 'add_serial', 'state', 'open', 'id', 'parent')
        if v[1] == digits and LIVE[v[2]] and v[3] ~= '1' and origin(P, v[4], v[5]) ~= own then
            return 'campaign ' .. v[4] .. ' is ' .. v[2] .. ' and has the same add_serial ' .. digits ..
                ', by which replies are told apart: give one of the two other digits, or wait for the end of ' .. v[4]
        end
    end
    return nil
end

-- id, owner, now, then field, value … Answers {0, seq} | {1, kind, …} | {5, seq, owner, dedup group} (throw that import away first).
local function begin(keys, args)
    local P, id, owner, now = keys[1], args[1], args[2], args[3]
    local old = call('HGET', P .. 'ids', id) or ''
    if old ~= '' then
        local v = call('HMGET', P .. 'c:' .. old, 'state', 'owner', 'dedup_group', 'actor', 'launched', 'accepted', 'nA', 'nC')
        if v[1] == 'importing' then
            return {5, old, v[2] or '', v[3] or ''}
        elseif v[1] and LIVE[v[1]] then
            return {1, v[1], v[4] or '', v[5] or '0', v[6] or '0', v[7] or '0', v[8] or '0'}
        end
    end
    local fields = {}
    for i = 4, #args, 2 do
        fields[args[i]] = args[i + 1]
    end
    local why = serial_taken(P, id, fields.parent, fields.add_serial)
    if why then
        return refused(why)
    end
    local seq = tostring(call('INCR', P .. 'next'))
    local key = P .. 'c:' .. seq
    call('HSET', key, 'state', 'importing', 'owner', owner, 'begun', now, 'changed', now, 'prev', old, 'staged', 0, 'n_staged', 0,
         'last_staged', -1, 'accepted', 0, 'n_chunks', 0, 'cursor', 0)
    for i = 1, #STATES do
        call('HSET', key, 'n' .. sub(STATES, i, i), 0)
    end
    call('HSET', key, unpack(args, 4))
    call('HSET', P .. 'ids', id, seq)
    call('SADD', P .. 'live', seq)
    return {0, seq}
end

-- seq, chunk, numbers, values ("" none), regions ("" none), weights of the texts ("" all of one segment)
local function stage(keys, args)
    local P, seq, n = keys[1], args[1], args[2]
    local key = P .. 'c:' .. seq
    local v = call('HMGET', key, 'state', 'aborting', 'last_staged')
    if not v[1] then
        return missing('no such import')
    elseif v[1] ~= 'importing' or v[2] then
        return refused('the import is over: the campaign is ' .. (v[2] and 'being thrown away' or v[1]))
    end
    local tail = seq .. ':' .. n
    local size = #args[3] / 5
    local before = call('STRLEN', P .. 's:' .. tail)
    call('SET', P .. 'p:' .. tail, args[3])
    call('SET', P .. 's:' .. tail, rep('A', size))
    for letter, bytes in pairs({v = args[4], r = args[5], w = args[6] or ''}) do
        if bytes ~= '' then
            call('SET', P .. letter .. ':' .. tail, bytes)
        elseif before > 0 then
            call('DEL', P .. letter .. ':' .. tail)
        end
    end
    call('HSET', key, 'weighed', args[6] and 1 or 0)
    call('HINCRBY', key, 'staged', size - before)
    if before == 0 then
        call('HINCRBY', key, 'n_staged', 1)
    end
    if tonumber(n) > tonumber(v[3]) then
        call('HSET', key, 'last_staged', n)
    end
    return {0}
end

-- In place of or1_stage when Redis is nearly full.
local function full()
    return refused('Redis is more than 80 % full: no import is taken, so that outcomes and reports always find room')
end

-- seq, chunks, recipients, start, now, then field, value …
local function commit(keys, args)
    local P, seq, chunks, accepted, start, now = keys[1], args[1], tonumber(args[2]), tonumber(args[3]), tonumber(args[4]), args[5]
    local key = P .. 'c:' .. seq
    local v = call('HMGET', key, 'state', 'aborting', 'n_staged', 'staged', 'last_staged', 'n_chunks', 'accepted', 'launched')
    if not v[1] then
        return missing('no such import')
    elseif v[8] and tonumber(v[6]) == chunks and tonumber(v[7]) == accepted then
        return {0}
    elseif v[1] ~= 'importing' or v[2] then
        return refused('the import is over: the campaign is ' .. (v[2] and 'being thrown away' or v[1]))
    elseif tonumber(v[3]) ~= chunks or tonumber(v[4]) ~= accepted or tonumber(v[5]) ~= chunks - 1 then
        return refused('the import is not complete: ' .. v[4] .. ' recipients in ' .. v[3] .. ' chunks are in Redis, ' .. accepted ..
                       ' in ' .. chunks .. ' were read')
    end
    v = call('HMGET', key, 'id', 'parent', 'add_serial')
    local why = serial_taken(P, v[1], v[2], v[3]) -- another may have been committed since this one was begun
    if why then
        return refused(why)
    end
    local base = tonumber(now)
    if start > base then
        base = start
    end
    call('HSET', key, unpack(args, 6))
    call('HSET', key, 'state', 'scheduled', 'changed', now, 'launched', now, 'base', base, 'n_chunks', chunks, 'accepted', accepted,
         'nA', accepted, 'segs', 0, 'requests', 0, 'canary', '', 'wait_reason', '', 'wait_actor', '')
    call('SET', P .. 'launch', seq .. ':' .. now) -- whoever keeps a list of launches sees that it is old
    campaign_save(campaign(P, seq), tonumber(now))
    return {0}
end

-- seq, most chunks; 0: nothing is deleted yet, but nothing can be staged or committed any more. Answers {0, chunks left}.
local function abort(keys, args)
    local P, seq, most = keys[1], args[1], tonumber(args[2])
    local key = P .. 'c:' .. seq
    local v = call('HMGET', key, 'state', 'last_staged', 'id', 'prev')
    if not v[1] then
        return {0, 0}
    elseif v[1] ~= 'importing' then
        return refused('the campaign is ' .. v[1] .. ', no import')
    end
    local last = tonumber(v[2])
    if most == 0 then
        call('HSET', key, 'aborting', 1)
        return {0, last + 1}
    end
    local stop = last - most
    if stop < -1 then
        stop = -1
    end
    for n = last, stop + 1, -1 do
        local tail = seq .. ':' .. n
        call('UNLINK', P .. 'p:' .. tail, P .. 's:' .. tail, P .. 'v:' .. tail, P .. 'r:' .. tail, P .. 'w:' .. tail)
    end
    if stop >= 0 then
        call('HSET', key, 'aborting', 1, 'last_staged', stop)
        return {0, stop + 1}
    end
    if call('HGET', P .. 'ids', v[3]) == seq then
        if v[4] and v[4] ~= '' then
            call('HSET', P .. 'ids', v[3], v[4])
        else
            call('HDEL', P .. 'ids', v[3])
        end
    end
    call('SREM', P .. 'live', seq)
    call('DEL', key)
    return {0, 0}
end

serve{
    {'or1_begin', begin, WORK}, {'or1_stage', stage, WORK}, {'or1_full', full, READ}, {'or1_commit', commit, WORK},
    {'or1_abort', abort, OUTCOME},
}
end
