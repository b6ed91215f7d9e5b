-- Two steps that a later version might have, in front of test_upgrade.py's eyes: each counts what it is done to, so that a part
-- that was done twice or left out is seen.
STEPS[#STEPS + 1] = function(call, prefix, at)
    -- Campaigns of the account mas, one a part.
    local base, seq = prefix .. '{mas}:', tonumber(at) + 1
    if seq > tonumber(call('GET', base .. 'next') or '0') then
        return nil
    end
    call('HINCRBY', base .. 'c:' .. seq, 'later', 1)
    return string.format('%d', seq), 1
end
STEPS[#STEPS + 1] = function(call, prefix, at)
    -- Entries of the ledger, four a part; ends together with its last part.
    local base, from = prefix .. '{l}:', tonumber(at)
    local last = tonumber(call('GET', base .. 'n') or '0')
    local to = math.min(from + 4, last)
    for n = from + 1, to do
        call('HINCRBY', base .. 'later', n, 1)
    end
    return to < last and string.format('%d', to) or nil, to - from
end
