-- People: users and their sessions; the third part of the function library "outreach" (store/library.c appends this text).
-- docs/redis-layout.md has the keys and fields. Time is that of Redis (redis_now of outreach.lua): sessions are common to all
-- daemons.
--
--   * KEYS[1] is "<prefix>:{u}:"; users, sessions and tokens share that tag.
--   * A session is found by the digest of its token, never by the token. It goes by itself when it was idle too long or when
--     its absolute end has come, and it is worth nothing once its user's `gen` has changed (another password, other rights,
--     disabled).
do
    local function people()
        local call
        local function wake()
            call = redis.call
        end
        local function int(x)
            return string.format('%.0f', x)
        end
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
        -- name, then field and value, as many as change
        local function user_change(keys, args)
            local key = keys[1] .. 'u:' .. args[1]
            if call('EXISTS', key) == 0 then
                return {3, 'there is no user ' .. args[1]}
            end
            local before = call('HGETALL', key)
            local drops = false
            for i = 2, #args, 2 do
                if not MAY_CHANGE[args[i]] then
                    return {1, args[i] .. ' of a user is not changed'}
                end
                drops = drops or (args[i] ~= 'title' and call('HGET', key, args[i]) ~= args[i + 1])
            end
            for i = 2, #args, 2 do
                call('HSET', key, args[i], args[i + 1])
            end
            if drops then
                call('HINCRBY', key, 'gen', 1)
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
        local function user_list(keys)
            local names, out = call('SMEMBERS', keys[1] .. 'users'), {0}
            table.sort(names)
            for i = 1, #names do
                out[#out + 1] = call('HGETALL', keys[1] .. 'u:' .. names[i])
            end
            return out
        end

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
            end
            call('HSET', keys[1] .. 's:' .. args[1], 'user', args[2], 'gen', args[3], 'csrf', args[4], 'ends', int(ends), 'confirmed', int(now))
            call('PEXPIRE', keys[1] .. 's:' .. args[1], int(math.min(tonumber(args[5]), tonumber(args[6]))))
            call('HSET', keys[1] .. 'u:' .. args[2], 'login', int(now))
            return {0, ends}
        end
        -- digest, idle ms, ms a confirmation holds. Answers {0, csrf, absolute end, end of the confirmation (0: none), the user}.
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
            call('PEXPIRE', key, int(math.min(tonumber(args[2]), left)))
            local confirmed = tonumber(s[5]) + tonumber(args[3])
            return {0, s[3], tonumber(s[4]), confirmed > now and confirmed or 0, user}
        end
        local function session_close(keys, args)
            call('DEL', keys[1] .. 's:' .. args[1])
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
        local OUTCOME, READ = {'allow-oom'}, {'no-writes'}
        local FUNCTIONS = {
            {'user_add', user_add, OUTCOME}, {'user_change', user_change, OUTCOME}, {'user_show', user_show, READ},
            {'user_list', user_list, READ}, {'session_open', session_open, OUTCOME}, {'session_look', session_look, OUTCOME},
            {'session_close', session_close, OUTCOME}, {'session_confirm', session_confirm, OUTCOME},
        }
        for i = 1, #FUNCTIONS do
            local body = FUNCTIONS[i][2]
            redis.register_function{
                function_name = 'or1_' .. FUNCTIONS[i][1],
                flags = FUNCTIONS[i][3],
                callback = function(keys, args)
                    if not call then
                        wake()
                    end
                    return body(keys, args)
                end,
            }
        end
    end
    people()
end
