#!lua name=outreach
-- The function library of outreachd: every step that moves a recipient is one function here, atomic, and changes the
-- counters in the same call. Each may be called again with the same arguments when its answer was lost (docs/redis-layout.md
-- says for each what the second call does). Keys and their bytes: docs/redis-layout.md.
--
-- Rules of this file
--   * A function that raises an error is not rolled back by Redis: look first, refuse first, write last.
--   * KEYS[1] is the base "<prefix>:{<tag>}:"; every other key is built from it and shares its hash tag.
--   * Answers are arrays; the first element is 0 fine, 1 refused (a sentence follows), 2 stale, 3 not found, 4 busy, 5 see there.
--   * Times are milliseconds and come from the caller, but for leases and silences, which Redis' own clock decides (redis_now).
--     Positions and chunks count from 0.
--   * Bytes are compared as numbers, never strings with "<": Redis sets a collation locale.
--
-- A recipient's state is one byte, in the order of knowledge (sms/state.h):
--   A queued  C inflight  E ambiguous  G accepted  I rejected  K undelivered  M expired  O suppressed  Q cancelled  S delivered
-- Cancelling is O(1): the bytes A of a cancelled campaign stay A and count, show and behave as Q.

local STATES = 'ACEGIKMOQS'
local WORDS = {'queued', 'inflight', 'ambiguous', 'accepted', 'rejected', 'undelivered', 'expired', 'suppressed', 'cancelled',
               'delivered'}
-- The carrier has it: its segments are spent.
local TAKEN = {G = true, K = true, M = true, S = true}
local COUNTERS = {A = 'nA', C = 'nC', E = 'nE', G = 'nG', I = 'nI', K = 'nK', M = 'nM', O = 'nO', Q = 'nQ', S = 'nS'}
local LIVE = {scheduled = true, sending = true, paused = true, missed = true}
local SENDS = {scheduled = true, sending = true}

local CODES_MAX = 4096          -- raw codes a carrier may teach us; later ones become "(other)"
local CODE_BYTES = 64
local MATCH_SLACK_MS = 600000   -- a report's submit time may differ this much from our intents
local RATE_SLACK_MS = 20        -- lateness of a sender that the token bucket makes good
local QUOTA_REST_MS = 3600000   -- a quota fault tries again by itself after this
local SKIPS_MAX = 200           -- empty chunks one claim looks at
local BULK = 500                -- fields of one HMGET, HSET, HDEL
local BATCH_CHUNKS_MAX = 16     -- chunks one carrier batch id may be bound to
local OLD_TOKENS_MAX = 4        -- lost attempts of a chunk whose late verdicts are still believed
local TEXTS_MAX = 5120          -- numbers whose text is remembered
local PUT_OFF_MS = 10000        -- a silent chunk that may not be sent again just now is looked at again after this
local PARKED_NAMES_BYTES = 2048 -- names of batches under which one number is parked
local UPLINK_IDS_MAX = 50000
local UPLINK_IDS_MS = 7 * 86400000

-- Libraries exist only while a function runs, not while this file loads: they are fetched at the first call.
local call, sub, byte, char, rep, find, format, gsub, match, gmatch, floor, pack, unpack_bytes, concat, sort
local function wake()
    call = redis.call
    sub, byte, char, rep, find, format = string.sub, string.byte, string.char, string.rep, string.find, string.format
    gsub, match, gmatch = string.gsub, string.match, string.gmatch
    floor, concat, sort = math.floor, table.concat, table.sort
    pack, unpack_bytes = struct.pack, struct.unpack
end

-- ---- small helpers ----

-- A whole number as an argument of a command. Redis writes numbers with %.17g, which costs more than the command itself, so
-- numbers on the busy paths go through here; the small ones are remembered.
local texts = {}
local function text(n)
    local known = texts[n]
    if not known then
        known = format('%d', n)
        if n >= -TEXTS_MAX and n <= TEXTS_MAX then
            texts[n] = known
        end
    end
    return known
end

-- What one daemon waits for on account of another, the end of a lease or of a silence, is measured by the one clock that they
-- share: a daemon whose own clock is wrong must not take a living neighbour's chunk for a dead one's. Such times never leave Redis,
-- and what a caller gives are durations. A score that was written when it was still the caller's clock is in the same unit: it
-- ends when Redis' clock comes there, so it is as good as that caller's clock was.
local function redis_now()
    local now = call('TIME')
    return tonumber(now[1]) * 1000 + floor(tonumber(now[2]) / 1000)
end

local function refused(reason)
    return {1, reason}
end
local function stale()
    return {2, 'a newer claim owns this chunk'}
end
local function missing(what)
    return {3, what}
end

-- Runs a command over a long list of arguments in bounded slices; `step` keeps pairs together.
local function bulk(command, key, list, step)
    local most = BULK * step
    for i = 1, #list, most do
        call(command, key, unpack(list, i, i + most - 1 < #list and i + most - 1 or #list))
    end
end
local function hmget(key, fields)
    if #fields == 0 then
        return {}
    elseif #fields <= BULK then
        return call('HMGET', key, unpack(fields))
    end
    local out = {}
    for i = 1, #fields, BULK do
        local last = i + BULK - 1 < #fields and i + BULK - 1 or #fields
        local part = call('HMGET', key, unpack(fields, i, last))
        for j = 1, last - i + 1 do
            out[i + j - 1] = part[j]
        end
    end
    return out
end

-- Where `number` (5 bytes) stands in the sorted packed numbers, or nil. Numbers of a segment lie about evenly: every other step goes
-- to where the number would stand if they did, which takes a third of the steps of halving, the others halve.
local function search(p, number)
    local want = unpack_bytes('>I5', number)
    local low, high = 0, #p / 5 - 1
    if high < 0 then
        return nil
    end
    local least, most = unpack_bytes('>I5', p), unpack_bytes('>I5', p, high * 5 + 1)
    if want < least or want > most then
        return nil
    end
    local guess = true
    while low <= high do
        local middle
        if guess and most > least then
            middle = low + floor((want - least) * (high - low) / (most - least))
        else
            middle = floor((low + high) / 2)
        end
        guess = not guess
        local here = unpack_bytes('>I5', p, middle * 5 + 1)
        if here == want then
            return middle
        elseif here < want then
            low, least = middle + 1, here
        else
            high, most = middle - 1, here
        end
    end
    return nil
end

-- The number of a raw code in the carrier's dictionary; 0 is "".
local function code_number(P, code)
    if code == '' then
        return 0
    end
    code = sub(code, 1, CODE_BYTES)
    local known = call('HGET', P .. 'codes', code)
    if known then
        return tonumber(known)
    end
    if call('LLEN', P .. 'codel') >= CODES_MAX then
        code = '(other)'
        known = call('HGET', P .. 'codes', code)
        if known then
            return tonumber(known)
        end
    end
    local number = call('RPUSH', P .. 'codel', code)
    call('HSET', P .. 'codes', code, number)
    return number
end

-- ---- a campaign while a function works on it ----

local CAMPAIGN_FIELDS = {'state', 'base', 'nA', 'nC', 'accepted', 'segments_total', 'personal', 'n_chunks', 'cursor', 'canary',
                         'started', 'dedup_group', 'wait_reason', 'wait_actor', 'open'}
local REPORT_FIELDS = 7 -- the first of them are all that a report needs
local function campaign(P, seq, n_fields)
    local key = P .. 'c:' .. seq
    local v = call('HMGET', key, unpack(CAMPAIGN_FIELDS, 1, n_fields or #CAMPAIGN_FIELDS))
    if not v[1] then
        return nil
    end
    return {P = P, seq = seq, key = key, state = v[1], base = tonumber(v[2]) or 0, queued = tonumber(v[3]) or 0,
            inflight = tonumber(v[4]) or 0, accepted = tonumber(v[5]) or 0, segments_total = tonumber(v[6]) or 0,
            personal = v[7] == '1', chunks = tonumber(v[8]) or 0, cursor = tonumber(v[9]) or 0, canary = v[10] or '',
            started = v[11], dedup_group = v[12] or '', wait_reason = v[13] or '', wait_actor = v[14] or '',
            open = v[15] == '1', cancelled = v[1] == 'cancelled', delta = {}, segments = 0, requests = 0}
end

local function set_state(c, state, now, reason, actor)
    c.state = state
    call('HSET', c.key, 'state', state, 'changed', now, 'wait_reason', reason, 'wait_actor', actor)
end

-- A pause by the daemon itself. A campaign that does not send has its own reason already.
local function stop_sending(c, now, reason)
    if SENDS[c.state] then
        set_state(c, 'paused', now, reason, 'outreachd')
    end
end

-- What one recipient costs on the average: exact when all get one text.
local function average_segments(c)
    if c.accepted == 0 then
        return 0
    end
    return floor(c.segments_total / c.accepted + 0.5)
end

-- `n` recipients go from a byte to another in the counters.
local function count(c, from, to, n)
    local delta = c.delta
    delta[from] = (delta[from] or 0) - n
    delta[to] = (delta[to] or 0) + n
end

-- An open campaign (see append) is never done. Asked only where it matters: a report does not read that field.
local function is_open(c)
    return c.open or call('HGET', c.key, 'open') == '1'
end

-- Writes the counters; a campaign with nothing queued or in flight is over. The one place where `done` is set.
local function campaign_save(c, now)
    for b, k in pairs(c.delta) do
        if k ~= 0 then
            call('HINCRBY', c.key, COUNTERS[b], text(k))
        end
    end
    c.queued = c.queued + (c.delta.A or 0)
    c.inflight = c.inflight + (c.delta.C or 0)
    c.delta = {}
    if c.segments ~= 0 then
        call('HINCRBY', c.key, 'segs', text(c.segments))
        c.segments = 0
    end
    if c.requests ~= 0 then
        call('HINCRBY', c.key, 'requests', text(c.requests))
        c.requests = 0
    end
    if c.queued ~= 0 or c.inflight ~= 0 then
        return false
    end
    if LIVE[c.state] then
        if is_open(c) then
            return false
        end
        call('HSET', c.key, 'state', 'done', 'changed', now, 'finished', now)
        c.state = 'done'
    elseif c.cancelled and call('SISMEMBER', c.P .. 'live', c.seq) == 1 then
        call('HSET', c.key, 'finished', now)
    else
        return c.state == 'done'
    end
    call('SREM', c.P .. 'live', c.seq)
    call('DEL', c.P .. 'rz:' .. c.seq)
    if c.personal then
        call('ZADD', c.P .. 'fv', now, c.seq)
    end
    return true
end

-- The details of a recipient: code number and minutes since the campaign's base time, four bytes.
local function detail(c, code, when)
    if c.detail_code == code and c.detail_when == when then
        return c.detail
    end
    local m = floor((when - c.base) / 60000)
    if m < 0 then
        m = 0
    elseif m > 65535 then
        m = 65535
    end
    c.detail_code, c.detail_when, c.detail = code, when, pack('>I2I2', code, m)
    return c.detail
end

-- ---- a string of fixed-width cells, patched ----
-- Single cells are collected and written as runs of neighbours: one SETRANGE for a hundred requests of one recipient each.

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

-- The lease runs for `lease` milliseconds from now on; `how`: 'XX' when it may only be renewed.
local function lease_from_now(P, tail, lease, how)
    local till = text(redis_now() + lease)
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

-- Ends the claim; what is still queued may be claimed again from `not_before` on.
local function let_go(k, not_before)
    call('ZREM', k.P .. 'cl', k.tail)
    call('HDEL', k.P .. 'm:' .. k.tail, 'own', 'intents')
    if LIVE[k.c.state] and find(states_all(k), 'A', 1, true) then
        call('ZADD', k.P .. 'rz:' .. k.c.seq, not_before, k.n)
    end
    drop_open_text(k)
end

-- Somebody in a chunk is queued who was ambiguous: back into the queue with it, and a campaign that was done lives again.
local function back_to_queue(k, now)
    local c, P = k.c, k.P
    if not call('ZSCORE', P .. 'cl', k.tail) then
        call('ZADD', P .. 'rz:' .. c.seq, now, k.n)
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

-- ---- parked reports and the index of ambiguous recipients ----

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
        local set = P .. 'ac:' .. k.c.seq
        if not find(states_all(k), 'E', 1, true) then
            call('SREM', set, k.n)
            call('ZREM', P .. 'rs', k.tail)
            k.c.open = is_open(k.c)
            drop_open_text(k)
        else
            if last then
                silence_begins(k)
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

-- ---- the carrier account ----

-- Why nothing may be sent over this account now, or nil. A quota fault whose rest is over ends here.
local function carrier_stops(P, now)
    local v = call('HMGET', P .. 'carrier', 'state', 'reason', 'resume_at')
    if not v[1] or v[1] == 'running' then
        return nil
    end
    local again = tonumber(v[3]) or 0
    if v[1] == 'stopped' and again > 0 and now >= again then
        call('HSET', P .. 'carrier', 'state', 'running', 'reason', '', 'actor', '', 'code', '', 'since', now, 'resume_at', 0)
        return nil
    end
    return 'carrier ' .. (match(P, '{(.-)}') or '') .. ' ' .. v[1] .. ': ' .. (v[2] or '')
end

-- The first cause stands, and so does a person's pause. Only a fault that waits for a person (`again` is 0) replaces the rest after
-- a quota: else the account would run into it by itself, again and again.
local function carrier_stop(P, now, code, reason, again, actor)
    local v = call('HMGET', P .. 'carrier', 'state', 'resume_at')
    local rests = v[1] == 'stopped' and (tonumber(v[2]) or 0) > 0
    if v[1] == 'paused' or (v[1] == 'stopped' and not (rests and again == 0)) then
        return
    end
    call('HSET', P .. 'carrier', 'state', 'stopped', 'reason', reason, 'actor', actor or 'outreachd', 'code', code, 'since', now,
         'resume_at', again)
end

-- ---- staging ----

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

-- ---- open campaigns: receipts and replies, one by one ----

-- A campaign that never ends: what has to be said is appended as a chunk of one recipient, whose text travels as its personal
-- value. It has no canary, is never late, and its window follows the definition.

-- Which open campaign has this id, made when there is none that lives. nil and the state of what stands in the way.
local function open_campaign(P, id, now, fields)
    local seq = call('HGET', P .. 'ids', id)
    if seq then
        local v = call('HMGET', P .. 'c:' .. seq, 'state', 'open')
        if v[1] == 'importing' or (v[2] ~= '1' and LIVE[v[1]]) then
            return nil, v[1]
        elseif v[1] and LIVE[v[1]] then
            return seq
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
    return seq
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
    local seq, state = open_campaign(P, args[1], now, {unpack(args, 11)})
    if not seq then
        return refused('a campaign of this id is ' .. state)
    end
    local key = P .. 'c:' .. seq
    local n = call('HINCRBY', key, 'n_chunks', 1) - 1
    local tail = seq .. ':' .. text(n)
    call('SET', P .. 'p:' .. tail, args[4])
    call('SET', P .. 's:' .. tail, 'A')
    call('SET', P .. 'v:' .. tail, args[5])
    if args[6] ~= '1' then
        call('SET', P .. 'w:' .. tail, char(tonumber(args[6])))
    end
    for _, field in ipairs{'accepted', 'nA', 'staged', 'n_staged', 'rows'} do
        call('HINCRBY', key, field, 1)
    end
    call('HINCRBY', key, 'segments_total', args[6])
    call('HSET', key, 'window_from_min', args[7], 'window_to_min', args[8])
    call('HSET', asked, args[3], tail)
    if pledge then
        call('HSET', pledge, 'q', tail .. ' ' .. P)
    end
    return {0, 1, tonumber(seq), n}
end

-- The question of a pledge that has its answer, or is taken back, is cancelled if nobody has begun to send it, claimed or not: an
-- intent takes queued ones only. `place` is what append noted. Called by the ledger, in the posting that makes it needless.
local function take_back(place, now)
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

-- ---- sending ----

-- The first chunk goes alone. Nil: clear, "wait": no verdict yet, else why the campaign has to stop.
local function canary(c, s)
    if c.canary == 'ok' then
        return nil
    end
    s = s or call('GET', c.P .. 's:' .. c.seq .. ':0') or ''
    if find(s, '[AC]') then
        return 'wait'
    end
    local _, rejected = gsub(s, 'I', 'I')
    local _, unknown = gsub(s, 'E', 'E')
    if find(s, '[GKMS]') or rejected + unknown == 0 then
        call('HSET', c.key, 'canary', 'ok')
        c.canary = 'ok'
        return nil
    end
    call('HSET', c.key, 'canary', 'failed')
    return 'canary: of the first ' .. #s .. ' recipients none was accepted, ' .. rejected .. ' rejected, ' .. unknown ..
        ' with unknown outcome'
end

local function why_not_sending(c)
    if c.wait_reason ~= '' then
        return 'campaign ' .. c.state .. ' by ' .. c.wait_actor .. ': ' .. c.wait_reason
    end
    return 'campaign is ' .. c.state
end

-- Chooses a chunk: {n, s} or {nil, result, retry_at}. Chunks that came back go first, then the next fresh one.
local function choose(c, only_canary, now)
    local P, rz = c.P, c.P .. 'rz:' .. c.seq
    for _ = 1, SKIPS_MAX do
        local n
        if only_canary and c.cursor > 0 then
            local score = tonumber(call('ZSCORE', rz, '0') or -1)
            if score > now then
                return nil, 'LATER', score
            elseif score < 0 then
                return nil, 'CANARY', 0
            end
            n = 0
        else
            local due = call('ZRANGEBYSCORE', rz, '-inf', now, 'LIMIT', 0, 1)
            n = tonumber(due[1])
        end
        if n then
            call('ZREM', rz, n)
        elseif c.cursor < c.chunks then
            n = c.cursor
            c.cursor = c.cursor + 1
            call('HSET', c.key, 'cursor', c.cursor)
        else
            local next_ = call('ZRANGE', rz, 0, 0, 'WITHSCORES')
            if next_[1] then
                return nil, 'LATER', tonumber(next_[2])
            end
            return nil, 'EMPTY', 0
        end
        local s = call('GET', P .. 's:' .. c.seq .. ':' .. n)
        if s and find(s, 'A', 1, true) then
            return n, s
        end
    end
    return nil, 'LATER', now
end

-- seq, owner, lease, now. Answers {0, 'CHUNK', '', 0, n, token, attempts, p, s, v} or {0, result, reason, retry_at}.
local function claim(keys, args)
    local P, seq, owner, lease, now = keys[1], args[1], args[2], tonumber(args[3]), tonumber(args[4])
    local c = campaign(P, seq)
    if not c then
        return missing('no such campaign')
    elseif not SENDS[c.state] then
        return {0, 'STOPPED', why_not_sending(c), 0}
    end
    local why = carrier_stops(P, now)
    if why then
        return {0, 'STOPPED', why, 0}
    end
    local verdict = canary(c)
    if verdict and verdict ~= 'wait' then
        stop_sending(c, now, verdict)
        return {0, 'STOPPED', verdict, 0}
    end
    local n, s, retry_at = choose(c, verdict == 'wait', now)
    if not n then
        return {0, s, '', retry_at}
    end
    local tail = seq .. ':' .. n
    local m = P .. 'm:' .. tail
    local token = call('INCR', P .. 'tok')
    call('HSET', m, 'tok', token, 'own', owner)
    call('HDEL', m, 'intents', 'sub0', 'sub1')
    lease_from_now(P, tail, lease)
    if c.state == 'scheduled' then
        set_state(c, 'sending', now, '', '')
        if not c.started then
            call('HSET', c.key, 'started', now)
        end
    end
    return {0, 'CHUNK', '', 0, n, token, tonumber(call('HGET', m, 'att') or 0), call('GET', P .. 'p:' .. tail), s,
            call('GET', P .. 'v:' .. tail)}
end

-- seq, chunk, token, positions (2 bytes each), now. Answers {0, a byte each: 1 it is suppressed, now or before}.
local function suppress(keys, args)
    local P, seq, n, token, places, now = keys[1], args[1], args[2], args[3], args[4], tonumber(args[5])
    local c = campaign(P, seq)
    local k = c and chunk_open(c, n)
    if not k then
        return missing('no such chunk')
    elseif not holds(k, token) then
        return stale()
    end
    local are = {}
    for i = 1, #places, 2 do
        local at = unpack_bytes('>I2', places, i)
        local b = at < k.size and state_at(k, at)
        if b == 'A' then
            move(k, at, 'A', 'O')
            b = 'O'
        end
        are[#are + 1] = b == 'O' and '\1' or '\0'
    end
    chunk_save(k)
    campaign_save(c, now)
    return {0, concat(are)}
end

-- Token buckets: a bucket is the time at which it is empty again, and how much the last request added. A clock that went back
-- cannot make anyone wait longer than that.
local function bucket_wait(packed, rate, now)
    if rate == 0 or not packed then
        return 0, now
    end
    local free, added = match(packed, '^(.-):(.+)$')
    free, added = tonumber(free), tonumber(added)
    if free - now > added then
        free = now + added
    end
    return free - now, free
end
local function bucket_take(P, field, free, rate, segments, now)
    if free < now - RATE_SLACK_MS then
        free = now - RATE_SLACK_MS
    end
    local add = segments * 1000 / rate
    call('HSET', P .. 'tb', field, format('%.3f:%.3f', free + add, add))
end

-- A byte for each state byte: 1 where it is `b`, else 0.
local function mask_of(bytes, b)
    local others = gsub(bytes, '[^' .. b .. ']', '\0')
    return (gsub(others, b, '\1'))
end

-- seq, chunk, token, from, count, segments, carrier rate, campaign rate, lease, now. Answers {0, mask} | {4, wait_ms} | …
local function intent(keys, args)
    local P, seq, n, token = keys[1], args[1], args[2], args[3]
    local from, cnt, segments = tonumber(args[4]), tonumber(args[5]), tonumber(args[6])
    local rate_carrier, rate_campaign = tonumber(args[7]), tonumber(args[8])
    local lease, now = tonumber(args[9]), tonumber(args[10])
    local c = campaign(P, seq)
    local k = c and chunk_open(c, n)
    if not k then
        return missing('no such chunk')
    elseif from + cnt > k.size or cnt == 0 then
        return refused('positions outside of the chunk')
    end
    local m_key = P .. 'm:' .. k.tail
    local m = call('HMGET', m_key, 'tok', 'own', 'intents', 'sub0', 'first')
    if m[1] ~= token or not m[2] then
        return stale()
    end
    local intents = intents_read(m[3])
    for _, entry in ipairs(intents) do
        if entry.from == from and entry.count == cnt and entry.heard == 0 then
            local mask, done = {}, from
            for _, run in ipairs(entry) do
                mask[#mask + 1] = rep('\0', run[1] - done)
                mask[#mask + 1] = mask_of(sub(k.s, run[1] + 1, run[1] + run[2]), 'C')
                done = run[1] + run[2]
            end
            mask[#mask + 1] = rep('\0', from + cnt - done)
            lease_from_now(P, k.tail, lease, 'XX')
            return {0, concat(mask)}
        end
    end
    if not SENDS[c.state] then
        return refused(why_not_sending(c))
    end
    local why = carrier_stops(P, now)
    if why then
        return refused(why)
    end
    local range = sub(k.s, from + 1, from + cnt)
    local entry = {from = from, count = cnt, heard = 0}
    for _, run in ipairs(runs_of(range, 'A')) do
        entry[#entry + 1] = {from + run[1], run[2]}
    end
    if #entry == 0 then
        return {0, rep('\0', cnt)}
    end
    if rate_carrier > 0 or rate_campaign > 0 then
        local tb = call('HMGET', P .. 'tb', 'k', 'c' .. seq)
        local wait_carrier, free_carrier = bucket_wait(tb[1], rate_carrier, now)
        local wait_campaign, free_campaign = bucket_wait(tb[2], rate_campaign, now)
        local wait = wait_carrier > wait_campaign and wait_carrier or wait_campaign
        if wait > 0 then
            return {4, math.ceil(wait)}
        end
        if rate_carrier > 0 then
            bucket_take(P, 'k', free_carrier, rate_carrier, segments, now)
        end
        if rate_campaign > 0 then
            bucket_take(P, 'c' .. seq, free_campaign, rate_campaign, segments, now)
        end
    end
    for _, run in ipairs(entry) do
        move_range(k, run[1], run[2], 'A', 'C')
    end
    intents[#intents + 1] = entry
    call('HSET', m_key, 'intents', intents_write(intents), 'sub0', m[4] or now, 'sub1', now, 'first', m[5] or now)
    lease_from_now(P, k.tail, lease)
    campaign_save(c, now)
    return {0, mask_of(range, 'A')}
end

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
                     job.now + QUOTA_REST_MS)
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
        let_go(k, job.now)
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

-- seq, chunk, token, not_before, counts as attempt, now
local function release(keys, args)
    local P, seq, n, token = keys[1], args[1], args[2], args[3]
    local c = campaign(P, seq)
    local k = c and chunk_open(c, n)
    if not k then
        return missing('no such chunk')
    end
    if not holds(k, token) then
        return k.token == token and {0} or stale()
    elseif find(k.s, 'C', 1, true) then
        return refused('the chunk has recipients in flight')
    end
    if args[5] == '1' then
        call('HINCRBY', P .. 'm:' .. k.tail, 'att', 1)
    end
    let_go(k, tonumber(args[4]))
    return {0}
end

-- At most `most` claims whose lease ran out, but for those under one of the tokens `held` (u64 each): the caller knows that they
-- live, whatever any clock says.
local function leases_over(P, held, most)
    local living, tails = {}, {}
    for at = 1, #held, 8 do
        living[text(unpack_bytes('>I8', held, at))] = true
    end
    for _, tail in ipairs(call('ZRANGEBYSCORE', P .. 'cl', '-inf', text(redis_now()), 'LIMIT', 0, text(most + #held / 8))) do
        if #tails < most and not living[call('HGET', P .. 'm:' .. tail, 'tok') or ''] then
            tails[#tails + 1] = tail
        end
    end
    return tails
end
local function claims_of(P, owner, most)
    local tails = {}
    for _, tail in ipairs(call('ZRANGE', P .. 'cl', 0, -1)) do
        if #tails < most and call('HGET', P .. 'm:' .. tail, 'own') == owner then
            tails[#tails + 1] = tail
        end
    end
    return tails
end

-- owner ("" for leases that ran out), now, limit, most, tokens that the caller holds. Answers {0, chunks, ambiguous, more}.
local function sweep(keys, args)
    local P, owner, now, limit, most = keys[1], args[1], tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
    local tails = owner == '' and leases_over(P, args[5] or '', most) or claims_of(P, owner, most)
    local ambiguous = 0
    for _, tail in ipairs(tails) do
        local seq, n = match(tail, '^(%d+):(%d+)$')
        local c = campaign(P, seq)
        local k = c and chunk_open(c, n)
        if not k then
            call('ZREM', P .. 'cl', tail)
        else
            local m_key = P .. 'm:' .. tail
            local m = call('HMGET', m_key, 'sub0', 'sub1', 'tok', 'old')
            local at = find(k.s, 'C', 1, true)
            if at then
                local old = old_read(m[4])
                old[#old + 1] = {token = tonumber(m[3]), runs = runs_of(k.s, 'C')}
                old_save(m_key, old)
            end
            while at do
                move(k, at - 1, 'C', 'E')
                ambiguous = ambiguous + 1
                at = find(k.s, 'C', at + 1, true)
            end
            try_parked(k, m[1] or now, m[2] or now)
            local too_many = chunk_save(k, m[1] or now, m[2] or now, limit)
            call('HINCRBY', m_key, 'att', 1)
            let_go(k, now)
            if not campaign_save(c, now) and too_many then
                stop_sending(c, now, too_many)
            end
        end
    end
    if ambiguous > 0 then
        call('HINCRBY', P .. 'carrier', 'ambiguous', ambiguous)
    end
    return {0, #tails, ambiguous, #tails == most and 1 or 0}
end

-- ---- commands of people ----

local function counts(c, answer)
    local fields = {}
    for i = 1, #STATES do
        fields[i] = 'n' .. sub(STATES, i, i)
    end
    local v = call('HMGET', c.key, unpack(fields))
    for i = 1, #STATES do
        answer[#answer + 1] = tonumber(v[i]) or 0
    end
    return answer
end

local ACTS = {
    pause = {from = {scheduled = true, sending = true}, to = 'paused'},
    miss = {from = {scheduled = true, sending = true, paused = true}, to = 'missed'},
    resume = {from = {paused = true, missed = true}},
    cancel = {from = {scheduled = true, sending = true, paused = true, missed = true}, to = 'cancelled'},
}
-- seq, act, actor, reason, until, now. Answers {0, counts …}; {5} for cancelling an import (throw it away).
local function act(keys, args)
    local P, seq, verb, actor, reason, till, now = keys[1], args[1], args[2], args[3], args[4], tonumber(args[5]), tonumber(args[6])
    local c = campaign(P, seq)
    local how = ACTS[verb]
    if not c then
        return missing('no such campaign')
    elseif verb == 'cancel' and c.state == 'importing' then
        return {5}
    elseif how.to == c.state and c.wait_actor == actor and c.wait_reason == reason then
        return counts(c, {0})
    elseif verb == 'resume' and SENDS[c.state] and call('HGET', c.key, 'resumed_by') == actor then
        return counts(c, {0})
    elseif not how.from[c.state] then
        local by = c.wait_actor ~= '' and (' (by ' .. c.wait_actor .. ': ' .. c.wait_reason .. ')') or ''
        return refused('cannot ' .. verb .. ' it: the campaign is ' .. c.state .. by)
    end
    if verb == 'resume' then
        set_state(c, c.started and 'sending' or 'scheduled', now, '', '')
        call('HSET', c.key, 'late_waived', 1, 'resumed_by', actor)
        if till > 0 then
            call('HSET', c.key, 'end_ms', args[5])
        end
        if c.canary == 'failed' then
            local s = call('GET', P .. 's:' .. seq .. ':0') or ''
            call('HSET', c.key, 'canary', find(s, 'A', 1, true) and '' or 'ok')
        end
    else
        set_state(c, how.to, now, reason, actor)
        call('HDEL', c.key, 'resumed_by')
    end
    if verb == 'cancel' then
        c.cancelled = true
        if c.queued > 0 then
            count(c, 'A', 'Q', c.queued)
        end
        call('DEL', P .. 'rz:' .. seq)
        if c.dedup_group ~= '' then
            call('SADD', P .. 'fr', seq)
        end
        campaign_save(c, now)
    end
    return counts(c, {0})
end

-- What was ambiguous in a chunk is to be sent again.
local function queue_again(k, now)
    -- A verdict on an attempt before this one is no verdict on the next.
    call('HSET', k.P .. 'm:' .. k.tail, 'fence', call('GET', k.P .. 'tok') or 0)
    back_to_queue(k, now)
end

-- seq, how, now, most chunks. Answers {0, ambiguous chunks left, counts …}.
local function resolve(keys, args)
    local P, seq, how, now, most = keys[1], args[1], args[2], tonumber(args[3]), tonumber(args[4])
    local c = campaign(P, seq)
    if not c then
        return missing('no such campaign')
    elseif how == 'resend' then
        if c.cancelled then
            return refused('the campaign is cancelled: nothing can be sent again')
        elseif call('HGET', c.key, 'vd') then
            return refused('the personal values are deleted: the texts cannot be built again')
        end
    end
    local to = ({resend = 'A', accept = 'G', fail = 'K'})[how]
    local four = how ~= 'resend' and detail(c, code_number(P, how == 'fail' and 'OPERATOR' or ''), now)
    for _, n in ipairs(call('SRANDMEMBER', P .. 'ac:' .. seq, most)) do
        local k = chunk_open(c, n)
        local at = find(k.s, 'E', 1, true)
        while at do
            move(k, at - 1, 'E', to)
            if four then
                details_put(k, at - 1, four)
            end
            at = find(k.s, 'E', at + 1, true)
        end
        chunk_save(k)
        if how == 'resend' then
            queue_again(k, now)
        end
    end
    campaign_save(c, now)
    return counts(c, {0, call('SCARD', P .. 'ac:' .. seq)})
end

-- ---- the policy "resend": once more after a silence ----

-- Is the sending window (minutes of the local day) open? From and to the same: all day; from after to: over midnight.
local function window_open(from, to, now, east)
    local minute = floor(now / 60000 + east) % 1440
    if (to - from) % 1440 == 0 then
        return true
    elseif from < to then
        return minute >= from and minute < to
    end
    return minute >= from or minute < to
end

-- May a silent chunk be sent again? 'now', 'later' or 'never'. Nothing is queued again that could not go out at once: as long as
-- it is ambiguous, a report can still find it by its number. Never: what could not be sent any more, or was launched anew.
local function when_again(c, tail, now, east)
    local v = call('HMGET', c.key, 'id', 'end_ms', 'window_from_min', 'window_to_min', 'vd')
    local till = tonumber(v[2]) or 0
    local ended = till > 0 and now >= till
    if c.cancelled or v[5] or (ended and c.state == 'done') or call('HGET', c.P .. 'ids', v[1] or '') ~= c.seq then
        return 'never'
    elseif ended or (c.state ~= 'done' and not SENDS[c.state]) or call('ZSCORE', c.P .. 'cl', tail) or
        not window_open(tonumber(v[3]) or 0, tonumber(v[4]) or 0, now, east) then
        return 'later'
    end
    return 'now'
end

-- Which positions of a chunk the policy has sent again already: runs of from u16, count u16.
local function resent_read(packed)
    local seen, at = {}, 1
    while packed and at <= #packed do
        local from, n
        from, n, at = unpack_bytes('>I2I2', packed, at)
        for place = from, from + n - 1 do
            seen[place] = true
        end
    end
    return seen
end
local function resent_write(seen, size)
    local out, from = {}, nil
    for place = 0, size do
        if seen[place] and not from then
            from = place
        elseif from and not seen[place] then
            out[#out + 1] = pack('>I2I2', from, place - from)
            from = nil
        end
    end
    return concat(out)
end

-- Queues the ambiguous recipients of a chunk that the policy has not sent again yet; gives how many.
local function resend_chunk(c, n, now)
    local k = chunk_open(c, n)
    if not k then
        return 0
    end
    local m_key, moved = k.P .. 'm:' .. k.tail, 0
    local seen = resent_read(call('HGET', m_key, 'resent'))
    local at = find(k.s, 'E', 1, true)
    while at do
        if not seen[at - 1] then
            move(k, at - 1, 'E', 'A')
            seen[at - 1] = true
            moved = moved + 1
        end
        at = find(k.s, 'E', at + 1, true)
    end
    if moved > 0 then
        chunk_save(k)
        call('HSET', m_key, 'resent', resent_write(seen, k.size))
        queue_again(k, now)
        call('HINCRBY', c.key, 'resent', moved)
        campaign_save(c, now)
    end
    return moved
end

-- silence, now, most chunks, minutes east of UTC. Works on chunks of any campaign that have been silent for so long; `now` only
-- tells whether their sending windows are open.
-- Answers {0, more, seq, recipients …}, a pair a chunk.
local function resend_silent(keys, args)
    local P, silence, now, most, east = keys[1], tonumber(args[1]), tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
    local answer = {0, 0}
    if carrier_stops(P, now) then
        return answer
    end
    local before = redis_now() - silence
    local tails = call('ZRANGEBYSCORE', P .. 'rs', '-inf', text(before), 'LIMIT', 0, most)
    for _, tail in ipairs(tails) do
        local seq, n = match(tail, '^(%d+):(%d+)$')
        local c = campaign(P, seq)
        local when = c and when_again(c, tail, now, east) or 'never'
        if when == 'later' then
            call('ZADD', P .. 'rs', text(before + PUT_OFF_MS), tail)
        else
            call('ZREM', P .. 'rs', tail)
            local moved = when == 'now' and resend_chunk(c, n, now) or 0
            if moved > 0 then
                answer[#answer + 1] = tonumber(seq)
                answer[#answer + 1] = moved
            end
        end
    end
    answer[2] = #tails == most and 1 or 0
    return answer
end

-- ---- looking ----

local function view(P, seq)
    local all = call('HGETALL', P .. 'c:' .. seq)
    if #all == 0 then
        return nil
    end
    all[#all + 1] = 'seq'
    all[#all + 1] = seq
    all[#all + 1] = 'amb_chunks'
    all[#all + 1] = tostring(call('SCARD', P .. 'ac:' .. seq))
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

-- Where a number stands in a campaign, by binary search in chunk after chunk: people who write back are few, so that an index of
-- everybody we wrote to would cost more memory than it saves time. seq, number (5 bytes), from chunk, most chunks.
-- Answers {0, next chunk or -1} or {0, -1, chunk, position, size of the chunk, its regions or nil}.
local function seek(keys, args)
    local P, seq, from, most = keys[1], args[1], tonumber(args[3]), tonumber(args[4])
    local chunks = tonumber(call('HGET', P .. 'c:' .. seq, 'n_chunks') or 0)
    local last = from + most < chunks and from + most or chunks
    for n = from, last - 1 do
        local p = call('GET', P .. 'p:' .. seq .. ':' .. text(n))
        local at = p and search(p, args[2])
        if at then
            return {0, -1, n, at, #p / 5, call('GET', P .. 'r:' .. seq .. ':' .. text(n))}
        end
    end
    return {0, last < chunks and last or -1}
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

-- ---- status reports and uplinks ----

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

-- id, number, text, service code, meaning, sent, now. Answers {0, fresh}.
local function uplink(keys, args)
    local P, now = keys[1], tonumber(args[7])
    local seen = P .. 'upd'
    if call('ZADD', seen, 'NX', now, args[1]) == 0 then
        return {0, 0}
    end
    call('XADD', P .. 'up', 'MAXLEN', '~', 100000, '*', 'id', args[1], 'number', args[2], 'text', args[3], 'service', args[4],
         'meaning', args[5], 'sent', args[6], 'came', args[7])
    call('HINCRBY', P .. 'carrier', 'uplinks', 1)
    call('ZREMRANGEBYSCORE', seen, '-inf', now - UPLINK_IDS_MS)
    call('ZREMRANGEBYRANK', seen, 0, -UPLINK_IDS_MAX - 1)
    return {0, 1}
end

-- Answers {0, {field, value …}, oldest parked}.
local function show_carrier(keys)
    local P = keys[1]
    return {0, call('HGETALL', P .. 'carrier'), call('ZRANGE', P .. 'pkz', 0, 0, 'WITHSCORES')[2] or '0'}
end

-- act, actor, reason, code, resume_at, now
local function carrier_act(keys, args)
    local key, verb, now = keys[1] .. 'carrier', args[1], args[6]
    if verb == 'resume' then
        if (call('HGET', key, 'state') or 'running') ~= 'running' then
            call('HSET', key, 'state', 'running', 'reason', '', 'actor', args[2], 'code', '', 'since', now, 'resume_at', 0)
        end
    elseif verb == 'pause' then
        call('HSET', key, 'state', 'paused', 'reason', args[3], 'actor', args[2], 'code', '', 'since', now, 'resume_at', 0)
    elseif verb == 'retry' then -- the caller's view may be old: a person or a fault may have come in between
        local why = carrier_stops(keys[1], tonumber(now))
        if why then
            return refused(why)
        end
    else
        carrier_stop(keys[1], now, args[4], args[3], tonumber(args[5]), args[2])
    end
    return {0}
end

-- ---- daemons, audit, launch fingerprints ----

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

-- ---- opt-outs, under "<prefix>:{o}:" ----
-- m:<7 digits> the last four digits of those who want no publicity, a:<7 digits> of those who want nothing; r the records;
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

-- ---- dedup groups, under "<prefix>:{d:<group>}:" ----
-- <first 8 digits> hash: last 3 digits -> number of the owner; own: owner -> number; dead: numbers of owners that never sent.

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

local function alphabet()
    local answer = {0, STATES}
    for i, word in ipairs(WORDS) do
        answer[i + 2] = word
    end
    return answer
end

-- ---- registration ----
-- Outcomes, reports, opt-outs and orders of people are recorded even at maxmemory (allow-oom); new work is not accepted then.

local OUTCOME, READ, WORK = {'allow-oom'}, {'no-writes'}, {}
local FUNCTIONS = {
    {'or1_begin', begin, WORK}, {'or1_stage', stage, WORK}, {'or1_full', full, READ}, {'or1_guard', guard, WORK},
    {'or1_commit', commit, WORK}, {'or1_abort', abort, OUTCOME}, {'or1_append', append, OUTCOME},
    {'or1_seek', seek, READ},
    {'or1_claim', claim, WORK}, {'or1_intent', intent, WORK}, {'or1_suppress', suppress, OUTCOME},
    {'or1_settle', settle, OUTCOME}, {'or1_release', release, OUTCOME}, {'or1_sweep', sweep, OUTCOME},
    {'or1_act', act, OUTCOME}, {'or1_resolve', resolve, OUTCOME}, {'or1_resend_silent', resend_silent, OUTCOME},
    {'or1_to_free', to_free, OUTCOME},
    {'or1_find', find_campaign, READ}, {'or1_list', list, READ}, {'or1_chunk', show_chunk, READ}, {'or1_codes', codes, READ},
    {'or1_recount', recount, READ}, {'or1_drop_values', drop_values, OUTCOME},
    {'or1_report', report, OUTCOME}, {'or1_expire_parked', expire_parked, OUTCOME}, {'or1_uplink', uplink, OUTCOME},
    {'or1_carrier', show_carrier, READ}, {'or1_carrier_act', carrier_act, OUTCOME},
    {'or1_beat', beat, OUTCOME}, {'or1_daemons', daemons, OUTCOME}, {'or1_audit', audits.add, OUTCOME}, {'or1_audit_page', audits.page, READ},
    {'or1_audit_verify', audits.verify, READ},
    {'or1_optout_add', optout_add, OUTCOME}, {'or1_optout_remove', optout_remove, OUTCOME},
    {'or1_optout_lookup', optout_lookup, READ}, {'or1_optout_page', optout_page, READ},
    {'or1_dedup', dedup_take, WORK}, {'or1_dedup_ask', dedup_ask, READ}, {'or1_dedup_free', dedup_free, OUTCOME},
    {'or1_alphabet', alphabet, READ},
}
for i = 1, #FUNCTIONS do
    local body = FUNCTIONS[i][2]
    redis.register_function{
        function_name = FUNCTIONS[i][1],
        flags = FUNCTIONS[i][3],
        callback = function(keys, args)
            if not call then
                wake()
            end
            return body(keys, args)
        end,
    }
end
