-- Reports that came before the batch they name is known, and the index of ambiguous recipients: how a report that names nobody finds
-- whom it is about.

-- Removes one batch from the list of a number's parked batches.
local function unpark_number(P, number, batch)
    local list = call('HGET', P .. 'pkm', number)
    if not list then
        return
    end
    if #list == #batch + 3 then
        call('HDEL', P .. 'pkm', number)
        return
    end
    local keep, at = {}, 1
    while at <= #list do
        local b, name
        b, name, at = unpack_bytes('>c2Bc0', list, at)
        if name ~= batch then
            keep[#keep + 1] = b .. char(#name) .. name
        end
    end
    if #keep == 0 then
        call('HDEL', P .. 'pkm', number)
    else
        call('HSET', P .. 'pkm', number, concat(keep))
    end
end

-- `bucket`: the two bytes that the daemon's chunk_batch_bucket() gives.
local function batch_key(P, bucket)
    return P .. 'g:' .. bucket
end

-- The value of a batch in the index after it was bound to `where` ("<seq>:<n>:<from>:<count>") too; nil: nothing changes.
-- The same batch twice in a chunk stands for all of the chunk.
local function bound_too(known, where)
    if not known then
        return where
    end
    local tail = match(where, '^%d+:%d+:')
    local list, n = {}, 0
    for other in gmatch(known, '[^,]+') do
        n = n + 1
        if other == where then
            return nil
        elseif sub(other, 1, #tail) == tail then
            where = tail .. '0:65535'
            if other == where then
                return nil
            end
        else
            list[#list + 1] = other
        end
    end
    if n > BATCH_CHUNKS_MAX then
        return nil
    end
    list[#list + 1] = where
    return concat(list, ',')
end
-- Binds a carrier's batch id to positions of a chunk. True when the index changed.
local function bind(P, bucket, batch, where)
    if batch == '' then
        return false
    end
    local key = batch_key(P, bucket)
    local value = bound_too(call('HGET', key, batch), where)
    if value then
        call('HSET', key, batch, value)
    end
    return value ~= nil
end
-- The same for many: list of {bucket, batch, where}. Ids given in sequence share a bucket (chunk_batch_bucket), so one HSET may do.
local function bind_all(P, list)
    local n, i = #list, 1
    while i <= n do
        local bucket = list[i][1]
        local last = i
        while last < n and list[last + 1][1] == bucket do
            last = last + 1
        end
        local key = batch_key(P, bucket)
        if last == i then
            if call('HSETNX', key, list[i][2], list[i][3]) == 0 then
                bind(P, bucket, list[i][2], list[i][3])
            end
        else
            local names, set, seen = {}, {}, {}
            for at = i, last do
                names[at - i + 1] = list[at][2]
            end
            local known = call('HMGET', key, unpack(names))
            for at = i, last do
                local batch = list[at][2]
                local value = bound_too(seen[batch] or known[at - i + 1], list[at][3])
                if value then
                    seen[batch] = value
                    set[#set + 1] = batch
                    set[#set + 1] = value
                end
            end
            if #set > 0 then
                call('HSET', key, unpack(set))
            end
        end
        i = last + 1
    end
end

-- What a report does to a recipient we found. Gives the figure it belongs to and whether it cured an ambiguous one.
-- Upward only; never from suppressed or cancelled; a report of no final state still proves that the carrier has the message.
local function apply(k, at, to, code, when, sure)
    local from = state_at(k, at)
    if from == 'O' or from == 'Q' then
        return 'contradictions'
    end
    local target = to
    if to == '' then
        if from == 'C' or from == 'E' then
            target = 'G'
        elseif from == 'A' or from == 'G' then
            if details_at(k, at) == code then
                return 'repeated'
            end
            details_put(k, at, detail(k.c, code, when))
            return 'noted'
        else
            return 'repeated'
        end
    elseif to == from then
        return 'repeated'
    elseif byte(to) < byte(from) then
        return 'contradictions'
    end
    move(k, at, from, target)
    details_put(k, at, detail(k.c, code, when), sure)
    return 'changed', from == 'E'
end

-- A parked report: state byte (0: none), when it came, the submit time it told, its code.
local function parked_read(packed)
    local to, came, told, at = unpack_bytes('>BI8I8', packed)
    return to == 0 and '' or char(to), came, told, sub(packed, at)
end

-- Applies what is parked for `batch` to the positions it is now bound to. What names nobody among them stays parked.
local function drain_batch(k, batch, from, many)
    local P = k.P
    local key = P .. 'pk:' .. batch
    local n = call('HLEN', key)
    if n == 0 then
        return
    end
    local found = {} -- position, number, record
    if n > 2 * chunk_size(k) then
        local all = {}
        chunk_numbers(k)
        for at = 0, k.size - 1 do
            all[at + 1] = number_at(k, at)
        end
        local got = hmget(key, all)
        for i = from + 1, from + many < k.size and from + many or k.size do
            if got[i] then
                found[#found + 1] = {i - 1, all[i], got[i]}
            end
        end
    else
        local got = call('HGETALL', key)
        for i = 1, #got, 2 do
            local at = place_of(k, got[i], from, many)
            if at then
                found[#found + 1] = {at, got[i], got[i + 1]}
            end
        end
    end
    if #found == 0 then
        return
    end
    local codes = k.codes or {}
    k.codes = codes
    for _, hit in ipairs(found) do
        local to, came, _, code = parked_read(hit[3])
        local known = codes[code]
        if not known then
            known = code_number(P, code)
            codes[code] = known
        end
        if apply(k, hit[1], to, known, came) == 'contradictions' then
            call('HINCRBY', P .. 'carrier', 'contradictions', 1)
        end
        unpark_number(P, hit[2], batch)
    end
    k.n_unparked = (k.n_unparked or 0) + #found
    if #found == n then
        call('DEL', key)
        call('ZREM', P .. 'pkz', batch)
    else
        local numbers = {}
        for i, hit in ipairs(found) do
            numbers[i] = hit[2]
        end
        bulk('HDEL', key, numbers, 1)
    end
end
local function drain_end(k)
    if k.n_unparked then
        call('HINCRBY', k.P .. 'carrier', 'parked', text(-k.n_unparked))
        k.n_unparked = nil
    end
end

-- Fits the submit time a report tells (0: none) the intents between `first` and `last`?
local function time_fits(told, first, last)
    return told == 0 or (told >= first - MATCH_SLACK_MS and told <= last + MATCH_SLACK_MS)
end

-- Recipients that just became ambiguous: their report may be parked already, under a batch id that we never learnt.
local function try_parked(k, first, last)
    local P = k.P
    if k.n_fresh == 0 or call('EXISTS', P .. 'pkm') == 0 then
        return
    end
    local places = {}
    for at in pairs(k.fresh) do
        places[#places + 1] = at
    end
    local numbers = numbers_at(k, places)
    local lists = hmget(P .. 'pkm', numbers)
    for i, at in ipairs(places) do
        local list, from = lists[i], 1
        while list and from <= #list and k.fresh[at] do
            local bucket, batch
            bucket, batch, from = unpack_bytes('>c2Bc0', list, from)
            local record = call('HGET', P .. 'pk:' .. batch, numbers[i])
            if record then
                local _, came, told = parked_read(record)
                if time_fits(told, first, last) and came >= first - MATCH_SLACK_MS then
                    bind(P, bucket, batch, k.tail .. ':0:65535')
                    drain_batch(k, batch, 0, 65535)
                end
            end
        end
    end
end

-- The index of ambiguous recipients by number: "<seq>:<n>:<first intent>:<last intent>", several joined with ";".
local function index_drop(list, tail)
    local keep = {}
    for entry in gmatch(list or '', '[^;]+') do
        if sub(entry, 1, #tail + 1) ~= tail .. ':' then
            keep[#keep + 1] = entry
        end
    end
    return keep
end
local function index_save(k, first, last)
    local P, key = k.P, k.P .. 'amb'
    if k.n_fresh > 0 then
        local places, pairs_ = {}, {}
        for at in pairs(k.fresh) do
            places[#places + 1] = at
        end
        local numbers = numbers_at(k, places)
        local entry = k.tail .. ':' .. first .. ':' .. last
        local old = hmget(key, numbers)
        for i, number in ipairs(numbers) do
            local keep = index_drop(old[i], k.tail)
            keep[#keep + 1] = entry
            pairs_[2 * i - 1], pairs_[2 * i] = number, concat(keep, ';')
        end
        bulk('HSET', key, pairs_, 2)
    end
    if k.n_cured > 0 then
        local numbers, set, del = numbers_at(k, k.cured), {}, {}
        local old = hmget(key, numbers)
        for i, number in ipairs(numbers) do
            local keep = index_drop(old[i], k.tail)
            if #keep == 0 then
                del[#del + 1] = number
            else
                set[#set + 1] = number
                set[#set + 1] = concat(keep, ';')
            end
        end
        bulk('HDEL', key, del, 1)
        bulk('HSET', key, set, 2)
    end
end

-- A chunk whose ambiguous recipients are to be sent again after a silence (resend_silent) stands in `rs` by the last sign of life:
-- when some of them became ambiguous, or when a verdict or report cured some since.
local function silence_begins(k)
    if k.n_fresh == 0 then
        call('ZADD', k.P .. 'rs', 'XX', 'GT', text(redis_now()), k.tail)
    elseif call('HGET', k.c.key, 'on_ambiguous') == 'resend' then
        call('ZADD', k.P .. 'rs', 'GT', text(redis_now()), k.tail)
    end
end

-- Writes what changed in a chunk. `first`, `last`: times of its intents, or of the report; needed when something became ambiguous,
-- and nil when people or the policy have decided: that is no sign of life.
-- Gives a sentence when too many chunks are ambiguous.
local function chunk_save(k, first, last, limit)
    local P = k.P
    states_write(k)
    details_write(k)
    drain_end(k)
    local why
    if k.n_fresh > 0 or k.n_cured > 0 then
        index_save(k, first, last)
        local set, since = P .. 'ac:' .. k.c.seq, P .. 'az:' .. k.c.seq
        if not find(states_all(k), 'E', 1, true) then
            call('SREM', set, k.n)
            call('ZREM', since, k.n)
            call('ZREM', P .. 'rs', k.tail)
            k.c.open = is_open(k.c)
            drop_open_text(k)
        else
            if last then
                silence_begins(k)
            end
            if k.n_fresh > 0 then
                call('ZADD', since, 'NX', text(redis_now()), k.n)
            end
            if call('SADD', set, k.n) == 1 and limit and limit > 0 then
                local open = call('SCARD', set)
                if open >= limit then
                    why = open .. ' chunks have an unknown outcome (the limit is ' .. limit ..
                        '): see whether the carrier is well, resolve them, then resume'
                end
            end
        end
    end
    k.fresh, k.n_fresh, k.cured, k.n_cured = nil, 0, nil, 0
    return why
end
