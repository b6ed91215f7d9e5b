-- Dedup groups, under "<prefix>:{d:<group>}:": which campaigns of a group have a number already.
do
local function owner_number(D, name, make)
    local known = call('HGET', D .. 'own', name)
    if known or not make then
        return known
    end
    known = tostring(call('INCR', D .. 'next'))
    call('HSET', D .. 'own', name, known)
    return known
end

-- numbers (5 bytes each, sorted), owner, parent. Answers {0, a byte each} or {0, ''} when all are free or ours.
local function dedup(keys, args, take)
    local D, packed = keys[1], args[1]
    local mine, parent = owner_number(D, args[2], take), owner_number(D, args[3], false)
    local any_dead = call('EXISTS', D .. 'dead') == 1
    local dead = {}
    local function is_dead(owner)
        if dead[owner] == nil then
            dead[owner] = any_dead and call('SISMEMBER', D .. 'dead', owner) == 1
        end
        return dead[owner]
    end
    local out, hit, n, i = {}, false, #packed / 5, 1
    while i <= n do
        local number = unpack_bytes('>I5', packed, i * 5 - 4)
        local group = floor(number / 1000)
        local fields, places = {}, {}
        while i <= n do
            number = unpack_bytes('>I5', packed, i * 5 - 4)
            if floor(number / 1000) ~= group then
                break
            end
            fields[#fields + 1] = number - group * 1000
            places[#places + 1] = i
            i = i + 1
        end
        local key = D .. group
        local owners, set = call('HMGET', key, unpack(fields)), {}
        for j = 1, #fields do
            local owner = owners[j]
            local free = not owner or owner == mine or (parent and owner == parent) or is_dead(owner)
            out[places[j]] = free and '\0' or '\2'
            hit = hit or not free
            if take and free and owner ~= mine then
                set[#set + 1] = fields[j]
                set[#set + 1] = mine
            end
        end
        if #set > 0 then
            call('HSET', key, unpack(set))
        end
    end
    return {0, hit and concat(out) or ''}
end

local function dedup_take(keys, args)
    return dedup(keys, args, true)
end
local function dedup_ask(keys, args)
    return dedup(keys, args, false)
end

-- owner, numbers (5 bytes each) or "" for all of them at once (it never sent)
local function dedup_free(keys, args)
    local D, packed = keys[1], args[2]
    local mine = owner_number(D, args[1], false)
    if not mine then
        return {0}
    end
    if packed == '' then
        call('SADD', D .. 'dead', mine)
        return {0}
    end
    for i = 1, #packed, 5 do
        local number = unpack_bytes('>I5', packed, i)
        local group = floor(number / 1000)
        if call('HGET', D .. group, number - group * 1000) == mine then
            call('HDEL', D .. group, number - group * 1000)
        end
    end
    return {0}
end

serve{{'or1_dedup', dedup_take, WORK}, {'or1_dedup_ask', dedup_ask, READ}, {'or1_dedup_free', dedup_free, OUTCOME}}
end
