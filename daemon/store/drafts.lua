-- Who wrote a draft, who approved it, and which areas may send for real: a part of the function library "outreach".
-- The text and the list themselves are files (daemon/drafting); docs/redis-layout.md shows the keys.
--
--   * KEYS[1] is "<prefix>:{dr}:".
--   * An approval holds for one digest of the files. Whoever wrote, ever changed or asked cannot approve: that is decided here,
--     in the same step that records it.
do
    local function drafts()
        -- args: id, at, who, what ("create", "edit", "upload"), name of the uploaded file, its digest
        local function touch(keys, args)
            local key = keys[1] .. 'd:' .. args[1]
            if args[4] == 'create' then
                call('DEL', key)
                call('HSET', key, 'author', args[3], 'made', args[2])
            end
            local hands = call('HGET', key, 'hands') or '\n'
            if not string.find(hands, '\n' .. args[3] .. '\n', 1, true) then
                hands = hands .. args[3] .. '\n'
            end
            call('HSET', key, 'by', args[3], 'at', args[2], 'hands', hands)
            call('HDEL', keys[1] .. 'w', args[1]) -- what was asked for or returned is another one now
            if args[4] == 'upload' then
                call('HSET', key, 'upby', args[3], 'upat', args[2], 'file', args[5], 'sha', args[6])
            end
            return {0}
        end
        -- args: id -> the hash
        local function read(keys, args)
            return {0, call('HGETALL', keys[1] .. 'd:' .. args[1])}
        end
        -- args: id
        local function drop(keys, args)
            call('DEL', keys[1] .. 'd:' .. args[1])
            call('HDEL', keys[1] .. 'w', args[1])
            return {0}
        end
        -- who waits for whom: id, "asked" or "returned" …, of all drafts
        local function waiting(keys)
            return {0, call('HGETALL', keys[1] .. 'w')}
        end
        -- args: id, at, who, digest, people
        local function ask(keys, args)
            local key = keys[1] .. 'd:' .. args[1]
            local old = call('HMGET', key, 'state', 'digest')
            if old[1] == 'approved' and old[2] == args[4] then
                return {1, 'it is approved already'}
            end
            call('HDEL', key, 'decby', 'decat', 'why')
            call('HSET', keys[1] .. 'w', args[1], 'asked')
            call('HSET', key, 'state', 'asked', 'digest', args[4], 'people', args[5], 'askby', args[3], 'askat', args[2])
            return {0}
        end
        -- args: id, at, who, digest, "1" to approve, reason
        local function decide(keys, args)
            local key = keys[1] .. 'd:' .. args[1]
            local d = call('HMGET', key, 'state', 'digest', 'author', 'by', 'askby', 'hands')
            local approve = args[5] == '1'
            if d[1] ~= 'asked' and not (d[1] == 'approved' and not approve) then
                return {1, 'nobody has asked for an approval'}
            end
            if approve and d[2] ~= args[4] then
                return {1, 'text or list were changed after the approval was asked for: it must be asked for again'}
            end
            if approve then
                for i, what in ipairs({'wrote it', 'changed it last', 'asked for the approval'}) do
                    if d[i + 2] == args[3] then
                        return {1, 'a second person must approve: ' .. args[3] .. ' ' .. what}
                    end
                end
                if d[6] and string.find(d[6], '\n' .. args[3] .. '\n', 1, true) then
                    return {1, 'a second person must approve: ' .. args[3] .. ' has changed it'}
                end
            end
            if approve then
                call('HDEL', keys[1] .. 'w', args[1])
            else
                call('HSET', keys[1] .. 'w', args[1], 'returned')
            end
            call('HSET', key, 'state', approve and 'approved' or 'returned', 'decby', args[3], 'decat', args[2], 'why', args[6])
            return {0}
        end

        -- ---- areas: "as" their codes, "a:<code>" one of them ----

        -- args: code, at, who, "live" or "trial", reason
        local function area_set(keys, args)
            call('SADD', keys[1] .. 'as', args[1])
            call('HSET', keys[1] .. 'a:' .. args[1], 'state', args[4], 'since', args[2], 'by', args[3], 'why', args[5])
            return {0}
        end
        -- args: code, at, who, numbers split by blanks
        local function area_numbers(keys, args)
            local key = keys[1] .. 'a:' .. args[1]
            call('SADD', keys[1] .. 'as', args[1])
            if call('HSETNX', key, 'state', 'trial') == 1 then
                call('HSET', key, 'since', args[2], 'by', args[3], 'why', '')
            end
            call('HSET', key, 'own', args[4])
            return {0}
        end
        local function area(P, code)
            local a = call('HMGET', P .. 'a:' .. code, 'state', 'since', 'by', 'why', 'own')
            return {code, a[1] or 'trial', a[2] or '0', a[3] or '', a[4] or '', a[5] or ''}
        end
        -- args: code behind which to begin or '', prefix that codes must have, how many at most
        local function area_list(keys, args)
            local P, out = keys[1], {0}
            local after, prefix, most = args[1] or '', args[2] or '', tonumber(args[3] or 6000) -- a daemon of before there were pages names none
            local codes = call('SMEMBERS', P .. 'as')
            table.sort(codes)
            for _, code in ipairs(codes) do
                if #out > most then
                    break
                end
                if code > after and string.sub(code, 1, #prefix) == prefix then
                    out[#out + 1] = area(P, code)
                end
            end
            return out
        end
        -- args: codes from the area itself up to "0" -> {0, state by the nearest record, own numbers of all of them}
        local function area_find(keys, args)
            local own, state = '', nil
            for i = 1, #args do
                local a = call('HMGET', keys[1] .. 'a:' .. args[i], 'state', 'own')
                state = state or a[1] or nil
                if a[2] then
                    own = own .. ' ' .. a[2]
                end
            end
            return {0, state or 'trial', own}
        end
        -- args: day, whose, messages, most a day
        local function allowance_take(keys, args)
            local key = keys[1] .. 't:' .. args[1] .. ':' .. args[2]
            local left = tonumber(args[4]) - tonumber(call('GET', key) or '0')
            if tonumber(args[3]) > left then
                return {1, string.format('%.0f', left > 0 and left or 0) .. ' of ' .. args[4] .. ' messages are left for today'}
            end
            call('INCRBY', key, args[3])
            call('EXPIRE', key, 172800)
            return {0}
        end
        -- args: day, whose -> messages taken so far
        local function allowance_taken(keys, args)
            return {0, tonumber(call('GET', keys[1] .. 't:' .. args[1] .. ':' .. args[2]) or '0')}
        end

        -- ---- people that somebody launched to without an approval: "l:<user>", `id` -> `at:people` ----

        local DAY_MS = 86400000
        -- What she launched in the last 24 hours, without `id`; forgets what is older. Time is that of Redis.
        local function launched(key, id, now)
            local all, sum = call('HGETALL', key), 0
            for i = 1, #all, 2 do
                local at, people = string.match(all[i + 1], '^(%d+):(%d+)$')
                if at and tonumber(at) > now - DAY_MS and all[i] ~= id then
                    sum = sum + tonumber(people)
                end
            end
            return sum, all
        end
        -- args: user, id, people, most. The same id again counts once: it is the same list, or one that was never sent to.
        local function launched_take(keys, args)
            local key, now = keys[1] .. 'l:' .. args[1], redis_now()
            local sum, all = launched(key, args[2], now)
            if sum + tonumber(args[3]) > tonumber(args[4]) then
                return {1, sum == 0 and 'a campaign to so many people must be approved by a second person' or
                        string.format('with %.0f of the last 24 hours these are more than %s people: a second person must approve it',
                                      sum, args[4])}
            end
            for i = 1, #all, 2 do
                local at = string.match(all[i + 1], '^(%d+):')
                if not at or tonumber(at) <= now - DAY_MS then
                    call('HDEL', key, all[i])
                end
            end
            call('HSET', key, args[2], string.format('%.0f:%s', now, args[3]))
            call('PEXPIRE', key, DAY_MS)
            return {0}
        end
        -- args: user, id -> people of other campaigns in the last 24 hours
        local function launched_sum(keys, args)
            return {0, (launched(keys[1] .. 'l:' .. args[1], args[2], redis_now()))}
        end

        serve{
            {'or1_launched_take', launched_take, WORK}, {'or1_launched_sum', launched_sum, READ}, {'or1_draft_touch', touch, WORK},
            {'or1_draft_read', read, READ}, {'or1_draft_drop', drop, WORK}, {'or1_draft_waiting', waiting, READ}, {'or1_draft_ask', ask, WORK},
            {'or1_draft_decide', decide, WORK}, {'or1_area_set', area_set, WORK}, {'or1_area_numbers', area_numbers, WORK},
            {'or1_area_list', area_list, READ}, {'or1_area_find', area_find, READ}, {'or1_allowance_take', allowance_take, WORK},
            {'or1_allowance_taken', allowance_taken, READ},
        }
    end
    drafts()
end
