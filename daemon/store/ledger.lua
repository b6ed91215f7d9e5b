-- The pledge ledger: a part of the function library "outreach".
-- docs/ledger.md explains the rules, the keys and their bytes.
--
--   * KEYS[1] is "<prefix>:{l}:"; every key of the ledger shares that tag.
--   * or1_ledger_post is the only function that moves money. It looks first, refuses first and writes last, so a refused step
--     leaves nothing behind. Answers: {0, …}, {1, sentence, word} refused, {3, sentence} no such thing.
--   * An entry is never changed. Totals and pledge summaries are derived in the same call; `ledger verify` recomputes them.
--   * Amounts are whole fen (or thousandths of a unit) up to 10^15, sums of one pledge up to 9*10^15: exact in a double.
--     Totals change only by HINCRBY, which is exact in 64 bits. Numbers become text only by int(): ".." would round.
do
    local function ledger()
        -- Every entry has these fields in this order: by its place here a field is known in the stream, and the digest of an
        -- entry is taken over the values in this order (store/ledger.h has the same list).
        local FIELDS = {'t', 'at', 'by', 'src', 'req', 'c', 'a', 'y', 'p', 'k', 'fen', 'item', 'qty', 'unit', 'value', 'name',
                        'mob', 'org', 'pub', 'purpose', 'note', 'ref', 'was', 'why', 'doc', 'rc', 'to', 'via', 'on', 'due',
                        'peer', 'fl'}
        local PLACES = {} -- the byte of each place

        local call, sub, find, match, gmatch, format, byte, floor, concat, sort, sha1
        local function wake()
            call, sha1 = redis.call, redis.sha1hex
            sub, find, match, gmatch, format, byte = string.sub, string.find, string.match, string.gmatch, string.format, string.byte
            floor, concat, sort = math.floor, table.concat, table.sort
            for i = 1, #FIELDS do
                PLACES[i] = string.char(i)
            end
        end

        local AMOUNT_MAX = 1000000000000000  -- of one entry
        local RUNNING_MAX = 9000000000000000 -- of one pledge; below 2^53
        local TOTAL_MAX = 9.0e18             -- of one total; below 2^63 by more than one entry
        local SERIAL_MAX = 999999999
        local MARK_DIGITS = 12               -- hex digits of an entry's digest kept beside it
        local DIGEST_DIGITS = 16             -- of a request's body
        local DONOR_PLEDGES = 200            -- newest pledges listed for one number
        local CAP_DAYS = 3
        local ROWS_MAX = 6000                -- areas in one answer
        local ITEMS_MAX = 50000

        local MONEY = {cash = true, purchase = true}
        local THINGS = {goods = true, service = true}

        -- ---- small helpers ----

        local function int(x)
            return format('%.0f', x)
        end
        local function no(word, sentence)
            return {1, sentence, word}
        end
        local function missing(sentence)
            return {3, sentence}
        end
        local function number(text)
            return tonumber(text) or 0
        end
        local function amount_of(text)
            if not match(text, '^%d+$') or #text > 16 or tonumber(text) > AMOUNT_MAX then
                return nil
            end
            return tonumber(text)
        end
        -- "12:" for 12. Numbers become text slowly, and every posting writes dozens of lengths.
        local lengths = {}
        local function length(text)
            local out = lengths[#text]
            if not out then
                out = format('%d:', #text)
                lengths[#text] = out
            end
            return out
        end
        -- Two forms of an entry: the canonical bytes over which digests are taken, "<len>:<bytes>," of its number and every value;
        -- and what lies in the stream, of each value that says something the place of its field (one byte), its bytes, a zero byte.
        -- A stream is read value by value, so one for an entry is read ten times as fast as 32, most of them empty.
        local function forms_of(n, e)
            local proof, packed, n_packed = {length(n) .. n .. ','}, {}, 0
            for i = 1, #FIELDS do
                local v = e[FIELDS[i]]
                if v == '' then
                    proof[i + 1] = '0:,'
                else
                    proof[i + 1] = length(v) .. v .. ','
                    n_packed = n_packed + 1
                    packed[n_packed] = PLACES[i] .. v .. '\0'
                end
            end
            return concat(proof), concat(packed)
        end
        -- The values of an entry as XRANGE answers them. Layout 1 had a name and a value for every field.
        local function values_of(flat)
            local e = {}
            if #flat ~= 2 then
                for i = 1, #flat, 2 do
                    e[flat[i]] = flat[i + 1]
                end
                return e
            end
            for i = 1, #FIELDS do
                e[FIELDS[i]] = ''
            end
            for place, value in gmatch(flat[2], '([\1-\32])([^%z]*)%z') do
                e[FIELDS[byte(place)]] = value
            end
            return e
        end
        -- "12.50 yuan", "2.5 袋": for sentences.
        local function amount_text(kind, unit, amount)
            if MONEY[kind] then
                return format('%.0f.%02.0f yuan', floor(amount / 100), amount % 100)
            end
            local text = int(floor(amount / 1000))
            if amount % 1000 > 0 then
                text = text .. '.' .. match(format('%03.0f', amount % 1000), '^(%d-)0*$')
            end
            return text .. ' ' .. unit
        end
        local function day_text(day)
            return sub(day, 1, 4) .. '-' .. sub(day, 5, 6) .. '-' .. sub(day, 7, 8)
        end

        -- ---- areas and numbers (pledge/area.h, pledge/number.h) ----

        local LEVELS = {2, 4, 6, 9, 12}
        local UNASSIGNED = '999999999999'
        local ZEROS = '000000000000'
        local function is_area(a)
            return a == '0' or (#a == 12 and match(a, '^[1-9]%d+$') ~= nil)
        end
        -- From the nation down to the area itself, each once. A posting asks for the same few areas many times.
        local LINEAGES_MAX = 4096
        local lineages, n_lineages = {}, 0
        local function ancestors(a)
            local out = lineages[a]
            if out then
                return out
            end
            out = {'0'}
            if a == UNASSIGNED then
                out[2] = a
            elseif a ~= '0' then
                for i = 1, #LEVELS do
                    local code = sub(a, 1, LEVELS[i]) .. sub(ZEROS, LEVELS[i] + 1)
                    if code ~= out[#out] then
                        out[#out + 1] = code
                    end
                end
            end
            if n_lineages == LINEAGES_MAX then
                lineages, n_lineages = {}, 0
            end
            lineages[a], n_lineages = out, n_lineages + 1
            return out
        end
        local function depth(a)
            local list = ancestors(a)
            if #list == 1 then
                return 0
            end
            for i = 1, #LEVELS do
                if sub(a, LEVELS[i] + 1) == sub(ZEROS, LEVELS[i] + 1) then
                    return LEVELS[i]
                end
            end
        end
        local function county_of(a)
            return a == '0' and '000000' or sub(a, 1, 6)
        end
        -- county and year as text, serial a number -> "513327-2026-000123-54"
        local function number_text(county, year, serial)
            local digits = format('%06.0f', serial)
            local rest = (number(county .. year) % 97 * 10 ^ #digits + serial) % 97
            return county .. '-' .. year .. '-' .. digits .. '-' .. format('%02.0f', 98 - rest * 100 % 97)
        end

        -- ---- reading ----

        local function last(P)
            return number(call('GET', P .. 'n'))
        end
        local function entry_at(P, n)
            local found = call('XRANGE', P .. 'e', n .. '-0', n .. '-0')[1]
            return found and values_of(found[2])
        end
        local AMOUNTS = {'f', 'v', 'ar', 'de', 'wa', 'mo', 'vm'}
        local TEXTS = {'k', 'c', 'a', 'y', 'it', 'un', 'cf', 'x', 'm', 'due', 'e'}
        local function pledge_of(no_text, flat)
            if #flat == 0 then
                return nil
            end
            local p = {no = no_text}
            for i = 1, #flat, 2 do
                p[flat[i]] = flat[i + 1]
            end
            for _, name in ipairs(AMOUNTS) do
                p[name] = number(p[name])
            end
            for _, name in ipairs(TEXTS) do
                p[name] = p[name] or ''
            end
            p.rest = p.f - p.mo - p.wa - p.ar -- below 0 when more came than was pledged
            p.now = p.x ~= '' and p.x or (p.cf == '1' and 'p' or 'u')
            return p
        end
        local function pledge_at(P, no_text)
            return pledge_of(no_text, call('HGETALL', P .. 'p:' .. no_text))
        end
        -- What the area itself holds (received - passed on - spent), of one campaign and year.
        local function held(P, area, e)
            local at = area .. ':' .. e.y .. ':' .. (e.c ~= '' and e.c or '-')
            if MONEY[e.k] then
                return number(call('HGET', P .. 't:' .. at, e.k .. '|HF'))
            end
            return number(call('HGET', P .. 'g:' .. at, e.k .. '|HQ|' .. e.item .. '|' .. e.unit))
        end
        local function main(e)
            return number(MONEY[e.k] and e.fen or e.qty)
        end

        -- The state of a pledge, the first that fits. `lapse`: pledges due before this day have lapsed.
        local STATES = {
            {'void', function(p) return p.x == 'v' end},
            {'withdrawn', function(p) return p.x == 'k' end},
            {'unconfirmed', function(p) return p.cf ~= '1' end},
            {'transferred', function(p) return p.f == p.mo end},
            {'delivered', function(p) return p.ar > 0 and p.rest <= 0 and p.de >= p.ar end},
            {'arrived', function(p) return p.ar > 0 and p.rest <= 0 end},
            {'waived', function(p) return p.rest <= 0 end},
            {'lapsed', function(p, lapse) return p.due ~= '' and number(p.due) < lapse end},
            {'part-arrived', function(p) return p.ar > 0 end},
            {'pledged', function() return true end},
        }
        local function state_of(p, lapse)
            for i = 1, #STATES do
                if STATES[i][2](p, lapse) then
                    return STATES[i][1]
                end
            end
        end

        -- ---- what an entry adds to the totals ----
        -- Rows: measure, sign, at which area of the entry, change of the count. The measures:
        --   u unconfirmed  p pledged  a arrived  d delivered (by the pledge's area)  v void  w waived  k withdrawn  m moved to
        --   another donor  o passed out  i passed in  s spent (delivered by who held it)  r reached (delivered into)  h held
        local EFFECTS = {
            pledge = {{'u', 1, 'a', 1}}, pledge_c = {{'p', 1, 'a', 1}},
            confirm = {{'u', -1, 'a', 1}, {'p', 1, 'a', 1}},
            arrive = {{'a', 1, 'a', 1}, {'h', 1, 'a', 0}},
            deliver = {{'d', 1, 'a', 1}, {'s', 1, 'via', 1}, {'h', -1, 'via', 0}, {'r', 1, 'to', 1}},
            void = {{'u', -1, 'a', 1}, {'v', 1, 'a', 1}}, void_c = {{'p', -1, 'a', 1}, {'v', 1, 'a', 1}},
            void_k = {{'u', -1, 'a', 1}, {'k', 1, 'a', 1}}, void_ck = {{'p', -1, 'a', 1}, {'k', 1, 'a', 1}},
            waive = {{'w', 1, 'a', 1}},
            transfer = {{'p', -1, 'a', 0}, {'m', 1, 'a', 1}}, transfer_w = {{'p', -1, 'a', 1}, {'m', 1, 'a', 1}},
            pass = {{'o', 1, 'a', 1}, {'h', -1, 'a', 0}, {'i', 1, 'to', 1}, {'h', 1, 'to', 0}},
            ticket = {}, close = {},
        }
        -- Flags that choose between rows of EFFECTS: c confirmed, k the donor withdrew, w the whole pledge moved.
        local FLAGGED = {pledge = '[c]', void = '[ck]', transfer = '[w]'}
        local function effects_of(e)
            local t, sign = e.t, 1
            if t == 'reverse' then
                if e.was == 'pledge' then
                    t = 'void' -- its number stays listed
                else
                    t, sign = e.was, -1
                end
            end
            local flags = ''
            if FLAGGED[t] then
                for flag in gmatch(e.fl, FLAGGED[t]) do
                    flags = flags .. flag
                end
            end
            return EFFECTS[flags ~= '' and t .. '_' .. flags or t], sign
        end
        local function add(sums, key, figures)
            if #figures == 0 then
                return
            end
            local at = sums[key]
            if not at then
                at = {}
                sums[key] = at
            end
            for i = 1, #figures, 2 do
                at[figures[i]] = (at[figures[i]] or 0) + figures[i + 1]
            end
        end
        -- name, change, name, change: those that change
        local function figures_of(head, parts, tail, changes)
            local out = {}
            for i = 1, #changes do
                if changes[i] ~= 0 then
                    out[#out + 1] = head .. sub(parts, i, i) .. tail
                    out[#out + 1] = changes[i]
                end
            end
            return out
        end
        -- Names of the totals, and those of the goods, of an area and everything above it, the nation first.
        local NODES_MAX = 8192
        local nodes, n_nodes = {}, 0
        local function nodes_of(area, year, campaign)
            local tail = ':' .. year .. ':' .. campaign
            local name = area .. tail
            local out = nodes[name]
            if out then
                return out
            end
            local list = ancestors(area)
            out = {t = {}, g = {}, n = #list}
            for i = 1, #list do
                out.t[i], out.g[i] = 't:' .. list[i] .. tail, 'g:' .. list[i] .. tail
            end
            if n_nodes == NODES_MAX then
                nodes, n_nodes = {}, 0
            end
            nodes[name], n_nodes = out, n_nodes + 1
            return out
        end
        -- What an entry changes, row by row: {where it counts, how often, fen, quantity}.
        local function changes_of(out, e)
            local rows, sign = effects_of(e)
            local fen_of, thing = number(e.fen), '|' .. e.item .. '|' .. e.unit
            for i = 1, #rows do
                local row = rows[i]
                local area = e[row[3]]
                if row[3] == 'via' and area == '' then
                    area = e.a
                end
                if area ~= '' then
                    local by, fen = row[2] * sign, fen_of
                    if THINGS[e.k] then
                        fen = row[1] == 'h' and 0 or number(e.value)
                    end
                    out[#out + 1] = {e = e, area = area, measure = row[1], thing = thing, n = row[4] * by, fen = fen * by,
                                     qty = number(e.qty) * by}
                end
            end
            return out
        end
        -- Nothing may pass 2^63: the nation's totals over all campaigns bound all others.
        local function overflows(P, changes, book)
            local nation = {}
            for _, change in ipairs(changes) do
                local e = change.e
                local money = 't:0:' .. e.y .. ':*|' .. e.k .. '|' .. change.measure .. 'f'
                nation[money] = (nation[money] or 0) + change.fen
                if change.qty ~= 0 then
                    local things = 'g:0:' .. e.y .. ':*|' .. e.k .. '|' .. change.measure .. 'q' .. change.thing
                    nation[things] = (nation[things] or 0) + change.qty
                end
            end
            for name, delta in pairs(nation) do
                if delta > 0 then
                    if not book.nation[name] then
                        local key, field = match(name, '^([^|]*)|(.*)$')
                        book.nation[name] = number(call('HGET', P .. key, field))
                    end
                    if book.nation[name] + delta > TOTAL_MAX then
                        return true
                    end
                end
            end
            for name, delta in pairs(nation) do
                book.nation[name] = book.nation[name] and book.nation[name] + delta
            end
            return false
        end
        -- Lower case stands for the whole tree under an area, upper case for what was booked at the area itself.
        local function spread(sums, change)
            local e, n, fen, qty = change.e, change.n, change.fen, change.qty
            local low, big = e.k .. '|' .. change.measure, e.k .. '|' .. string.upper(change.measure)
            local tree, direct = figures_of(low, 'nf', '', {n, fen}), figures_of(big, 'NF', '', {n, fen})
            local tree_q, direct_q = figures_of(low, 'q', change.thing, {qty}), figures_of(big, 'Q', change.thing, {qty})
            for _, c in ipairs{e.c ~= '' and e.c or '-', '*'} do
                local at = nodes_of(change.area, e.y, c)
                for i = 1, at.n do
                    add(sums, at.t[i], tree)
                    add(sums, at.g[i], tree_q)
                end
                add(sums, at.t[at.n], direct)
                add(sums, at.g[at.n], direct_q)
            end
        end

        -- ---- the rules of each step ----
        -- By the state of its pledge (u unconfirmed, p confirmed, v void, k withdrawn): true, or why it is refused.

        local VOID, WITHDRAWN = 'it is void', 'its donor has withdrawn it'
        local OPEN_ONLY = {u = 'it is not confirmed: confirm it first', p = true, v = VOID, k = WITHDRAWN}
        local ALLOWED = {
            confirm = {u = true, p = 'it is confirmed already', v = VOID, k = WITHDRAWN},
            arrive = OPEN_ONLY, deliver = OPEN_ONLY, waive = OPEN_ONLY, transfer = OPEN_ONLY,
            void = {u = true, p = true, v = 'it is void already', k = 'its donor has withdrawn it already'},
        }
        -- Sums of a pledge that must be 0 before the whole of it may go.
        local IN_THE_WAY = {{'ar', 'arrived'}, {'wa', 'was waived'}, {'mo', 'was transferred'}}
        local function in_the_way(p)
            for _, row in ipairs(IN_THE_WAY) do
                if p[row[1]] > 0 then
                    return no('state', 'pledge ' .. p.no .. ': ' .. amount_text(p.k, p.un, p[row[1]]) .. ' ' .. row[2] ..
                              ': reverse that first')
                end
            end
        end
        local WHY_VOID = {error = '', donor = 'k'}
        local WHY_REVERSE = {
            pledge = {error = true, donor = true, bank = 'the bank can take back an arrival, not a pledge'},
            arrive = {error = true, donor = true, bank = true},
        }
        local WHY_OTHERS = {error = true, donor = 'only a pledge or an arrival can be taken back by its donor',
                            bank = 'the bank can take back only an arrival'}

        -- Every rule takes the step s = {P, b the entry, p its pledge, set what changes in the summary} and gives nil or an
        -- answer. b comes with '' for what the caller did not say.
        local function copy_subject(b, p)
            b.c, b.a, b.y, b.k, b.item, b.unit = p.c, p.a, p.y, p.k, p.it, p.un
        end
        local function put(b, amount)
            if MONEY[b.k] then
                b.fen, b.qty = int(amount), ''
            else
                b.fen, b.qty = '', int(amount)
            end
        end
        -- The amount of the step in the measure of its kind; nil and an answer when it is none.
        local function asked(b)
            local mine, other = b.fen, b.qty
            if THINGS[b.k] then
                mine, other = b.qty, b.fen
            end
            if other ~= '' and other ~= '0' then
                return nil, no('amount', MONEY[b.k] and 'a pledge of money has no quantity' or
                               'a pledge of ' .. b.k .. ' has a quantity; give what it is worth as the estimated value')
            end
            local amount = amount_of(mine)
            if not amount or amount == 0 then
                return nil, no('amount', 'the amount is from 1 to ' .. int(AMOUNT_MAX) .. ', a whole number')
            end
            if b.value ~= '' and not (THINGS[b.k] and amount_of(b.value)) then
                return nil, no('amount', 'an estimated value is for goods and service, in whole fen')
            end
            put(b, amount)
            return amount
        end
        local function next_serial(P, s, field)
            local serial = number(call('HGET', P .. 'ser', field)) + (s.serials[field] or 0) + 1
            s.serials[field] = (s.serials[field] or 0) + 1
            return serial
        end
        local function new_number(s, e)
            local county, year = county_of(e.a), sub(e.on, 1, 4)
            local serial = next_serial(s.P, s, county .. ':' .. year)
            if serial > SERIAL_MAX then
                return no('amount', 'no numbers are left for ' .. county .. ' in ' .. year)
            end
            e.p, e.y = number_text(county, year, serial), year
        end
        local function has_flag(e, flag)
            return find(e.fl, flag, 1, true) ~= nil
        end

        local STEPS = {}

        function STEPS.pledge(s)
            local b = s.b
            if not is_area(b.a) then
                return no('area', 'a pledge belongs to an area')
            end
            if not MONEY[b.k] and not THINGS[b.k] then
                return no('amount', 'a pledge is cash, goods, purchase or service')
            end
            if (b.k == 'goods' and b.item == '') or (THINGS[b.k] and b.unit == '') then
                return no('amount', 'goods have a name and a unit, service has a unit')
            end
            if MONEY[b.k] and (b.item ~= '' or b.unit ~= '') then
                return no('amount', 'a pledge of money has no item and no unit')
            end
            local _, refusal = asked(b)
            if refusal then
                return refusal
            end
            if s.cap > 0 and b.mob ~= '' and number(call('HGET', s.P .. 'cap:' .. s.today, b.mob)) >= s.cap then
                return no('cap', 'this number has pledged ' .. int(s.cap) .. ' times today, which is the most')
            end
            b.fl = has_flag(b, 'c') and 'c' or ''
            return new_number(s, b)
        end

        function STEPS.confirm(s)
            put(s.b, s.p.f)
            s.b.value, s.b.fl = s.p.v > 0 and int(s.p.v) or '', ''
            s.set.cf = '1'
        end

        function STEPS.arrive(s)
            local b, p = s.b, s.p
            local amount, refusal = asked(b)
            if not amount then
                return refusal
            end
            local over = amount > p.rest
            if over and not has_flag(b, 'o') then
                return no('amount', 'pledge ' .. p.no .. ': ' .. amount_text(p.k, p.un, amount) .. ' is more than is open (' ..
                          amount_text(p.k, p.un, p.rest > 0 and p.rest or 0) .. '): say that more may arrive than was pledged (over)')
            end
            if p.ar + amount > RUNNING_MAX then
                return no('amount', 'pledge ' .. p.no .. ': the sum of its arrivals becomes too large')
            end
            b.fl = over and 'o' or ''
            local county, year = county_of(p.a), sub(b.on, 1, 4)
            local serial = next_serial(s.P, s, 'R' .. county .. ':' .. year)
            if serial > SERIAL_MAX then
                return no('amount', 'no receipt numbers are left for ' .. county .. ' in ' .. year)
            end
            b.rc = 'R' .. number_text(county, year, serial)
            s.receipt = {county .. ':' .. year, serial}
            s.set.ar = int(p.ar + amount)
        end

        function STEPS.deliver(s)
            local b, p = s.b, s.p
            local amount, refusal = asked(b)
            if not amount then
                return refusal
            end
            if amount > p.ar - p.de then
                return no('amount', 'pledge ' .. p.no .. ': ' .. amount_text(p.k, p.un, amount) ..
                          ' is more than has arrived and is not delivered (' .. amount_text(p.k, p.un, p.ar - p.de) .. ')')
            end
            local via = b.via ~= '' and b.via or p.a
            if held(s.P, via, b) < amount then
                return no('held', 'area ' .. via .. ' holds only ' .. amount_text(p.k, p.un, held(s.P, via, b)) ..
                          ' of this: name the area that it was passed to')
            end
            b.via, b.fl = via ~= p.a and via or '', ''
            s.set.de = int(p.de + amount)
        end

        function STEPS.void(s)
            local b, p = s.b, s.p
            local flag = WHY_VOID[b.why]
            if not flag then
                return no('why', 'say why: error (it was entered wrong) or donor (the donor takes it back)')
            end
            local refusal = in_the_way(p)
            if refusal then
                return refusal
            end
            put(b, p.f)
            b.value, b.fl = p.v > 0 and int(p.v) or '', (p.cf == '1' and 'c' or '') .. flag
            s.set.x = flag == 'k' and 'k' or 'v'
        end

        function STEPS.waive(s)
            local b, p = s.b, s.p
            if b.note == '' or b.doc == '' then
                return no('why', 'a waiver names its reason and its document')
            end
            if p.rest <= 0 then
                return no('amount', 'pledge ' .. p.no .. ': nothing is open')
            end
            if b.fen == '' and b.qty == '' then
                put(b, p.rest)
            end
            local amount, refusal = asked(b)
            if not amount then
                return refusal
            end
            if amount > p.rest then
                return no('amount', 'pledge ' .. p.no .. ': ' .. amount_text(p.k, p.un, amount) .. ' is more than is open (' ..
                          amount_text(p.k, p.un, p.rest) .. ')')
            end
            b.fl = ''
            s.set.wa = int(p.wa + amount)
        end

        -- Two entries: what leaves the old pledge, and the new pledge, which names it.
        function STEPS.transfer(s)
            local b, p = s.b, s.p
            if p.rest <= 0 then
                return no('amount', 'pledge ' .. p.no .. ': nothing is open')
            end
            if b.name == '' and b.mob == '' then
                return no('donor', 'name the donor who takes the rest over')
            end
            if b.fen ~= '' or b.qty ~= '' then
                local amount, refusal = asked(b)
                if refusal then
                    return refusal
                end
                if amount ~= p.rest then
                    return no('amount', 'pledge ' .. p.no .. ': the rest is ' .. amount_text(p.k, p.un, p.rest))
                end
            end
            local whole = p.ar + p.wa == 0
            local value = whole and p.v - p.vm or amount_of(b.value ~= '' and b.value or '0')
            if not value or value > p.v - p.vm then
                return no('amount', 'pledge ' .. p.no .. ': the estimated value that moves is at most ' ..
                          amount_text('cash', '', p.v - p.vm))
            end
            put(b, p.rest)
            b.value, b.fl = value > 0 and int(value) or '', whole and 'w' or ''
            local heir = {}
            for _, name in ipairs(FIELDS) do
                heir[name] = b[name]
            end
            heir.t, heir.fl, heir.peer, heir.req, heir.ref = 'pledge', 'c', p.no, '', int(s.n + 1)
            heir.a = b.to ~= '' and b.to or p.a
            heir.to = ''
            local refusal = new_number(s, heir)
            if refusal then
                return refusal
            end
            b.peer, b.to = heir.p, heir.a ~= p.a and heir.a or ''
            b.name, b.mob, b.org, b.pub, b.due, b.purpose = '', '', '', '', '', ''
            s.heir = heir
            s.set.mo = int(p.mo + p.rest)
            s.set.vm = int(p.vm + value)
        end

        local PASSABLE = {cash = true, goods = true}
        function STEPS.pass(s)
            local b = s.b
            if not is_area(b.a) or not is_area(b.to) or b.to == '0' then
                return no('area', 'a transfer goes from an area to another')
            end
            if b.a == b.to then
                return no('area', 'a transfer goes to another area')
            end
            if not PASSABLE[b.k] then
                return no('amount', 'only money and goods can be passed on')
            end
            local amount, refusal = asked(b)
            if not amount then
                return refusal
            end
            b.y = b.y ~= '' and b.y or sub(b.on, 1, 4)
            if not match(b.y, '^%d%d%d%d$') then
                return no('date', 'an activity year has four digits')
            end
            b.fl = ''
            if held(s.P, b.a, b) < amount then
                return no('held', 'area ' .. b.a .. ' holds only ' .. amount_text(b.k, b.unit, held(s.P, b.a, b)) ..
                          ' of this campaign and year')
            end
        end

        function STEPS.ticket(s)
            local b, P = s.b, s.P
            local e = match(b.ref, '^%d+$') and entry_at(P, b.ref)
            if not e then
                return missing('there is no entry ' .. b.ref)
            end
            if e.t ~= 'arrive' then
                return no('state', 'an official ticket belongs to an arrival, and entry ' .. b.ref .. ' is none')
            end
            if call('HEXISTS', P .. 'rev', b.ref) == 1 then
                return no('state', 'entry ' .. b.ref .. ' was reversed')
            end
            if b.doc == '' then
                return no('why', 'a ticket has a number')
            end
            local known = call('HGET', P .. 'tk', b.ref)
            if known then
                return no('state', 'entry ' .. b.ref .. ' has a ticket already (entry ' .. known .. ')')
            end
            s.p = pledge_at(P, e.p)
            b.p, b.rc, b.fl = e.p, e.rc, ''
            copy_subject(b, s.p)
            s.ticket = {b.ref, int(s.n + 1)}
        end

        function STEPS.close(s)
            local b = s.b
            if not is_area(b.a) then
                return no('area', 'a period is closed for an area')
            end
            if number(b.on) >= number(s.today) then
                return no('date', 'a period can be closed through a day that is over')
            end
            local known = call('HGET', s.P .. 'closed', b.a)
            if known and number(known) >= number(b.on) then
                return no('closed', 'this area is closed through ' .. day_text(known) .. ' already')
            end
            b.fl = ''
        end

        -- What each type asks before it is taken back, and what changes in the summary. e: the entry that is reversed.
        local UNDO = {}
        function UNDO.pledge(s, e)
            local flag = s.b.why == 'donor' and 'k' or ''
            local refusal = ALLOWED.void[s.p.now]
            if refusal ~= true then
                return no('state', 'pledge ' .. s.p.no .. ': ' .. refusal)
            end
            s.b.fl = (s.p.cf == '1' and 'c' or '') .. flag
            s.set.x = flag == 'k' and 'k' or 'v'
            return in_the_way(s.p)
        end
        function UNDO.confirm(s)
            if s.p.now ~= 'p' then
                return no('state', 'pledge ' .. s.p.no .. ' is not open')
            end
            s.set.cf = '0'
            return in_the_way(s.p)
        end
        function UNDO.arrive(s, e)
            local amount, p = main(e), s.p
            if amount > p.ar - p.de then
                return no('state', 'pledge ' .. p.no .. ': ' .. amount_text(p.k, p.un, p.de) ..
                          ' of what arrived is delivered: reverse that first')
            end
            if held(s.P, e.a, e) < amount then
                return no('held', 'area ' .. e.a .. ' holds only ' .. amount_text(p.k, p.un, held(s.P, e.a, e)) ..
                          ' of this: reverse first what was passed on')
            end
            s.set.ar = int(p.ar - amount)
            s.void_receipt = match(e.rc, '^R(%d+%-%d+)%-')
        end
        function UNDO.deliver(s, e)
            s.set.de = int(s.p.de - main(e))
        end
        function UNDO.void(s, e)
            local first = entry_at(s.P, match(s.p.e, '^%d+'))
            if first.peer ~= '' and call('HEXISTS', s.P .. 'rev', first.ref) == 1 then
                return no('state', 'pledge ' .. s.p.no .. ' came from pledge ' .. first.peer .. ', which has its rest back')
            end
            s.set.x = ''
        end
        function UNDO.waive(s, e)
            s.set.wa = int(s.p.wa - main(e))
        end
        function UNDO.transfer(s, e)
            local heir = pledge_at(s.P, e.peer)
            if heir.x == '' then
                return no('state', 'the rest went to pledge ' .. e.peer .. ': void that first')
            end
            s.set.mo = int(s.p.mo - main(e))
            s.set.vm = int(s.p.vm - number(e.value))
        end
        function UNDO.pass(s, e)
            if held(s.P, e.to, e) < main(e) then
                return no('held', 'area ' .. e.to .. ' holds only ' .. amount_text(e.k, e.unit, held(s.P, e.to, e)) .. ' of this')
            end
        end
        function UNDO.ticket(s, e)
            s.ticket = {e.ref, ''}
        end
        local FINAL = {reverse = 'a reversal cannot be reversed: enter the step again', close = 'a closed period stays closed'}
        local COPIED = {'c', 'a', 'y', 'p', 'k', 'fen', 'item', 'qty', 'unit', 'value', 'rc', 'to', 'via', 'peer', 'fl'}

        function STEPS.reverse(s)
            local b, P = s.b, s.P
            local e = match(b.ref, '^%d+$') and entry_at(P, b.ref)
            if not e then
                return missing('there is no entry ' .. b.ref)
            end
            if FINAL[e.t] then
                return no('state', FINAL[e.t])
            end
            local known = call('HGET', P .. 'rev', b.ref)
            if known then
                return no('state', 'entry ' .. b.ref .. ' was reversed already (entry ' .. known .. ')')
            end
            local why = (WHY_REVERSE[e.t] or WHY_OTHERS)[b.why]
            if why ~= true then
                return no('why', why or 'say why: error (it was entered wrong), donor or bank (who takes it back)')
            end
            for _, name in ipairs(COPIED) do
                b[name] = e[name]
            end
            b.was = e.t
            if e.p ~= '' then
                s.p = pledge_at(P, e.p)
            end
            s.reversed = b.ref
            return UNDO[e.t](s, e)
        end

        -- ---- posting ----

        local function blank()
            local b = {}
            for i = 1, #FIELDS do
                b[FIELDS[i]] = ''
            end
            return b
        end
        local function posted(P, n, e, repeated)
            local last_n = e.t == 'transfer' and n + 1 or n
            return {0, n, last_n, e.p, e.rc, e.peer, repeated}
        end
        -- What the entries of one call share: the number of the last entry, what they change in the totals, which Redis is told when all of
        -- them are written, and what was looked up already. Of a pledge by itself most of the work is what it adds to the totals of every
        -- area above it.
        local function book_open(P)
            return {n = last(P), changes = {}, weight = 0, nation = {}, closed = {}, areas = {}, years = {}, caps = {}}
        end
        -- The first closed area that the entry touches, and through which day.
        local function closed_by(P, e, book)
            for _, area in ipairs{e.a, e.to, e.via} do
                if area ~= '' then
                    local list = ancestors(area)
                    local days = book.closed[area] or call('HMGET', P .. 'closed', unpack(list))
                    book.closed[area] = days
                    for i = 1, #list do
                        if days[i] and number(days[i]) >= number(e.on) then
                            return list[i], days[i]
                        end
                    end
                end
            end
        end
        local function write_entry(P, n, e)
            local proof, packed = forms_of(n, e)
            call('XADD', P .. 'e', n .. '-0', 'v', packed)
            call('APPEND', P .. 'mark', sub(sha1(proof), 1, MARK_DIGITS))
        end
        local function write_areas(P, area, book)
            if book.areas[area] then
                return
            end
            book.areas[area] = true
            local list = ancestors(area)
            for i = #list, 2, -1 do
                if call('SADD', P .. 'ch:' .. list[i - 1], list[i]) == 0 then
                    return -- known, and so is everything above it
                end
            end
        end
        -- A new pledge: its summary, and its place in the list of its donor.
        local function write_pledge(P, n, e)
            local line = {'k', e.k, 'c', e.c, 'a', e.a, 'y', e.y, 'f', MONEY[e.k] and e.fen or e.qty, 'e', n}
            local more = {v = e.value, it = e.item, un = e.unit, m = e.mob, due = e.due, cf = has_flag(e, 'c') and '1' or ''}
            for _, name in ipairs{'v', 'it', 'un', 'm', 'due', 'cf'} do
                if more[name] ~= '' then
                    line[#line + 1] = name
                    line[#line + 1] = more[name]
                end
            end
            call('HSET', P .. 'p:' .. e.p, unpack(line))
            if e.mob ~= '' then
                local key, field = P .. 'm:' .. sub(e.mob, 1, 7), sub(e.mob, 8)
                local list = call('HGET', key, field)
                list = list and list .. ' ' .. n or n
                local _, count = string.gsub(list, ' ', '')
                if count >= DONOR_PLEDGES then
                    list = match(list, '^%d+ (.*)$')
                end
                call('HSET', key, field, list)
            end
        end
        local function write_sums(P, book)
            local sums, texts = {}, {} -- mostly the same two numbers at every area
            for _, change in pairs(book.changes) do
                spread(sums, change)
            end
            book.changes, book.weight = {}, 0
            for name, fields in pairs(sums) do
                local key = P .. name
                for field, delta in pairs(fields) do
                    if delta ~= 0 then
                        texts[delta] = texts[delta] or int(delta)
                        call('HINCRBY', key, field, texts[delta])
                    end
                end
            end
        end
        -- Changes of the same kind at the same place are one. Their sums are kept small enough for a double to be exact.
        local function note_changes(P, book, changes)
            local weight = 0
            for i = 1, #changes do
                weight = weight + math.abs(changes[i].fen) + math.abs(changes[i].qty)
            end
            if book.weight + weight > RUNNING_MAX then
                write_sums(P, book)
            end
            book.weight = book.weight + weight
            for i = 1, #changes do
                local change = changes[i]
                local e = change.e
                local name = concat({change.measure, change.area, e.y, e.k, e.c, change.thing}, '|')
                local known = book.changes[name]
                if known then
                    known.n, known.fen, known.qty = known.n + change.n, known.fen + change.fen, known.qty + change.qty
                else
                    book.changes[name] = change
                end
            end
        end
        -- What donors are owed a message for: written with the entry, crossed out when the message is in the queue
        -- (store/ledger_owed.h). A donor without mobile is owed nothing, nor is one without campaign: it has the texts.
        local OWES = {pledge = true, confirm = true, arrive = true, ticket = true}
        local function owe(P, n, e, p)
            local mobile = e.t == 'pledge' and e.mob or (p and p.m or '')
            if OWES[e.t] and e.c ~= '' and mobile ~= '' then
                call('ZADD', P .. 'out', n, n)
            end
        end
        local function write_all(s, digest, bucket, changes)
            local P, b, n, book = s.P, s.b, int(s.n + 1), s.book
            local entries = {b, s.heir}
            book.n = s.n + #entries
            note_changes(P, book, changes)
            call('HSET', bucket, b.req, n .. ':' .. digest)
            for field, count in pairs(s.serials) do
                call('HINCRBY', P .. 'ser', field, count)
            end
            for i = 1, #entries do
                local e, id = entries[i], int(s.n + i)
                write_entry(P, id, e)
                owe(P, id, e, s.p)
                for _, area in ipairs{e.a, e.to, e.via} do
                    if area ~= '' then
                        write_areas(P, area, book)
                    end
                end
                if e.y ~= '' and not book.years[e.y] then
                    book.years[e.y] = true
                    call('SADD', P .. 'y', e.y)
                end
                if e.t == 'pledge' then
                    write_pledge(P, id, e)
                end
            end
            if s.p then
                s.set.e = s.p.e .. ' ' .. n
                for name, value in pairs(s.set) do
                    call('HSET', P .. 'p:' .. s.p.no, name, value)
                end
                if s.p.q and (s.set.cf == '1' or (s.set.x or '') ~= '') then
                    take_back(s.p.q, tonumber(b.at)) -- nobody is asked any more what is answered
                    call('HDEL', P .. 'p:' .. s.p.no, 'q')
                end
            end
            if s.reversed then
                call('HSET', P .. 'rev', s.reversed, n)
            end
            if s.receipt then
                call('HSET', P .. 'rc:' .. s.receipt[1], int(s.receipt[2]), n)
            end
            if s.void_receipt then
                call('HINCRBY', P .. 'ser', 'V' .. string.gsub(s.void_receipt, '-', ':'), 1)
            end
            if s.ticket then
                if s.ticket[2] ~= '' then
                    call('HSET', P .. 'tk', s.ticket[1], s.ticket[2])
                else
                    call('HDEL', P .. 'tk', s.ticket[1])
                end
            end
            if b.t == 'close' then
                call('HSET', P .. 'closed', b.a, b.on)
            end
            if s.cap > 0 and b.t == 'pledge' and b.mob ~= '' then
                call('HINCRBY', P .. 'cap:' .. s.today, b.mob, 1)
                if not book.caps[s.today] then
                    book.caps[s.today] = true
                    call('EXPIRE', P .. 'cap:' .. s.today, CAP_DAYS * 86400)
                end
            end
        end

        -- What a caller may say, by type; everything else is worked out here.
        local COMMON = 't by src req note doc on'
        local TAKES = {
            pledge = 'c a k fen item qty unit value name mob org pub purpose due fl',
            confirm = 'p', arrive = 'p fen qty value fl', deliver = 'p fen qty value to via purpose', void = 'p why',
            waive = 'p fen qty value why', transfer = 'p fen qty value to name mob org pub purpose due why',
            pass = 'c a k fen item qty unit value to y purpose', ticket = 'ref', close = 'a', reverse = 'ref why',
        }
        local TAKEN = {}
        local function taken_by(type)
            if not TAKEN[type] then
                local takes = {}
                for name in gmatch(COMMON .. ' ' .. TAKES[type], '%S+') do
                    takes[name] = true
                end
                TAKEN[type] = takes
            end
            return TAKEN[type]
        end
        local TEXT_BYTES, NOTE_BYTES = 256, 2000
        local FORMS = {
            on = {'^2%d%d%d[01]%d[0-3]%d$', 'date', 'a day is written yyyymmdd'},
            due = {'^2%d%d%d[01]%d[0-3]%d$', 'date', 'a day is written yyyymmdd'},
            mob = {'^1%d%d%d%d%d%d%d%d%d%d$', 'donor', 'a mobile number has 11 digits'},
            item = {'^[^|]+$', 'amount', 'the name of a thing contains no |'},
            unit = {'^[^|]+$', 'amount', 'a unit contains no |'},
        }
        local function check_form(s)
            local b = s.b
            if not STEPS[b.t] then
                return no('type', 'there is no such step')
            end
            local takes = taken_by(b.t)
            for i = 1, #s.given do
                local name = s.given[i]
                local value = b[name]
                if value ~= '' then
                    if not takes[name] then
                        return no('type', 'this step does not take ' .. name)
                    end
                    if #value > (name == 'note' and NOTE_BYTES or TEXT_BYTES) or find(value, '[%z\1-\31\127]') then
                        return no('type', name .. ' is too long or contains a control character')
                    end
                    if FORMS[name] and not match(value, FORMS[name][1]) then
                        return no(FORMS[name][2], FORMS[name][3])
                    end
                end
            end
            if #b.req < 1 or #b.req > 64 then
                return no('request', 'an entry needs a request id of 1 to 64 characters')
            end
            if b.on == '' then
                b.on = s.today
            end
            if number(b.on) > number(s.today) then
                return no('date', day_text(b.on) .. ' lies in the future')
            end
            if (b.to ~= '' and not is_area(b.to)) or (b.via ~= '' and not is_area(b.via)) then
                return no('area', 'an area has 12 digits here')
            end
        end
        local function check_pledge(s)
            local b, rule = s.b, ALLOWED[s.b.t]
            if not rule then
                return nil
            end
            s.p = pledge_at(s.P, b.p)
            if not s.p then
                return missing('there is no pledge ' .. b.p)
            end
            if rule[s.p.now] ~= true then
                return no('state', 'pledge ' .. b.p .. ': ' .. rule[s.p.now])
            end
            copy_subject(b, s.p)
        end

        -- One entry of a call: now, today, pledges a number may make a day (0: no limit); name, value, … stand in args[from] … args[to].
        -- `only`: the type it must have, or nil.
        local function post_one(P, book, now, today, cap, args, from, to, only)
            local b, body, given = blank(), {}, {}
            for i = from, to, 2 do
                local name, value, at = args[i], args[i + 1], #given + 1
                if not b[name] then
                    return no('type', 'an entry has no field ' .. name)
                end
                b[name], given[at] = value, name
                body[at] = length(value) .. name .. value
            end
            if only and b.t ~= only then
                return no('type', 'only a ' .. only .. ' is posted here')
            end
            local digest = sub(sha1(concat(body, ',')), 1, DIGEST_DIGITS)
            local bucket = P .. 'req:' .. sub(sha1(b.req), 1, 4)
            local known = call('HGET', bucket, b.req)
            if known then
                local n, was = match(known, '^(%d+):(%x+)$')
                if was ~= digest then
                    return no('request', 'the request ' .. b.req .. ' was used for another entry (' .. n .. ')')
                end
                return posted(P, tonumber(n), entry_at(P, n), 1)
            end
            local s = {P = P, b = b, given = given, book = book, n = book.n, today = today, cap = number(cap), set = {}, serials = {}}
            b.at = now
            local refusal = check_form(s) or check_pledge(s) or STEPS[b.t](s)
            if refusal then
                return refusal
            end
            if b.t ~= 'close' then
                for _, e in ipairs{b, s.heir} do
                    local area, day = closed_by(P, e, book)
                    if area then
                        return no('closed', 'area ' .. area .. ' is closed through ' .. day_text(day) .. ': book it on a later day')
                    end
                end
            end
            local changes = changes_of({}, b)
            if s.heir then
                changes_of(changes, s.heir)
            end
            if overflows(P, changes, book) then
                return no('amount', 'a total becomes too large')
            end
            write_all(s, digest, bucket, changes)
            return posted(P, s.n + 1, b, 0)
        end
        -- The last step of a call, also when an entry of it has failed in the middle: the number of the last entry, and the totals.
        local function book_close(P, book, n_before)
            if book.n > n_before then
                call('SET', P .. 'n', int(book.n))
            end
            write_sums(P, book)
        end

        -- args: now, today, pledges a number may make a day, then name, value, … of the entry.
        local function post(keys, args)
            local P = keys[1]
            local book = book_open(P)
            local n = book.n
            local is_done, answer = pcall(post_one, P, book, args[1], args[2], args[3], args, 4, #args)
            book_close(P, book, n)
            return is_done and answer or error(answer, 0)
        end
        -- Pledges that came together, each as if it were posted alone. args: now, today, then for each: pledges a number may make a day,
        -- how many arguments follow, name, value, …  Answers {0, the answer to each}.
        local function post_pledges(keys, args)
            local P, answer, at = keys[1], {0}, 3
            local book = book_open(P)
            local n, is_done, one = book.n, true, nil
            while is_done and args[at] do
                local from, to = at + 2, at + 1 + tonumber(args[at + 1])
                is_done, one = pcall(post_one, P, book, args[1], args[2], args[at], args, from, to, 'pledge')
                answer[#answer + 1], at = one, to + 1
            end
            book_close(P, book, n)
            return is_done and answer or error(one, 0)
        end

        -- ---- looking ----

        local function entries_of(P, p)
            local out = {}
            for n in gmatch(p.e, '%d+') do
                out[#out + 1] = call('XRANGE', P .. 'e', n .. '-0', n .. '-0')[1]
            end
            return out
        end
        local SHOWN = {'k', 'c', 'a', 'y', 'it', 'un', 'm', 'due', 'f', 'v', 'ar', 'de', 'wa', 'mo', 'rest'}
        local function view(p, lapse)
            local out = {p.no, state_of(p, lapse)}
            for i = 1, #SHOWN do
                local value = p[SHOWN[i]]
                out[i + 2] = type(value) == 'number' and int(value) or value
            end
            return out
        end
        -- A pledge by its number or that of a receipt; nil and an answer.
        local function pledge_called(P, no_text)
            local county, year, serial = match(no_text, '^R(%d+)%-(%d+)%-(%d+)%-')
            if county then
                local n = call('HGET', P .. 'rc:' .. county .. ':' .. year, int(tonumber(serial)))
                local e = n and entry_at(P, n)
                if not e or e.rc ~= no_text then
                    return nil, missing('there is no receipt ' .. no_text)
                end
                no_text = e.p
            end
            local p = pledge_at(P, no_text)
            if not p then
                return nil, missing('there is no pledge ' .. no_text)
            end
            return p
        end
        -- args: number of a pledge or a receipt, lapse day
        local function show(keys, args)
            local P = keys[1]
            local p, answer = pledge_called(P, args[1])
            if not p then
                return answer
            end
            return {0, last(P), view(p, number(args[2])), entries_of(P, p)}
        end

        local function within(area, scope_digits)
            return sub(area, 1, #scope_digits) == scope_digits
        end
        -- Fills `out` with the views (and first entries) that fit; gives whether it is full.
        local function take(P, q, p, out)
            if q.campaign ~= '' and p.c ~= (q.campaign == '-' and '' or q.campaign) then
                return
            end
            if q.year ~= '' and p.y ~= q.year or not within(p.a, q.scope) then
                return
            end
            if q.state ~= '' and state_of(p, q.lapse) ~= q.state then
                return
            end
            local first = match(p.e, '^%d+')
            local entry = call('XRANGE', P .. 'e', first .. '-0', first .. '-0')[1]
            if q.name ~= '' and not (entry and find(values_of(entry[2]).name or '', q.name, 1, true)) then
                return
            end
            out[#out + 1] = {view(p, q.lapse), {entry}}
        end
        local function list_of_donor(P, q)
            local found = call('HGET', P .. 'm:' .. sub(q.mobile, 1, 7), sub(q.mobile, 8))
            local out, numbers = {}, {}
            for n in gmatch(found or '', '%d+') do
                numbers[#numbers + 1] = n
            end
            for i = #numbers, 1, -1 do
                take(P, q, pledge_at(P, entry_at(P, numbers[i]).p), out)
            end
            return {0, last(P), '', out}
        end
        -- The series of numbers in scope, newest year first: {key, county, year, serials given}.
        local function series(P, q)
            local out = {}
            local flat, county_digits = call('HGETALL', P .. 'ser'), sub(q.scope, 1, 6)
            for i = 1, #flat, 2 do
                local county, year = match(flat[i], '^(%d+):(%d+)$')
                if county and within(county, county_digits) and (q.year == '' or q.year == year) then
                    out[#out + 1] = {tonumber(year) * 1000000 + 999999 - tonumber(county), county, year, tonumber(flat[i + 1])}
                end
            end
            sort(out, function(x, y) return x[1] > y[1] end)
            return out
        end
        -- args: scope (leading digits), year, campaign, state, mobile, lapse day, cursor, most rows, most looked at, part of
        -- the donor's name.
        -- The cursor "<key of the series>:<serial>" is where to go on; '' at the end.
        local function list(keys, args)
            local P = keys[1]
            local q = {scope = args[1], year = args[2], campaign = args[3], state = args[4], mobile = args[5],
                       lapse = number(args[6]), name = args[10] or ''}
            if q.mobile ~= '' then
                return list_of_donor(P, q)
            end
            local from_key, from_serial = match(args[7], '^(%d+):(%d+)$')
            local most, budget, out = tonumber(args[8]), tonumber(args[9]), {}
            for _, row in ipairs(series(P, q)) do
                local serial = row[4]
                if from_key and row[1] > tonumber(from_key) then
                    serial = 0 -- done on an earlier page
                elseif from_key and row[1] == tonumber(from_key) then
                    serial = tonumber(from_serial)
                end
                while serial > 0 do
                    if #out >= most or budget <= 0 then
                        return {0, last(P), int(row[1]) .. ':' .. int(serial), out}
                    end
                    take(P, q, pledge_at(P, number_text(row[2], row[3], serial)), out)
                    serial, budget = serial - 1, budget - 1
                end
            end
            return {0, last(P), '', out}
        end

        -- ---- totals ----

        -- The areas of an answer: the area itself, then its children, or everything under it down to `digits` deep.
        local function areas_of(P, area, children, digits)
            local out, todo = {area}, {}
            if not children then
                return out
            end
            for _, code in ipairs(call('SMEMBERS', P .. 'ch:' .. area)) do
                todo[#todo + 1] = code
            end
            while #todo > 0 do
                local code = table.remove(todo)
                out[#out + 1] = code
                if digits > depth(code) then
                    for _, deeper in ipairs(call('SMEMBERS', P .. 'ch:' .. code)) do
                        todo[#todo + 1] = deeper
                    end
                end
                if #out > ROWS_MAX then
                    return nil
                end
            end
            return out
        end
        local function years_of(P, year)
            return year ~= '' and {year} or call('SMEMBERS', P .. 'y')
        end
        -- args: area, year or '' for all, campaign or '*', '1' with children, digits of the level to go down to (0: children).
        -- For each area: its code, and a text "name value name value …" for each year: one string is cheaper than twenty.
        local function totals(keys, args)
            local P = keys[1]
            local areas = areas_of(P, args[1], args[4] == '1', tonumber(args[5]))
            if not areas then
                return no('area', 'more than ' .. ROWS_MAX .. ' areas: ask for a part')
            end
            local years, out = years_of(P, args[2]), {0, last(P)}
            for i = 1, #areas do
                local row = {areas[i]}
                for j = 1, #years do
                    row[j + 1] = concat(call('HGETALL', P .. 't:' .. areas[i] .. ':' .. years[j] .. ':' .. args[3]), ' ')
                end
                out[i + 2] = row
            end
            return out
        end
        -- args: area, year or '', campaign or '*'
        local function goods(keys, args)
            local P = keys[1]
            local out, n = {0, last(P)}, 0
            for _, year in ipairs(years_of(P, args[2])) do
                local key = P .. 'g:' .. args[1] .. ':' .. year .. ':' .. args[3]
                n = n + call('HLEN', key)
                if n > ITEMS_MAX then
                    return no('area', 'more than ' .. ITEMS_MAX .. ' figures of goods: ask for a part')
                end
                out[#out + 1] = call('HGETALL', key)
            end
            return out
        end

        -- ---- proof ----

        -- args: "<area>:<year>:<campaign>", … -> for each its totals and its goods
        local function sums(keys, args)
            local P, out = keys[1], {0, last(keys[1])}
            for i = 1, #args do
                out[#out + 1] = call('HGETALL', P .. 't:' .. args[i])
                out[#out + 1] = call('HGETALL', P .. 'g:' .. args[i])
            end
            return out
        end
        -- args: area, … -> for each its children
        local function children(keys, args)
            local P, out = keys[1], {0, last(keys[1])}
            for i = 1, #args do
                out[#out + 1] = call('SMEMBERS', P .. 'ch:' .. args[i])
            end
            return out
        end
        -- args: number, … -> for each "f v ar de wa mo vm" and the letter of its step, one text; '' when there is none
        local CHECKED = {'f', 'v', 'ar', 'de', 'wa', 'mo', 'vm', 'cf', 'x'}
        local function summaries(keys, args)
            local P, out = keys[1], {0, last(keys[1])}
            for i = 1, #args do
                local v = call('HMGET', P .. 'p:' .. args[i], unpack(CHECKED))
                if not v[1] then
                    out[i + 2] = ''
                else
                    for j = 2, 7 do
                        v[j] = v[j] or '0'
                    end
                    v[8] = (v[9] and v[9] ~= '') and v[9] or (v[8] == '1' and 'p' or 'u')
                    v[9] = nil
                    out[i + 2] = concat(v, ' ', 1, 8)
                end
            end
            return out
        end
        -- args: from entry, to entry -> their marks, one text
        local function marks(keys, args)
            local P = keys[1]
            local from, to = (tonumber(args[1]) - 1) * MARK_DIGITS, tonumber(args[2]) * MARK_DIGITS - 1
            return {0, last(P), call('GETRANGE', P .. 'mark', int(from), int(to))}
        end
        local function serials(keys)
            return {0, last(keys[1]), call('HGETALL', keys[1] .. 'ser')}
        end
        local function closed(keys)
            return {0, last(keys[1]), call('HGETALL', keys[1] .. 'closed')}
        end

        -- args: day, from, to, chain value. The same seal again is fine, any other that does not follow the last is not.
        local function seal(keys, args)
            local P = keys[1]
            local line = concat(args, ' ', 1, 4)
            local newest = call('LINDEX', P .. 'seal', -1)
            if newest == line then
                return {0, call('LLEN', P .. 'seal')}
            end
            local sealed = newest and number(match(newest, '^%d+ %d+ (%d+) ')) or 0
            local from, to = tonumber(args[2]), tonumber(args[3])
            if from ~= sealed + 1 or to < from or to > last(P) then
                return no('state', 'entries up to ' .. int(sealed) .. ' are sealed and ' .. int(last(P)) ..
                          ' are there: a seal begins after the last one')
            end
            return {0, call('RPUSH', P .. 'seal', line)}
        end
        -- args: from index (0 first), most
        local function seals(keys, args)
            local P, from = keys[1], tonumber(args[1])
            return {0, last(P), call('LLEN', P .. 'seal'),
                    call('LRANGE', P .. 'seal', int(from), int(from + tonumber(args[2]) - 1))}
        end

        -- ---- what is owed to donors, and what became of it ----

        local AGAIN_MAX = 20 -- times one message may be ordered again

        -- Another base of the same prefix: "outreach:{mas}:" beside "outreach:{l}:".
        local function base_beside(P, tag)
            return match(P, '^(.*:){[^{}]*}:$') .. '{' .. tag .. '}:'
        end
        -- The name of the message for an entry in the queue, which takes each name once (pledging/receipts.c has the same).
        local function request_of(n, attempt)
            return 'entry:' .. n .. (attempt > 0 and ':' .. int(attempt) or '')
        end
        -- chunk_batch_bucket of store/chunk.h. A product of 56 bits is not exact here, so the factor 16777619 is 2^24 + 403.
        local function bucket_of(text)
            local hash = 2166136261
            for i = 1, #text - 1 do
                local mixed = bit.bxor(hash, byte(text, i)) % 4294967296
                hash = (mixed * 403 + mixed % 256 * 16777216) % 4294967296
            end
            return int(bit.bxor(hash, floor(hash / 65536)) % 65536)
        end
        -- What became of one attempt: {carrier, state byte, code, when that was known, first intent}. ('', '-'): nobody knows.
        local function became(P, n, attempt, carriers)
            local request = request_of(n, attempt)
            local bucket = bucket_of(request)
            for carrier in gmatch(carriers, '%S+') do
                local C = base_beside(P, carrier)
                local tail = call('HGET', C .. 'q:' .. bucket, request)
                local s = tail and call('GETRANGE', C .. 's:' .. tail, 0, 0) or ''
                if s ~= '' then
                    local c = call('HMGET', C .. 'c:' .. match(tail, '^%d+'), 'state', 'base')
                    if s == 'A' and c[1] == 'cancelled' then
                        s = 'Q'
                    end
                    local t, code, when = call('GETRANGE', C .. 't:' .. tail, 0, 3), 0, 0
                    if #t == 4 and s ~= 'A' and s ~= 'Q' then
                        code = byte(t, 1) * 256 + byte(t, 2)
                        when = number(c[2] or '') + (byte(t, 3) * 256 + byte(t, 4)) * 60000
                    end
                    local first = s ~= 'A' and s ~= 'Q' and s ~= 'O' and call('HGET', C .. 'm:' .. tail, 'first')
                    return {carrier, s, code > 0 and call('LINDEX', C .. 'codel', code - 1) or '', when, number(first or '')}
                end
            end
            return {'', '-', '', 0, 0}
        end
        -- {the entry, the first entry of its pledge, the state of the pledge (without a look at its due day), 1 when the entry was
        -- reversed, how often its message was ordered again}, then the entry and the pledge; nil when there is none. `reversed`,
        -- `attempts`: when the caller knows them.
        local function owing_of(P, n, reversed, attempts)
            local row = call('XRANGE', P .. 'e', n .. '-0', n .. '-0')[1]
            local e = row and values_of(row[2])
            local p = e and (e.p or '') ~= '' and pledge_at(P, e.p)
            if not p then
                return nil
            end
            local first = match(p.e, '^%d+')
            return {row, first == n and row or call('XRANGE', P .. 'e', first .. '-0', first .. '-0')[1], state_of(p, 0),
                    reversed or call('HEXISTS', P .. 'rev', n), attempts or number(call('HGET', P .. 'again', n) or '')}, e, p
        end
        local function is_told(e, p)
            return OWES[e.t] and e.c ~= '' and p.m ~= ''
        end
        -- args: after entry, most -> the last number looked at (0: none), for each what owing_of gives.
        local function owed(keys, args)
            local P, out = keys[1], {0, 0}
            local list = call('ZRANGEBYSCORE', P .. 'out', '(' .. args[1], '+inf', 'LIMIT', 0, args[2])
            local reversed = #list > 0 and call('HMGET', P .. 'rev', unpack(list))
            local attempts = #list > 0 and call('HMGET', P .. 'again', unpack(list))
            for i = 1, #list do
                local n = list[i]
                out[2] = tonumber(n)
                out[#out + 1] = owing_of(P, n, reversed[i] and 1 or 0, number(attempts[i] or '')) or nil
            end
            return out
        end
        -- args: entry, which attempt was put into the queue, …: a daemon that comes late with an earlier one crosses out nothing.
        local function owed_done(keys, args)
            local P, list, done = keys[1], {}, {}
            for i = 1, #args, 2 do
                list[#list + 1] = args[i]
            end
            local attempts = call('HMGET', P .. 'again', unpack(list))
            for i = 1, #list do
                if (attempts[i] or '0') == (args[2 * i] or '0') then
                    done[#done + 1] = list[i]
                end
            end
            if #done > 0 then
                call('ZREM', P .. 'out', unpack(done))
            end
            return {0}
        end
        -- args: number of a pledge or a receipt, carriers divided by blanks -> for each entry that is told to the donor what
        -- owing_of gives, 1 when it is owed, what became of each attempt.
        local function messages(keys, args)
            local P, out = keys[1], {0}
            local p, answer = pledge_called(P, args[1])
            if not p then
                return answer
            end
            for n in gmatch(p.e, '%d+') do
                local row, e = owing_of(P, n)
                if row and is_told(e, p) then
                    row[6] = call('ZSCORE', P .. 'out', n) and 1 or 0
                    for attempt = 0, row[5] do
                        row[7 + attempt] = became(P, n, attempt, args[2])
                    end
                    out[#out + 1] = row
                end
            end
            return out
        end

        local UNDER_WAY = {A = 'it waits in the queue', C = 'it is on its way',
                           E = 'nobody knows whether it was sent; its report or `campaign resolve` decides that first'}
        local AT_HAND = {G = 'the carrier has it, and its report may still come', S = 'it was delivered',
                         ['-'] = 'what became of it is not known'}
        -- Why the message of the entry is not ordered again, nil when it may be.
        local function check_again(P, n, anyway, carriers)
            local row, e, p = owing_of(P, n)
            local message = 'the message of entry ' .. n .. ': '
            if not row then
                return missing('there is no entry ' .. n .. ' of a pledge')
            elseif not is_told(e, p) then
                return no('state', 'entry ' .. n .. ' is told to nobody: donors with a mobile number are told of pledges, ' ..
                          'confirmations, arrivals and tickets of a campaign')
            elseif row[4] == 1 then
                return no('state', 'entry ' .. n .. ' was reversed')
            elseif p.x ~= '' then
                return no('state', 'pledge ' .. p.no .. ': ' .. (p.x == 'v' and VOID or WITHDRAWN))
            elseif call('SISMEMBER', base_beside(P, 'o') .. 'a:' .. sub(p.m, 1, 7), int(tonumber(sub(p.m, 8)))) == 1 then
                return no('optout', 'this number wants no messages at all')
            elseif call('ZSCORE', P .. 'out', n) then
                return no('state', message .. 'it is not in the queue yet')
            elseif row[5] >= AGAIN_MAX then
                return no('state', message .. 'it was sent again ' .. AGAIN_MAX .. ' times, which is the most')
            end
            local s = became(P, n, row[5], carriers)[2]
            if UNDER_WAY[s] then
                return no('state', message .. UNDER_WAY[s])
            elseif AT_HAND[s] and not anyway then
                return no('again', message .. AT_HAND[s])
            end
        end
        -- args: entry, request, '1': also when the donor has it or may have it, carriers divided by blanks. The message is owed once
        -- more; the same request again orders nothing. Answers {0, which attempt it is, repeated}.
        local function again(keys, args)
            local P, n, request = keys[1], args[1], args[2]
            if #request < 1 or #request > 64 then
                return no('request', 'an order needs a request id of 1 to 64 characters')
            end
            local bucket, digest = P .. 'req:' .. sub(sha1(request), 1, 4), sub(sha1('again ' .. n .. ' ' .. args[3]), 1, DIGEST_DIGITS)
            local known = call('HGET', bucket, request)
            if known then
                local of, was = match(known, '^(%d+):(%x+)$')
                if was ~= digest then
                    return no('request', 'the request ' .. request .. ' was used for another entry (' .. of .. ')')
                end
                return {0, number(call('HGET', P .. 'again', n) or ''), 1}
            end
            local refusal = check_again(P, n, args[3] == '1', args[4])
            if refusal then
                return refusal
            end
            call('HSET', bucket, request, n .. ':' .. digest)
            local attempt = call('HINCRBY', P .. 'again', n, 1)
            call('ZADD', P .. 'out', n, n)
            return {0, attempt, 0}
        end

        -- Pledges are recorded even at maxmemory: they are what people said, not work of ours.
        serve({
            {'or1_ledger_post', post, OUTCOME}, {'or1_ledger_post_pledges', post_pledges, OUTCOME},
            {'or1_ledger_seal', seal, OUTCOME}, {'or1_ledger_show', show, READ},
            {'or1_ledger_list', list, READ}, {'or1_ledger_totals', totals, READ}, {'or1_ledger_goods', goods, READ},
            {'or1_ledger_sums', sums, READ}, {'or1_ledger_children', children, READ}, {'or1_ledger_summaries', summaries, READ},
            {'or1_ledger_marks', marks, READ}, {'or1_ledger_serials', serials, READ}, {'or1_ledger_closed', closed, READ},
            {'or1_ledger_seals', seals, READ}, {'or1_ledger_owed', owed, READ}, {'or1_ledger_owed_done', owed_done, OUTCOME},
            {'or1_ledger_messages', messages, READ}, {'or1_ledger_again', again, OUTCOME},
        }, wake)
    end
    ledger()
end
