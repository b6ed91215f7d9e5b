-- Restoring a backup; a part of the function library "outreach".
-- docs/operations.md, "Backup and restore", says what it promises.
--
--   * KEYS[1] is "<prefix>:". The keys of the backup are put under "<prefix>~restore:" one by one, and come to their place in one
--     call, which is all of it or nothing: Redis writes it to its append-only file as one transaction.
--   * These functions touch every key of the prefix and so run on one Redis, not on a cluster.
do
    local function restoring()
        local ALIVE_MS = 30000 -- a daemon that was heard of so lately may be at work
        local DROP_MAX = 20000

        local function staging(prefix)
            return string.sub(prefix, 1, -2) .. '~restore:'
        end
        -- Names that begin with `prefix` and go on.
        local function names(prefix)
            local found, seen, at = {}, {}, '0'
            repeat
                local page = call('SCAN', at, 'COUNT', 1000)
                at = page[1]
                for _, name in ipairs(page[2]) do
                    if #name > #prefix and string.sub(name, 1, #prefix) == prefix and not seen[name] then
                        seen[name] = true
                        found[#found + 1] = name
                    end
                end
            until at == '0'
            return found
        end
        -- What a daemon writes by merely being there.
        local function is_trace(rest)
            return rest == 'schema' or rest == '{n}:d' or string.sub(rest, 1, 4) == '{a}:' or
                       string.match(rest, '^{[^}]*}:carrier$') ~= nil
        end
        local function last_beat(record)
            return tonumber(string.match(record, '^[^\t]*\t[^\t]*\t[^\t]*\t[^\t]*\t(%d+)')) or 0
        end
        local function is_alive(prefix, daemon)
            return last_beat(call('HGET', prefix .. '{n}:d', daemon) or '') > redis_now() - ALIVE_MS
        end
        -- The reason why nothing may be put here, or nil.
        local function hindrance(prefix, owner, replace)
            local daemons = call('HGETALL', prefix .. '{n}:d')
            for i = 1, #daemons, 2 do
                if daemons[i] ~= owner and last_beat(daemons[i + 1]) > redis_now() - ALIVE_MS then
                    return 'the daemon ' .. daemons[i] .. ' is running on this Redis too: stop it first'
                end
            end
            if replace then
                return nil
            end
            for _, name in ipairs(names(prefix)) do
                local rest = string.sub(name, #prefix + 1)
                if not is_trace(rest) then
                    rest = string.gsub(rest, '[^\32-\126]', '?') -- parts of some names are packed numbers
                    return 'this Redis holds data already (' .. rest .. '): restore into an empty one, or say --replace to lose what is here'
                end
            end
            return nil
        end
        -- Throws away what a restore has brought. The name that all of them begin with is a key too, from its begin to its end: who was at
        -- it. true: there is more
        local function drop_staged(prefix)
            local old = names(staging(prefix))
            for i = 1, math.min(#old, DROP_MAX) do
                call('UNLINK', old[i])
            end
            if #old <= DROP_MAX then
                call('DEL', staging(prefix))
            end
            return #old > DROP_MAX
        end
        -- owner, replace: may it begin? Throws away what an earlier one left; 5: more of that is left
        local function restore_begin(keys, args)
            local why = hindrance(keys[1], args[1], args[2] == '1')
            if why then
                return {1, why}
            end
            local more = drop_staged(keys[1])
            call('SET', staging(keys[1]), args[1])
            return {more and 5 or 0}
        end
        -- owner, is it asked for again: throws away a restore of his that was broken off, or of a daemon that is gone; 5: there is more.
        -- A restore that begins in between is let be.
        local CLEARING = '(being cleared)'
        local function restore_clear(keys, args)
            local by = call('GET', staging(keys[1]))
            if not by or (args[2] == '1' and by ~= CLEARING) then
                return {0}
            elseif by ~= args[1] and by ~= CLEARING and is_alive(keys[1], by) then
                return {0}
            end
            call('SET', staging(keys[1]), CLEARING)
            return {drop_staged(keys[1]) and 5 or 0}
        end
        -- owner, replace, how many keys, actor, reason for the pause of the accounts, now
        local function restore_swap(keys, args)
            local prefix = keys[1]
            local why = hindrance(prefix, args[1], args[2] == '1')
            if why then
                return {1, why}
            end
            local from = staging(prefix)
            local new = names(from)
            if #new ~= tonumber(args[3]) then
                return {1, 'of ' .. args[3] .. ' keys ' .. #new .. ' are there: something else writes to them; nothing was changed'}
            end
            for _, name in ipairs(names(prefix)) do
                call('UNLINK', name)
            end
            for _, name in ipairs(new) do
                call('RENAME', name, prefix .. string.sub(name, #from + 1))
            end
            call('DEL', from)
            -- What was sent after the backup is not known here, and a person has to look before anything goes out again. Only now:
            -- the account's own key is among the renamed ones, and they come in any order.
            for _, name in ipairs(new) do
                local base = string.match(string.sub(name, #from + 1), '^({[^}]*}:)next$')
                if base then
                    call('HSET', prefix .. base .. 'carrier', 'state', 'paused', 'reason', args[5], 'actor', args[4], 'code', '', 'since',
                         args[6], 'resume_at', 0)
                end
            end
            return {0, #new}
        end

        serve{
            {'or1_restore_begin', restore_begin, OUTCOME}, {'or1_restore_swap', restore_swap, OUTCOME},
            {'or1_restore_clear', restore_clear, OUTCOME},
        }
    end
    restoring()
end
