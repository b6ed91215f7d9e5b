-- What brings the data of an older outreachd to the layout of this one: STEPS[n] makes layout n+1 out of layout n.
-- docs/redis-layout.md, "When the layout changes", says when a step is needed; store/migrate.lua runs them.
--
--   * STEPS[n] = function(call, prefix, at): `prefix` is "<prefix>:", `at` is '0' the first time, then what the step answered last.
--     It does a part of its work, a few thousand keys at most, and answers where to go on (a text without blanks; nil: it is through)
--     and how many things it changed. What it wrote and where it stands become true together, so no part is done twice or left out,
--     whoever is killed when.
--   * It walks by what is numbered or listed (campaigns from 1 to `next`, entries, members). Never by SCAN from one part to the next:
--     the cursor is worth nothing when Redis was started again in between.
--   * A step is never changed once a version was released with it.
local STEPS = {}

-- Layout 2 packs an entry of the ledger into one value. Entries of layout 1 stay as they are, since nothing of the ledger is ever
-- written anew, and are read in their own form: there is nothing to do but to keep daemons away that know only that one.
STEPS[1] = function()
    return nil
end
