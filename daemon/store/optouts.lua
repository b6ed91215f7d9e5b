-- Opt-outs, under "<prefix>:{o}:".
do
-- z all numbers in order; p how many opt-outs a 7-digit segment has, so that most lookups end there.

local function digits(number)
    return format('%011d', number)
end

-- records: number (5 bytes), scope u8, at u64, source, detail. Answers {0, fresh}.
local function optout_add(keys, args)
    local O, at, fresh = keys[1], 1, 0
    while at <= #args[1] do
        local number, scope, when, source, detail
        number, scope, when, source, detail, at = unpack_bytes('>I5BI8Bc0I2c0', args[1], at)
        local d = digits(number)
        local segment, rest = sub(d, 1, 7), tonumber(sub(d, 8))
        if call('SADD', O .. 'm:' .. segment, rest) == 1 then
            call('HINCRBY', O .. 'p', segment, 1)
            call('ZADD', O .. 'z', number, d)
            fresh = fresh + 1
        end
        if scope == 2 then
            call('SADD', O .. 'a:' .. segment, rest)
        end
        local old = call('HGET', O .. 'r', d)
        if not old then
            call('HSET', O .. 'r', d, pack('>BI8B', scope, when, #source) .. source .. detail)
        elseif scope > byte(old) then
            call('HSET', O .. 'r', d, char(scope) .. sub(old, 2))
        end
    end
    return {0, fresh}
end

-- number (11 digits)
local function optout_remove(keys, args)
    local O, d = keys[1], args[1]
    local segment, rest = sub(d, 1, 7), tonumber(sub(d, 8))
    if call('SREM', O .. 'm:' .. segment, rest) == 0 then
        return missing('this number has not opted out')
    end
    call('SREM', O .. 'a:' .. segment, rest)
    if call('HINCRBY', O .. 'p', segment, -1) == 0 then
        call('HDEL', O .. 'p', segment)
    end
    call('HDEL', O .. 'r', d)
    call('ZREM', O .. 'z', d)
    return {0}
end

-- numbers (5 bytes each, sorted), is receipt. Answers {0, a byte each} or {0, ''} when nobody is in it.
local function optout_lookup(keys, args)
    local O, packed = keys[1], args[1]
    if call('EXISTS', O .. 'p') == 0 then
        return {0, ''}
    end
    local letter = args[2] == '1' and 'a:' or 'm:'
    local segments, groups, n = {}, {}, #packed / 5
    for i = 1, n do
        local number = unpack_bytes('>I5', packed, i * 5 - 4)
        local segment = floor(number / 10000)
        if segments[#segments] ~= segment then
            segments[#segments + 1] = segment
            groups[#groups + 1] = {from = i}
        end
        local group = groups[#groups]
        group[#group + 1] = number - segment * 10000
    end
    local any = hmget(O .. 'p', segments)
    local out, hit = {}, false
    for g, group in ipairs(groups) do
        if any[g] then
            local found = call('SMISMEMBER', O .. letter .. segments[g], unpack(group))
            for i = 1, #group do
                out[#out + 1] = found[i] == 1 and '\1' or '\0'
                hit = hit or found[i] == 1
            end
        else
            out[#out + 1] = rep('\0', #group)
        end
    end
    return {0, hit and concat(out) or ''}
end

-- after, most (or a number to check and 0). Answers {0, more, number, record …}.
local function optout_page(keys, args)
    local O, most = keys[1], tonumber(args[2])
    local answer = {0, 0}
    if most == 0 then
        local record = call('HGET', O .. 'r', args[1])
        if record then
            answer[3], answer[4] = args[1], record
        end
        return answer
    end
    local page = call('ZRANGEBYSCORE', O .. 'z', '(' .. args[1], '+inf', 'LIMIT', 0, most + 1)
    for i = 1, #page < most and #page or most do
        answer[#answer + 1] = page[i]
        answer[#answer + 1] = call('HGET', O .. 'r', page[i]) or ''
    end
    answer[2] = #page > most and 1 or 0
    return answer
end

serve{
    {'or1_optout_add', optout_add, OUTCOME}, {'or1_optout_remove', optout_remove, OUTCOME}, {'or1_optout_lookup', optout_lookup, READ},
    {'or1_optout_page', optout_page, READ},
}
end
