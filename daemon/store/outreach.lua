#!lua name=outreach
-- The function library of outreachd: every step that moves a recipient is one function here, atomic, and changes the
-- counters in the same call. Each may be called again with the same arguments when its answer was lost (docs/redis-layout.md
-- says for each what the second call does). Keys and their bytes: docs/redis-layout.md.
--
-- One text in several files, in the order of CMakeLists.txt. This one and campaign, chunk, parked and account hold what the others
-- share: their names are seen by every later part. Each of the others is closed in itself (do ... end) and registers its functions,
-- because a text may have 200 names at its top level.
--
-- Rules of all parts
--   * A function that raises an error is not rolled back by Redis: look first, refuse first, write last.
--   * KEYS[1] is the base "<prefix>:{<tag>}:"; every other key is built from it and shares its hash tag.
--   * Answers are arrays; the first element is 0 fine, 1 refused (a sentence follows), 2 stale, 3 not found, 4 busy, 5 see there.
--   * Times are milliseconds. What is waited for by more than one daemon (leases, silences, token buckets, chunks that were put
--     off, the rest of an account) goes by Redis' own clock (redis_now); what only goes on record comes from the caller.
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
local PAUSE_MS_MAX = 30 * 86400000 -- no pause for a time is longer
local DELAY_MAX_MS = 600000     -- nobody puts a chunk off for longer
local SKIPS_MAX = 200           -- empty chunks one claim looks at
local BULK = 500                -- fields of one HMGET, HSET, HDEL
local BATCH_CHUNKS_MAX = 16     -- chunks one carrier batch id may be bound to
local OLD_TOKENS_MAX = 4        -- lost attempts of a chunk whose late verdicts are still believed
local TEXTS_MAX = 5120          -- numbers whose text is remembered
local PUT_OFF_MS = 10000        -- a silent chunk that may not be sent again just now is looked at again after this
local PARKED_NAMES_BYTES = 2048 -- names of batches under which one number is parked
local TESTED_MS = 7 * 86400000  -- the id of a test message is known for this long; reports come for 72 h
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

-- ---- registration ----

-- Flags of a function. Outcomes, reports, opt-outs and orders of people are recorded even at maxmemory (allow-oom); new work is not
-- accepted then.
local OUTCOME, READ, WORK = {'allow-oom'}, {'no-writes'}, {}

-- Registers {name, body, flags} each. `rouse` runs once before the first of them: wake, unless a part needs more than that.
local function serve(functions, rouse)
    local asleep = true
    for i = 1, #functions do
        local body = functions[i][2]
        redis.register_function{
            function_name = functions[i][1],
            flags = functions[i][3],
            callback = function(keys, args)
                if asleep then
                    (rouse or wake)()
                    asleep = false
                end
                return body(keys, args)
            end,
        }
    end
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

-- What daemons wait for on account of one another is measured by the one clock that they share: a daemon whose own clock is wrong
-- must not take a living neighbour's chunk for a dead one's, nor take more than its part of a rate. Such times never leave Redis:
-- what a caller gives and gets are durations. A time that was written when it was still the caller's clock is in the same unit: it
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
