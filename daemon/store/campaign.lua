-- A campaign while a function works on it: its record is read once, changed here and written once.

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
