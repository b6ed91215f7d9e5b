-- Daemons on this Redis, the audit trail, and launch fingerprints.
do
-- id, record
local function beat(keys, args)
    call('HSET', keys[1] .. 'd', args[1], args[2])
    return {0}
end
-- id to forget or "". Answers {0, {id, record …}}.
local function daemons(keys, args)
    if args[1] and args[1] ~= '' then
        call('HDEL', keys[1] .. 'd', args[1])
    end
    return {0, call('HGETALL', keys[1] .. 'd')}
end

-- The audit is a chain: the digest `h` of a line is taken over the digest of the line before and the line's own fields, so a line
-- that was changed, or taken away from among others, no longer fits. `head` is the last digest, and how many lines there ever were.
local audits = {}
do
    local AUDIT_KEPT = 1000000
    local AUDIT_FIELDS = {'at', 'actor', 'act', 'object', 'detail', 'via', 'addr', 'before', 'after'}
    -- Refusals cost who causes them nothing: without a limit they would push out of the stream what was really done.
    local REFUSED_AN_HOUR = 100
    local function audit_digest(before, value_of)
        local parts = {before}
        for i = 1, #AUDIT_FIELDS do
            local value = value_of(i)
            parts[i + 1] = #value .. ':' .. value .. ','
        end
        return redis.sha1hex(concat(parts))
    end
    -- false: no more of these in this hour
    local function refusal(keys, args)
        local n = call('INCR', keys[1] .. 'refused')
        if n == 1 then
            call('PEXPIRE', keys[1] .. 'refused', 3600000)
        elseif n == REFUSED_AN_HOUR then
            args[5] = args[5] .. '(more of this hour are in the log only)'
        end
        return n <= REFUSED_AN_HOUR
    end
    -- at, actor, act, object, detail, and if wanted via, address, before, after, '1' for a refusal
    function audits.add(keys, args)
        if args[10] == '1' and not refusal(keys, args) then
            return {0}
        end
        local before = call('HGET', keys[1] .. 'head', 'h') or ''
        local h = audit_digest(before, function(i) return args[i] or '' end)
        local line = {'XADD', keys[1] .. 'audit', 'MAXLEN', '~', AUDIT_KEPT, '*'}
        for i = 1, #AUDIT_FIELDS do
            if i <= 5 or (args[i] and args[i] ~= '') then
                line[#line + 1] = AUDIT_FIELDS[i]
                line[#line + 1] = args[i]
            end
        end
        line[#line + 1] = 'h'
        line[#line + 1] = h
        call(unpack(line))
        call('HSET', keys[1] .. 'head', 'h', h)
        call('HINCRBY', keys[1] .. 'head', 'n', 1)
        return {0}
    end
    -- id to look before ('+' for the newest), most. Answers {0, {id, {field, value …}} …}, newest first.
    function audits.page(keys, args)
        local from = args[1] == '+' and '+' or '(' .. args[1]
        local out = {0}
        for _, row in ipairs(call('XREVRANGE', keys[1] .. 'audit', from, '-', 'COUNT', args[2])) do
            out[#out + 1] = row
        end
        return out
    end
    -- id to go on after ('-': from the oldest), digest of the line there ('': none yet), most. Answers {0, lines looked at, id and digest
    -- of the last one, first id that does not fit or '', digest that `head` says is the last, lines ever}. Lines from before the chain
    -- have no digest and are passed over; the first line that is left is an anchor when older ones were trimmed away.
    function audits.verify(keys, args)
        local last, before, bad = args[1], args[2], ''
        local rows = call('XRANGE', keys[1] .. 'audit', last == '-' and '-' or '(' .. last, '+', 'COUNT', args[3])
        local ever = tonumber(call('HGET', keys[1] .. 'head', 'n') or 0)
        for _, row in ipairs(rows) do
            local values = {}
            for i = 1, #row[2], 2 do
                values[row[2][i]] = row[2][i + 1]
            end
            if values.h then
                local kept = call('XLEN', keys[1] .. 'audit')
                local is_anchor = before == '' and ever > kept and kept >= AUDIT_KEPT
                if not is_anchor and bad == '' and
                   audit_digest(before, function(i) return values[AUDIT_FIELDS[i]] or '' end) ~= values.h then
                    bad = row[1]
                end
                before = values.h
            elseif before ~= '' and bad == '' then
                bad = row[1]
            end
            last = row[1]
        end
        return {0, #rows, last, before, bad, call('HGET', keys[1] .. 'head', 'h') or '', ever}
    end
end

-- owner "carrier:seq:id", guard_ms, owner that may be replaced, or "" ("*": any). Answers {0} | {5, present owner, its age}.
local function guard(keys, args)
    local key = keys[1] .. 'launch'
    local present = call('GET', key)
    if present and present ~= args[1] and args[3] ~= '*' and present ~= args[3] then
        return {5, present, tonumber(args[2]) - call('PTTL', key)}
    end
    if present ~= args[1] then
        call('SET', key, args[1], 'PX', args[2])
    end
    return {0}
end

serve{
    {'or1_beat', beat, OUTCOME}, {'or1_daemons', daemons, OUTCOME}, {'or1_audit', audits.add, OUTCOME},
    {'or1_audit_page', audits.page, READ}, {'or1_audit_verify', audits.verify, READ}, {'or1_guard', guard, WORK},
}
end
