-- Retention: what finished campaigns knew of people is deleted after a time, their figures stay; a part of the function library
-- "outreach". docs/operations.md, "Retention", says what goes and what stays.
--
--   * A campaign that is purged has no chunks any more (`n_chunks` 0), so that whatever walks over chunks finds none; `pc` is how
--     many it had, `pg` how many of them are deleted, `purged` when the last went. Its counters are those of its last day.
--   * Old is what both clocks call old, that of Redis and that of the caller: one of them being wrong deletes nothing.
do
    local function retention()
        local LOOK_MAX, UPLINKS_MAX = 500, 100000
        local OVER = {done = true, cancelled = true}
        local STANDS_STILL = {missed = true, paused = true, scheduled = true, sending = true}
        local PERSONAL = {'text', 'signature', 'optout', 'source_file'}

        local function before(now, keep)
            local mine, theirs = redis_now(), tonumber(now)
            return (mine < theirs and mine or theirs) - tonumber(keep)
        end
        -- When it was over, nil when it is not, or not long enough. One that nobody decided about is over in fact: it stands still, nobody in
        -- it is in flight, its end and whatever last happened to it are as long ago. An import that was broken off is no campaign yet.
        local function over_since(P, seq, limit, v)
            local state, finished, in_flight = v[1], tonumber(v[2] or '') or 0, tonumber(v[5] or '') or 0
            local changed, last_day = tonumber(v[11] or '') or 0, tonumber(v[12] or '') or 0
            if v[3] or v[4] == '1' or in_flight > 0 then
                return nil
            elseif OVER[state] then
                return finished > 0 and finished < limit and call('SISMEMBER', P .. 'live', seq) == 0 and finished or nil
            elseif STANDS_STILL[state] or state == 'importing' then
                return changed > 0 and changed < limit and (last_day < limit or state == 'importing') and changed or nil
            end
            return nil
        end
        -- Fields that decide and when it was over; nil when it is not to be purged.
        local function due(P, seq, limit)
            local v = call('HMGET', P .. 'c:' .. seq, 'state', 'finished', 'purged', 'open', 'nC', 'n_chunks', 'id', 'accepted', 'dedup_group',
                           'pc', 'changed', 'end_ms', 'staged')
            local since = over_since(P, seq, limit, v)
            return since and v, since
        end
        -- from campaign, now, how long it is kept. Answers {0, where to go on or 0, campaign or 0, id, over since, accepted, dedup group,
        -- chunks, 1: it is an import that was broken off}.
        local function purge_next(keys, args)
            local P, from, limit = keys[1], tonumber(args[1]), before(args[2], args[3])
            local last = tonumber(call('GET', P .. 'next') or '0')
            local to = from + LOOK_MAX - 1 < last and from + LOOK_MAX - 1 or last
            for seq = from, to do
                local v, since = due(P, string.format('%d', seq), limit)
                if v then
                    local is_import = v[1] == 'importing'
                    return {0, seq < last and seq + 1 or 0, seq, v[7], since, tonumber(v[is_import and 13 or 8]) or 0, v[9] or '',
                            tonumber(v[6]) or 0, is_import and 1 or 0}
                end
            end
            return {0, to < last and to + 1 or 0, 0}
        end
        -- The numbers of a chunk's ambiguous recipients leave the index.
        local function forget_ambiguous(P, tail)
            local s, p = call('GET', P .. 's:' .. tail) or '', call('GET', P .. 'p:' .. tail) or ''
            local at = string.find(s, 'E', 1, true)
            while at do
                local number = string.sub(p, at * 5 - 4, at * 5)
                local keep = index_drop(call('HGET', P .. 'amb', number) or '', tail)
                if #keep > 0 then
                    call('HSET', P .. 'amb', number, table.concat(keep, ';'))
                else
                    call('HDEL', P .. 'amb', number)
                end
                at = string.find(s, 'E', at + 1, true)
            end
        end
        -- campaign, now, how long it is kept, most chunks. Answers {0, chunks left}.
        local function purge(keys, args)
            local P, seq, most = keys[1], args[1], tonumber(args[4])
            local v, since = due(P, seq, before(args[2], args[3]))
            if not v or v[1] == 'importing' then
                return {1, 'this campaign is not to be purged'}
            end
            local key = P .. 'c:' .. seq
            if not OVER[v[1]] then
                act({P}, {seq, 'cancel', 'outreachd', 'nobody decided as long as numbers are kept', '0', args[2]})
                call('HSET', key, 'finished', since) -- so that the next call finds it as long over
            end
            local chunks, done = tonumber(v[10] or v[6]) or 0, tonumber(call('HGET', key, 'pg') or '0')
            local to = done + most < chunks and done + most or chunks
            for n = done, to - 1 do
                local tail = seq .. ':' .. n
                forget_ambiguous(P, tail)
                call('UNLINK', P .. 'p:' .. tail, P .. 's:' .. tail, P .. 'v:' .. tail, P .. 'r:' .. tail, P .. 'w:' .. tail, P .. 't:' .. tail,
                     P .. 'm:' .. tail)
                call('ZREM', P .. 'rs', tail)
            end
            call('HSET', key, 'pc', chunks, 'pg', to, 'n_chunks', 0, 'cursor', 0)
            if to >= chunks then
                call('UNLINK', P .. 'rz:' .. seq, P .. 'ac:' .. seq, P .. 'az:' .. seq)
                call('ZREM', P .. 'fv', seq)
                call('SREM', P .. 'fr', seq)
                for _, field in ipairs(PERSONAL) do
                    call('HSET', key, field, '')
                end
                call('HSET', key, 'purged', string.format('%.0f', redis_now()))
            end
            return {0, chunks - to}
        end
        -- now, how long they are kept, 1: only count. Answers {0, how many}.
        local function purge_uplinks(keys, args)
            local limit = before(args[1], args[2])
            if limit <= 0 then
                return {0, 0}
            end
            local id = string.format('%.0f', limit)
            if args[3] == '1' then
                return {0, #call('XRANGE', keys[1] .. 'up', '-', '(' .. id, 'COUNT', UPLINKS_MAX)}
            end
            return {0, call('XTRIM', keys[1] .. 'up', 'MINID', '=', id)}
        end

        serve{
            {'or1_purge_next', purge_next, READ}, {'or1_purge', purge, OUTCOME}, {'or1_purge_uplinks', purge_uplinks, OUTCOME},
        }
    end
    retention()
end
