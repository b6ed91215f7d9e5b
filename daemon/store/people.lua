-- People: users and their sessions; a part of the function library "outreach".
-- docs/redis-layout.md has the keys and fields. Time is that of Redis (redis_now of outreach.lua): sessions are common to all
-- daemons.
--
--   * KEYS[1] is "<prefix>:{u}:"; users, sessions and tokens share that tag.
--   * A session is found by the digest of its token, never by the token. It goes by itself when it was idle too long or when
--     its absolute end has come, and it is worth nothing once its user's `gen` has changed (another password, other rights,
--     disabled).
do
    local function people()
        local function int(x)
            return string.format('%.0f', x)
        end
        -- Something that ran with a login or a token may have lost its right: whoever still serves it looks again.
        local function ended(keys)
            call('INCR', keys[1] .. 'rev')
        end
        local PAGE_MAX = 10000 -- rows, for a daemon of before there were pages
        local MAY_CHANGE = {title = true, roles = true, area = true, disabled = true, hash = true}

        -- name, title, roles, area, hash
        local function user_add(keys, args)
            local key = keys[1] .. 'u:' .. args[1]
            if call('EXISTS', key) == 1 then
                return {1, 'there is a user ' .. args[1] .. ' already'}
            end
            call('HSET', key, 'name', args[1], 'title', args[2], 'roles', args[3], 'area', args[4], 'hash', args[5], 'disabled', '0',
                 'gen', '1', 'created', int(redis_now()), 'login', '0')
            call('SADD', keys[1] .. 'users', args[1])
            return {0}
        end
        -- The tokens of a user end: who changes a password because somebody knows it must not leave that one a token.
        local function drop_tokens(keys, name)
            local all = call('HGETALL', keys[1] .. 'tokens')
            for i = 1, #all, 2 do
                local key = keys[1] .. 't:' .. all[i + 1]
                if call('HGET', key, 'owner') == name then
                    call('DEL', key)
                    call('HDEL', keys[1] .. 'tokens', all[i])
                end
            end
        end
        -- name, then field and value, as many as change
        local function user_change(keys, args)
            local key = keys[1] .. 'u:' .. args[1]
            if call('EXISTS', key) == 0 then
                return {3, 'there is no user ' .. args[1]}
            end
            local before = call('HGETALL', key)
            local drops, ends_tokens = false, false
            for i = 2, #args, 2 do
                if not MAY_CHANGE[args[i]] then
                    return {1, args[i] .. ' of a user is not changed'}
                end
                drops = drops or (args[i] ~= 'title' and call('HGET', key, args[i]) ~= args[i + 1])
                ends_tokens = ends_tokens or args[i] == 'hash' or (args[i] == 'disabled' and args[i + 1] ~= '0')
            end
            for i = 2, #args, 2 do
                call('HSET', key, args[i], args[i + 1])
            end
            if ends_tokens then
                drop_tokens(keys, args[1])
            end
            if drops then
                call('HINCRBY', key, 'gen', 1)
                ended(keys)
            end
            return {0, before}
        end
        local function user_show(keys, args)
            local fields = call('HGETALL', keys[1] .. 'u:' .. args[1])
            if #fields == 0 then
                return {3, 'there is no user ' .. args[1]}
            end
            return {0, fields}
        end
        -- name behind which to begin or '', how many at most
        local function user_list(keys, args)
            local names, out = call('SMEMBERS', keys[1] .. 'users'), {0}
            local after, most = args[1] or '', tonumber(args[2] or PAGE_MAX)
            table.sort(names)
            for i = 1, #names do
                if #out > most then
                    break
                end
                if names[i] > after then
                    out[#out + 1] = call('HGETALL', keys[1] .. 'u:' .. names[i])
                end
            end
            return out
        end

        -- ---- attempts: buckets of failures, so that guessing is slow and nobody is locked out for long ----

        local ACCOUNT = {key = 'la:', most = 10, each_ms = 36000} -- 100 an hour (ASVS 2.2.1)
        local ADDRESS = {key = 'ld:', most = 60, each_ms = 5000}  -- an office has one address
        -- A bucket is the time at which it is empty again. Answers ms to wait, 0: taken.
        local function take(keys, limit, name, now)
            local key = keys[1] .. limit.key .. name
            local full_ms = limit.most * limit.each_ms
            local empty_at = math.max(tonumber(call('GET', key) or 0), now)
            if empty_at + limit.each_ms > now + full_ms then
                return empty_at + limit.each_ms - now - full_ms
            end
            call('SET', key, int(empty_at + limit.each_ms), 'PX', int(full_ms))
            return 0
        end
        -- user, address: an attempt, before the password is looked at. Answers {0} | {5, ms to wait}.
        local function login_try(keys, args)
            local now = redis_now()
            local wait = take(keys, ADDRESS, args[2], now)
            if wait == 0 then
                wait = take(keys, ACCOUNT, args[1], now)
            end
            if wait > 0 then
                return {5, wait}
            end
            return {0}
        end
        -- user: the password was right
        local function login_good(keys, args)
            call('DEL', keys[1] .. ACCOUNT.key .. args[1])
            return {0}
        end

        -- ---- tokens of programs ----

        -- digest, id, owner, title, roles, area, ms it lives
        local function token_add(keys, args)
            local ends = redis_now() + tonumber(args[7])
            call('HSET', keys[1] .. 't:' .. args[1], 'id', args[2], 'owner', args[3], 'title', args[4], 'roles', args[5], 'area', args[6],
                 'created', int(redis_now()), 'ends', int(ends), 'used', '0')
            call('PEXPIRE', keys[1] .. 't:' .. args[1], args[7])
            call('HSET', keys[1] .. 'tokens', args[2], args[1])
            return {0, ends}
        end
        -- digest. Answers {0, the token, its owner}.
        local function token_look(keys, args)
            local key = keys[1] .. 't:' .. args[1]
            local token = call('HGETALL', key)
            if #token == 0 then
                return {3, 'there is no such token'}
            end
            local owner = call('HGETALL', keys[1] .. 'u:' .. call('HGET', key, 'owner'))
            call('HSET', key, 'used', int(redis_now()))
            return {0, token, owner}
        end
        -- owner or '' for all, id behind which to begin or '', how many at most. Those that have ended are forgotten here.
        local function token_list(keys, args)
            local all, ids, digests, out, most = call('HGETALL', keys[1] .. 'tokens'), {}, {}, {0}, tonumber(args[3] or PAGE_MAX)
            for i = 1, #all, 2 do
                if all[i] > (args[2] or '') then
                    ids[#ids + 1], digests[all[i]] = all[i], all[i + 1]
                end
            end
            table.sort(ids)
            for i = 1, #ids do
                if #out > most then
                    break
                end
                local key = keys[1] .. 't:' .. digests[ids[i]]
                local owner = call('HGET', key, 'owner')
                if not owner then
                    call('HDEL', keys[1] .. 'tokens', ids[i])
                elseif args[1] == '' or args[1] == owner then
                    out[#out + 1] = call('HGETALL', key)
                end
            end
            return out
        end
        -- id, owner or '' for whosever
        local function token_drop(keys, args)
            local digest = call('HGET', keys[1] .. 'tokens', args[1])
            local owner = digest and call('HGET', keys[1] .. 't:' .. digest, 'owner')
            if not owner or (args[2] ~= '' and args[2] ~= owner) then
                return {3, 'there is no token ' .. args[1]}
            end
            call('DEL', keys[1] .. 't:' .. digest)
            call('HDEL', keys[1] .. 'tokens', args[1])
            ended(keys)
            return {0}
        end

        -- ---- requests that are done once, by a key of the client's own ----

        -- name, digest of the request, ms until it counts as broken off. Answers {0, '', ''} the first time | {0, status, body} of the first time |
        -- {5} another request had this key | {6} it is still under way.
        local function once_begin(keys, args)
            local key = keys[1] .. 'i:' .. args[1]
            local seen = call('HMGET', key, 'd', 'st', 'b')
            if not seen[1] then
                call('HSET', key, 'd', args[2])
                call('PEXPIRE', key, args[3])
                return {0, '', ''}
            end
            if seen[1] ~= args[2] then
                return {5}
            end
            if not seen[2] then
                return {6}
            end
            return {0, seen[2], seen[3]}
        end
        -- name, status, body, ms it is kept; status '': it came to nothing, the key is free again
        local function once_end(keys, args)
            local key = keys[1] .. 'i:' .. args[1]
            if args[2] == '' then
                call('DEL', key)
            elseif call('EXISTS', key) == 1 then
                call('HSET', key, 'st', args[2], 'b', args[3])
                call('PEXPIRE', key, args[4])
            end
            return {0}
        end

        -- ---- sessions ----

        -- digest of the token, user, gen the password was checked against, csrf, idle ms, ms it may live in all, digest of the
        -- session it replaces or ''. Answers {0, absolute end}.
        local function session_open(keys, args)
            local user = call('HMGET', keys[1] .. 'u:' .. args[2], 'gen', 'disabled')
            if user[1] ~= args[3] or user[2] ~= '0' then
                return {1, 'the user has just been changed'}
            end
            local now = redis_now()
            local ends = now + tonumber(args[6])
            if args[7] ~= '' then
                call('DEL', keys[1] .. 's:' .. args[7])
                ended(keys)
            end
            call('HSET', keys[1] .. 's:' .. args[1], 'user', args[2], 'gen', args[3], 'csrf', args[4], 'ends', int(ends), 'confirmed', int(now))
            call('PEXPIRE', keys[1] .. 's:' .. args[1], int(math.min(tonumber(args[5]), tonumber(args[6]))))
            call('HSET', keys[1] .. 'u:' .. args[2], 'login', int(now))
            return {0, ends}
        end
        -- digest, idle ms (0: nobody uses it just now, it ends when it would have), ms a confirmation holds. Answers {0, csrf, absolute end, end of the confirmation (0: none), the user}.
        local function session_look(keys, args)
            local key = keys[1] .. 's:' .. args[1]
            local s = call('HMGET', key, 'user', 'gen', 'csrf', 'ends', 'confirmed')
            if not s[1] then
                return {3, 'there is no such session'}
            end
            local now = redis_now()
            local left = tonumber(s[4]) - now
            local user = call('HGETALL', keys[1] .. 'u:' .. s[1])
            local gen, disabled
            for i = 1, #user, 2 do
                if user[i] == 'gen' then gen = user[i + 1] end
                if user[i] == 'disabled' then disabled = user[i + 1] end
            end
            if gen ~= s[2] or disabled ~= '0' or left <= 0 then
                call('DEL', key)
                return {3, 'the session has ended'}
            end
            if tonumber(args[2]) > 0 then
                call('PEXPIRE', key, int(math.min(tonumber(args[2]), left)))
            end
            local confirmed = tonumber(s[5]) + tonumber(args[3])
            return {0, s[3], tonumber(s[4]), confirmed > now and confirmed or 0, user}
        end
        -- digest. Does not count as use: a page that only listens does not keep its session.
        local function session_lives(keys, args)
            local s = call('HMGET', keys[1] .. 's:' .. args[1], 'user', 'gen', 'ends')
            local user = s[1] and call('HMGET', keys[1] .. 'u:' .. s[1], 'gen', 'disabled')
            if user and user[1] == s[2] and user[2] == '0' and tonumber(s[3]) > redis_now() then
                return {0}
            end
            return {3, 'the session has ended'}
        end
        local function session_close(keys, args)
            call('DEL', keys[1] .. 's:' .. args[1])
            ended(keys)
            return {0}
        end
        -- digest, ms a confirmation holds. Answers {0, end of the confirmation}.
        local function session_confirm(keys, args)
            local key = keys[1] .. 's:' .. args[1]
            if call('EXISTS', key) == 0 then
                return {3, 'the session has ended'}
            end
            local now = redis_now()
            call('HSET', key, 'confirmed', int(now))
            return {0, now + tonumber(args[2])}
        end

        -- Nobody is locked out because Redis is full.
        serve{
            {'or1_user_add', user_add, OUTCOME}, {'or1_user_change', user_change, OUTCOME}, {'or1_user_show', user_show, READ},
            {'or1_user_list', user_list, READ}, {'or1_session_open', session_open, OUTCOME}, {'or1_session_look', session_look, OUTCOME},
            {'or1_login_try', login_try, OUTCOME}, {'or1_login_good', login_good, OUTCOME}, {'or1_token_add', token_add, OUTCOME},
            {'or1_token_look', token_look, OUTCOME}, {'or1_token_list', token_list, OUTCOME}, {'or1_token_drop', token_drop, OUTCOME},
            {'or1_once_begin', once_begin, OUTCOME}, {'or1_once_end', once_end, OUTCOME}, {'or1_session_close', session_close, OUTCOME},
            {'or1_session_confirm', session_confirm, OUTCOME}, {'or1_session_lives', session_lives, READ},
        }
    end
    people()
end
