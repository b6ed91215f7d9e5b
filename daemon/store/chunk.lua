-- A chunk while a function works on it: strings of fixed-width cells, the states, the details of each recipient, and the claim with
-- its intents. What changed is written once, at the end.

-- ---- a string of fixed-width cells, patched ----

local function patch_new(key, width)
    return {key = key, width = width, n = 0, sorted = true}
end

local function patch_get(patch, at)
    if patch.n == 1 then
        return at == patch.at and patch.bytes or nil
    end
    return patch.n > 1 and patch.cells[at] or nil
end

-- The first cell needs no tables: a report changes one.
local function patch_put(patch, at, bytes)
    local n = patch.n
    if n == 0 or (n == 1 and patch.at == at) then
        patch.n, patch.at, patch.bytes = 1, at, bytes
        return
    elseif n == 1 then
        patch.cells, patch.order = {[patch.at] = patch.bytes}, {patch.at}
    end
    local order = patch.order
    if not patch.cells[at] then
        n = n + 1
        patch.n, order[n] = n, at
        if order[n - 1] > at then
            patch.sorted = false
        end
    end
    patch.cells[at] = bytes
end

-- Writes what is collected; gives the runs {first cell, bytes …} in order, or nil when there is nothing, and as second the last
-- cell when the string ended just behind it.
local function patch_write(patch)
    local n, width = patch.n, patch.width
    if n == 0 then
        return nil
    elseif n == 1 then
        local at = patch.at
        local length = call('SETRANGE', patch.key, text(at * width), patch.bytes)
        patch.n = 0
        return {at, patch.bytes}, length == (at + 1) * width and at or nil
    end
    local order, cells = patch.order, patch.cells
    if not patch.sorted then
        sort(order)
    end
    local runs, from, at_end = {}, 1, nil
    while from <= n do
        local to = from
        while order[to + 1] == order[to] + 1 do
            to = to + 1
        end
        local bytes = cells[order[from]]
        if to > from then
            local parts = {}
            for i = from, to do
                parts[i - from + 1] = cells[order[i]]
            end
            bytes = concat(parts)
        end
        local length = call('SETRANGE', patch.key, text(order[from] * width), bytes)
        at_end = length == (order[to] + 1) * width and order[to] or nil
        runs[#runs + 1] = order[from]
        runs[#runs + 1] = bytes
        from = to + 1
    end
    patch.n, patch.cells, patch.order, patch.sorted = 0, nil, nil, true
    return runs, at_end
end

-- ---- a chunk while a function works on it ----

-- Nothing is read yet: a report looks at one byte of a thousand. Gives no chunk when there is none only with chunk_open.
local function chunk_peek(c, n)
    local tail = c.seq .. ':' .. n
    local P = c.P
    return {c = c, P = P, n = n, tail = tail, states = patch_new(P .. 's:' .. tail, 1), details = patch_new(P .. 't:' .. tail, 4),
            n_fresh = 0, n_cured = 0}
end
local function chunk_open(c, n)
    local k = chunk_peek(c, n)
    k.s = call('GET', k.states.key)
    if not k.s then
        return nil
    end
    k.size = #k.s
    return k
end

local function chunk_size(k)
    if not k.size then
        k.size = call('STRLEN', k.states.key)
    end
    return k.size
end

-- Writes the changed bytes; k.s, when it is loaded, follows.
local function states_write(k)
    local runs = patch_write(k.states)
    if runs and k.s then
        local parts, done = {}, 0
        for i = 1, #runs, 2 do
            parts[#parts + 1] = sub(k.s, done + 1, runs[i])
            parts[#parts + 1] = runs[i + 1]
            done = runs[i] + #runs[i + 1]
        end
        parts[#parts + 1] = sub(k.s, done + 1)
        k.s = concat(parts)
    end
end
-- All bytes as they are now.
local function states_all(k)
    states_write(k)
    if not k.s then
        k.s = call('GET', k.states.key)
    end
    return k.s
end

local function chunk_numbers(k)
    if not k.p then
        k.p = call('GET', k.P .. 'p:' .. k.tail)
    end
    return k.p
end
local function number_at(k, at)
    if k.p then
        return sub(k.p, at * 5 + 1, at * 5 + 5)
    end
    return call('GETRANGE', k.P .. 'p:' .. k.tail, text(at * 5), text(at * 5 + 4))
end
local function numbers_at(k, places)
    if #places > 8 then
        chunk_numbers(k)
    end
    local numbers = {}
    for i = 1, #places do
        numbers[i] = number_at(k, places[i])
    end
    return numbers
end
-- Where a number stands among `n` positions from `from` on, or nil.
local function place_of(k, number, from, n)
    if n == 1 then
        return number_at(k, from) == number and from or nil
    end
    local p = chunk_numbers(k)
    local at = p and search(p, number)
    return at and at >= from and at < from + n and at or nil
end

-- The segments of each recipient's text: a number, when they are all the same, else a string of a byte each. False: nobody has told.
-- They were weighed when the chunk was staged, so that whatever makes known who was taken, a reply, a report or a person, counts the
-- same for them.
local function chunk_weights(k)
    if k.weights == nil then
        local c = k.c
        local w = c.personal and call('GET', k.P .. 'w:' .. k.tail)
        if not c.personal then
            k.weights = average_segments(c)
        elseif w then
            k.weights = #w == 1 and byte(w) or w
        else
            k.weights = call('HGET', c.key, 'weighed') == '1' and 1
        end
    end
    return k.weights
end
-- What `n` recipients from position `at` on cost. `told`: what the sender says, for chunks that were not weighed.
local function cost(k, at, n, told)
    local weights = chunk_weights(k)
    if not weights then
        return told or n * average_segments(k.c)
    elseif type(weights) == 'number' then
        return n * weights
    end
    local sum = 0
    for i = at + 1, at + n do
        sum = sum + byte(weights, i)
    end
    return sum
end
-- The same positions go from a byte to another: what the carrier has from now on is spent.
local function count_at(k, at, n, from, to, told)
    count(k.c, from, to, n)
    if TAKEN[to] and not TAKEN[from] then
        k.c.segments = k.c.segments + cost(k, at, n, told)
    end
end

-- The byte of a position as it counts: a queued one of a cancelled campaign is cancelled; "" when there is no such position.
local function state_at(k, at)
    local b = patch_get(k.states, at)
    if not b then
        if k.s then
            b = sub(k.s, at + 1, at + 1)
        else
            b = call('GETRANGE', k.states.key, text(at), text(at))
        end
    end
    if b == 'A' and k.c.cancelled then
        return 'Q'
    end
    return b
end

-- Moves one position from the byte it counts as; what enters or leaves "ambiguous" is remembered for the index.
local function move(k, at, from, to, segments)
    patch_put(k.states, at, to)
    count_at(k, at, 1, from, to, segments)
    if to == 'E' then
        k.fresh = k.fresh or {}
        k.fresh[at] = true
        k.n_fresh = k.n_fresh + 1
    elseif from == 'E' then
        if k.fresh and k.fresh[at] then
            k.fresh[at] = nil
            k.n_fresh = k.n_fresh - 1
        else
            k.cured = k.cured or {}
            k.n_cured = k.n_cured + 1
            k.cured[k.n_cured] = at
        end
    end
end

-- Replaces `n` bytes from position `at` on, all of them `from` before; never into or out of "ambiguous".
local function move_range(k, at, n, from, to, segments)
    states_write(k)
    local bytes = rep(to, n)
    call('SETRANGE', k.states.key, text(at), bytes)
    k.s = sub(k.s, 1, at) .. bytes .. sub(k.s, at + n + 1)
    count_at(k, at, n, from, to, segments)
end

-- The details string is made whole before its first use, so that it never grows. `sure`: the caller knows that it is there
-- (a bound batch was settled); details_write looks after the exception.
local function details_ready(k, sure)
    if not k.has_details then
        k.has_details = true
        if not sure and call('EXISTS', k.details.key) == 0 then
            call('SETRANGE', k.details.key, text(chunk_size(k) * 4 - 1), '\0')
        end
    end
end
local function details_put(k, at, four, sure)
    details_ready(k, sure)
    patch_put(k.details, at, four)
end
local function details_write(k)
    local _, at_end = patch_write(k.details)
    if at_end and at_end + 1 < chunk_size(k) then
        call('SETRANGE', k.details.key, text(chunk_size(k) * 4 - 1), '\0')
    end
end
local function details_range(k, at, n, four)
    details_ready(k)
    details_write(k)
    call('SETRANGE', k.details.key, text(at * 4), rep(four, n))
end
local function details_at(k, at)
    local four = patch_get(k.details, at) or call('GETRANGE', k.details.key, text(at * 4), text(at * 4 + 3))
    if #four < 4 then
        return 0
    end
    return (unpack_bytes('>I2', four))
end

-- ---- the claim of a chunk ----

-- Is `token` the one that holds the chunk now?
local function holds(k, token)
    local m = call('HMGET', k.P .. 'm:' .. k.tail, 'tok', 'own', 'fence')
    k.token, k.fence = m[1], tonumber(m[3]) or 0
    return m[1] == token and m[2] and true or false
end

-- The lease runs for `lease` milliseconds from now on; `how`: 'XX' when it may only be renewed. `here`: redis_now() of this call,
-- when the caller has asked for it already.
local function lease_from_now(P, tail, lease, how, here)
    local till = text((here or redis_now()) + lease)
    if how then
        call('ZADD', P .. 'cl', how, till, tail)
    else
        call('ZADD', P .. 'cl', till, tail)
    end
end

-- The text of an open campaign's message is thrown away as soon as nobody can need it: such a campaign has no end.
local function drop_open_text(k)
    if k.c.open and not find(states_all(k), '[ACE]') then
        call('UNLINK', k.P .. 'v:' .. k.tail)
    end
end

-- Ends the claim; what is still queued may be claimed again after `delay` milliseconds.
local function let_go(k, delay)
    call('ZREM', k.P .. 'cl', k.tail)
    call('HDEL', k.P .. 'm:' .. k.tail, 'own', 'intents')
    if LIVE[k.c.state] and find(states_all(k), 'A', 1, true) then
        call('ZADD', k.P .. 'rz:' .. k.c.seq, text(redis_now() + delay), k.n)
    end
    drop_open_text(k)
end

-- Somebody in a chunk is queued who was ambiguous: back into the queue with it, and a campaign that was done lives again.
local function back_to_queue(k, now)
    local c, P = k.c, k.P
    if not call('ZSCORE', P .. 'cl', k.tail) then
        call('ZADD', P .. 'rz:' .. c.seq, text(redis_now()), k.n)
    end
    if c.state == 'done' then
        set_state(c, 'sending', now, '', '')
        call('HDEL', c.key, 'finished')
        call('SADD', P .. 'live', c.seq)
        call('ZREM', P .. 'fv', c.seq)
    end
end

-- Intents that are on record under the present token: entries of from, count, heard and the runs {from, count} that were moved.
-- A repeated call finds its own entry here and gets the same answer. The first settlement that touches an entry proves that its
-- answer was heard: a further call for the same positions is then another attempt. An entry goes when nobody of it is in flight.
local function intents_read(packed)
    local list, at = {}, 1
    while packed and at <= #packed do
        local entry = {}
        local n
        entry.from, entry.count, entry.heard, n, at = unpack_bytes('>I2I2BI2', packed, at)
        for i = 1, n do
            local from, k
            from, k, at = unpack_bytes('>I2I2', packed, at)
            entry[i] = {from, k}
        end
        list[#list + 1] = entry
    end
    return list
end
local function intents_write(list)
    local out = {}
    for _, entry in ipairs(list) do
        out[#out + 1] = pack('>I2I2BI2', entry.from, entry.count, entry.heard, #entry)
        for _, run in ipairs(entry) do
            out[#out + 1] = pack('>I2I2', run[1], run[2])
        end
    end
    return concat(out)
end
-- What is left of the list after a settlement changed the bytes `before` into `after`; true when it is another list.
local function intents_heard(list, before, after)
    local keep, changed = {}, false
    for _, entry in ipairs(list) do
        local flying = false
        for _, run in ipairs(entry) do
            local now = sub(after, run[1] + 1, run[1] + run[2])
            if entry.heard == 0 and now ~= sub(before, run[1] + 1, run[1] + run[2]) then
                entry.heard, changed = 1, true
            end
            flying = flying or find(now, 'C', 1, true) ~= nil
        end
        if flying then
            keep[#keep + 1] = entry
        end
    end
    return keep, changed or #keep ~= #list
end

-- Runs {from, count} of neighbouring positions whose byte is `b`.
local function runs_of(states, b)
    local runs, at = {}, 1
    while true do
        local first, last = find(states, b .. '+', at)
        if not first then
            return runs
        end
        runs[#runs + 1] = {first - 1, last - first + 1}
        at = last + 1
    end
end
-- What of the runs lies outside of `cnt` positions from `from` on.
local function runs_without(runs, from, cnt)
    local left = {}
    for _, run in ipairs(runs) do
        local stop, after = run[1] + run[2], from + cnt
        if run[1] < from then
            left[#left + 1] = {run[1], (stop < from and stop or from) - run[1]}
        end
        if stop > after then
            local first = run[1] > after and run[1] or after
            left[#left + 1] = {first, stop - first}
        end
    end
    return left
end

-- Attempts whose owner lost the chunk while they were in flight: token and the runs of those who have no verdict of it yet, the
-- newest OLD_TOKENS_MAX of them, so that a verdict that comes after all is applied to just those positions it speaks of, once.
local function old_read(packed)
    local list, at = {}, 1
    while packed and at <= #packed do
        local token, len
        token, len, at = unpack_bytes('>I8I2', packed, at)
        local old = {token = token, runs = {}}
        for _, entry in ipairs(intents_read(sub(packed, at, at + len - 1))) do
            for _, run in ipairs(entry) do
                old.runs[#old.runs + 1] = run
            end
        end
        list[#list + 1] = old
        at = at + len
    end
    return list
end
local function old_save(m_key, list)
    local out = {}
    for i = #list > OLD_TOKENS_MAX and #list - OLD_TOKENS_MAX + 1 or 1, #list do
        local entry = {from = 0, count = 0, heard = 1, unpack(list[i].runs)}
        local runs = #entry > 0 and intents_write{entry} or ''
        out[#out + 1] = pack('>I8I2', list[i].token, #runs) .. runs
    end
    call('HSET', m_key, 'old', concat(out))
end
