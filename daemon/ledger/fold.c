/* Memory: 8 bytes an entry, 80 a pledge, 400 a node and kind. A pledge is found without a hash:
 * numbers have no gaps, so a series is an array. Nodes, areas, texts and goods are found by open
 * addressing over indexes. */
#include "ledger/fold.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "pledge/money.h"

#define ALL_CAMPAIGNS 0U /* ids of the two texts that fold_new puts in first */
#define NO_CAMPAIGN 1U
#define NO_INDEX UINT32_MAX
#define GAP_MAX                                                                                    \
    1000000 /* numbers that somebody may have left out; more is a number out of the air */

/* ---- an index: hash -> position in an array of the caller ---- */

struct index {
    uint32_t *slots; /* position + 1; 0 is free */
    size_t n, room;  /* room is a power of two */
};

typedef bool same_fn(const void *arg, uint32_t position);

static uint32_t index_find(const struct index *index, uint64_t hash, same_fn *same, const void *arg)
{
    if (index->room == 0)
        return NO_INDEX;
    for (size_t at = hash & (index->room - 1);; at = (at + 1) & (index->room - 1)) {
        if (index->slots[at] == 0)
            return NO_INDEX;
        if (same(arg, index->slots[at] - 1))
            return index->slots[at] - 1;
    }
}

static void index_put(struct index *index, uint64_t hash, uint32_t position)
{
    size_t at = hash & (index->room - 1);
    while (index->slots[at] != 0)
        at = (at + 1) & (index->room - 1);
    index->slots[at] = position + 1;
}

/* Puts one more in; `hash_of` gives the hash of every position when the table grows. */
static enum err index_add(struct index *index, uint64_t hash, uint32_t position,
                          uint64_t (*hash_of)(const void *arg, uint32_t position), const void *arg)
{
    if (index->n * 2 >= index->room) {
        struct index bigger = {.n = index->n, .room = index->room == 0 ? 64 : index->room * 2};
        bigger.slots = calloc(bigger.room, sizeof *bigger.slots);
        if (bigger.slots == NULL)
            return ERR_NOMEM;
        for (size_t i = 0; i < index->room; i++) {
            if (index->slots[i] != 0)
                index_put(&bigger, hash_of(arg, index->slots[i] - 1), index->slots[i] - 1);
        }
        free(index->slots);
        *index = bigger;
    }
    index_put(index, hash, position);
    index->n++;
    return ERR_OK;
}

/* ---- what a fold holds ---- */

struct node {
    uint64_t area;
    uint32_t year, campaign;
    uint32_t first_thing;
    struct ledger_figure (
        *of[PLEDGE_KINDS])[LEDGER_MEASURES]; /* [scope][measure]; NULL: nothing of this kind */
};

struct thing {
    uint32_t node, item, unit, next;
    enum pledge_kind kind;
    int64_t thousandths[LEDGER_SCOPES][LEDGER_MEASURES];
};

struct place {
    uint64_t code;
    uint32_t parent, first_child, next_sibling;
};

struct pledge {
    struct ledger_sums sums;
    uint64_t subject; /* hash of area, campaign, kind, item, unit */
};

struct series {
    uint32_t county, year;
    struct pledge *pledges;
    size_t n, room;
    uint64_t receipts, void_receipts;
};

struct past { /* of each entry: what a reversal of it must repeat, and whether it was reversed */
    uint64_t hash;
};

#define LIST(type)                                                                                 \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t n, room;                                                                            \
    }

struct fold {
    fold_fault_fn *on_fault;
    void *arg;
    uint64_t last;
    LIST(char *) texts;
    LIST(struct node) nodes;
    LIST(struct thing) things;
    LIST(struct place) places;
    LIST(struct series) series;
    LIST(struct past) past;
    struct index by_text, by_node, by_thing, by_place, by_series;
};

/* Room for one more in a list. `at` is the address of a pointer of any type. */
static enum err grow(void *at, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return ERR_OK;
    void *list;
    memcpy(&list, at, sizeof list);
    size_t more = *room == 0 ? 16 : *room * 2;
    list = realloc(list, more * size);
    if (list == NULL)
        return ERR_NOMEM;
    memcpy(at, &list, sizeof list);
    *room = more;
    return ERR_OK;
}
#define GROW(list) grow(&(list).at, (list).n, &(list).room, sizeof *(list).at)

/* Amounts that somebody made up must not overflow: they wrap, and differ. */
static void add64(int64_t *sum, int64_t more)
{
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)more);
}

static void PRINTF_LIKE(3, 4)
    fault(const struct fold *fold, uint64_t entry, const char *format, ...)
{
    char sentence[256];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    fold->on_fault(fold->arg, entry, sentence);
}

static uint64_t hash_bytes(const char *bytes)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *bytes != '\0'; bytes++)
        hash = (hash ^ (uint8_t)*bytes) * UINT64_C(1099511628211);
    return digest_mix64(hash);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return digest_mix64(hash ^ (value + UINT64_C(0x9e3779b97f4a7c15)));
}

/* ---- texts ---- */

struct text_key {
    const struct fold *fold;
    const char *text;
};

static bool same_text(const void *arg, uint32_t position)
{
    const struct text_key *key = arg;
    return strcmp(key->fold->texts.at[position], key->text) == 0;
}

static uint64_t hash_of_text(const void *arg, uint32_t position)
{
    return hash_bytes(((const struct fold *)arg)->texts.at[position]);
}

static uint32_t find_text(const struct fold *fold, const char *text)
{
    struct text_key key = {fold, text};
    return index_find(&fold->by_text, hash_bytes(text), same_text, &key);
}

static enum err text_id(struct fold *fold, const char *text, uint32_t *id)
{
    *id = find_text(fold, text);
    if (*id != NO_INDEX)
        return ERR_OK;
    char *copy = strdup(text);
    if (copy == NULL || GROW(fold->texts) != ERR_OK) {
        free(copy);
        return ERR_NOMEM;
    }
    *id = (uint32_t)fold->texts.n;
    fold->texts.at[fold->texts.n++] = copy;
    return index_add(&fold->by_text, hash_bytes(text), *id, hash_of_text, fold);
}

/* ---- areas ---- */

struct place_key {
    const struct fold *fold;
    uint64_t code;
};

static bool same_place(const void *arg, uint32_t position)
{
    const struct place_key *key = arg;
    return key->fold->places.at[position].code == key->code;
}

static uint64_t hash_of_place(const void *arg, uint32_t position)
{
    return digest_mix64(((const struct fold *)arg)->places.at[position].code);
}

static uint32_t find_place(const struct fold *fold, uint64_t code)
{
    struct place_key key = {fold, code};
    return index_find(&fold->by_place, digest_mix64(code), same_place, &key);
}

static enum err add_place(struct fold *fold, uint64_t code, uint32_t parent)
{
    if (GROW(fold->places) != ERR_OK)
        return ERR_NOMEM;
    uint32_t position = (uint32_t)fold->places.n++;
    fold->places.at[position] = (struct place){code, parent, NO_INDEX, NO_INDEX};
    if (parent != NO_INDEX) {
        fold->places.at[position].next_sibling = fold->places.at[parent].first_child;
        fold->places.at[parent].first_child = position;
    }
    return index_add(&fold->by_place, digest_mix64(code), position, hash_of_place, fold);
}

static enum err know_area(struct fold *fold, uint64_t area)
{
    uint64_t chain[AREA_LEVELS];
    size_t n = area_ancestors(area, chain);
    uint32_t parent = NO_INDEX;
    for (size_t i = 0; i < n; i++) {
        uint32_t here = find_place(fold, chain[i]);
        if (here == NO_INDEX && add_place(fold, chain[i], parent) != ERR_OK)
            return ERR_NOMEM;
        parent = here != NO_INDEX ? here : (uint32_t)fold->places.n - 1;
    }
    return ERR_OK;
}

/* ---- nodes ---- */

struct node_key {
    const struct fold *fold;
    uint64_t area;
    uint32_t year, campaign;
};

static uint64_t hash_node(uint64_t area, uint32_t year, uint32_t campaign)
{
    return mix(area, (uint64_t)year << 32 | campaign);
}

static bool same_node(const void *arg, uint32_t position)
{
    const struct node_key *key = arg;
    const struct node *node = &key->fold->nodes.at[position];
    return node->area == key->area && node->year == key->year && node->campaign == key->campaign;
}

static uint64_t hash_of_node(const void *arg, uint32_t position)
{
    const struct node *node = &((const struct fold *)arg)->nodes.at[position];
    return hash_node(node->area, node->year, node->campaign);
}

static uint32_t find_node(const struct fold *fold, uint64_t area, uint32_t year, uint32_t campaign)
{
    struct node_key key = {fold, area, year, campaign};
    return index_find(&fold->by_node, hash_node(area, year, campaign), same_node, &key);
}

static enum err node_id(struct fold *fold, uint64_t area, uint32_t year, uint32_t campaign,
                        uint32_t *id)
{
    *id = find_node(fold, area, year, campaign);
    if (*id != NO_INDEX)
        return ERR_OK;
    if (GROW(fold->nodes) != ERR_OK)
        return ERR_NOMEM;
    *id = (uint32_t)fold->nodes.n++;
    fold->nodes.at[*id] =
        (struct node){.area = area, .year = year, .campaign = campaign, .first_thing = NO_INDEX};
    return index_add(&fold->by_node, hash_node(area, year, campaign), *id, hash_of_node, fold);
}

/* ---- goods of a node ---- */

struct thing_key {
    const struct fold *fold;
    uint32_t node, item, unit;
    enum pledge_kind kind;
};

static uint64_t hash_thing(uint32_t node, enum pledge_kind kind, uint32_t item, uint32_t unit)
{
    return mix((uint64_t)node << 32 | item, (uint64_t)kind << 32 | unit);
}

static bool same_thing(const void *arg, uint32_t position)
{
    const struct thing_key *key = arg;
    const struct thing *thing = &key->fold->things.at[position];
    return thing->node == key->node && thing->item == key->item && thing->unit == key->unit &&
           thing->kind == key->kind;
}

static uint64_t hash_of_thing(const void *arg, uint32_t position)
{
    const struct thing *thing = &((const struct fold *)arg)->things.at[position];
    return hash_thing(thing->node, thing->kind, thing->item, thing->unit);
}

static uint32_t find_thing(const struct fold *fold, uint32_t node, enum pledge_kind kind,
                           uint32_t item, uint32_t unit)
{
    struct thing_key key = {fold, node, item, unit, kind};
    return index_find(&fold->by_thing, hash_thing(node, kind, item, unit), same_thing, &key);
}

static enum err thing_id(struct fold *fold, uint32_t node, enum pledge_kind kind, uint32_t item,
                         uint32_t unit, uint32_t *id)
{
    *id = find_thing(fold, node, kind, item, unit);
    if (*id != NO_INDEX)
        return ERR_OK;
    if (GROW(fold->things) != ERR_OK)
        return ERR_NOMEM;
    *id = (uint32_t)fold->things.n++;
    struct node *owner = &fold->nodes.at[node];
    fold->things.at[*id] = (struct thing){
        .node = node, .item = item, .unit = unit, .next = owner->first_thing, .kind = kind};
    owner->first_thing = *id;
    return index_add(&fold->by_thing, hash_thing(node, kind, item, unit), *id, hash_of_thing, fold);
}

/* ---- what an entry adds ---- */

enum where { AT_AREA, AT_TO, AT_VIA };
struct effect {
    enum ledger_measure measure;
    int sign;
    enum where where;
    bool counts;
};
struct effects {
    size_t n;
    struct effect rows[4];
};

#define M(name) LEDGER_M_##name
static const struct effects of_type[LEDGER_TYPES] = {
    [LEDGER_PLEDGE] = {1, {{M(UNCONFIRMED), 1, AT_AREA, true}}},
    [LEDGER_CONFIRM] = {2, {{M(UNCONFIRMED), -1, AT_AREA, true}, {M(PLEDGED), 1, AT_AREA, true}}},
    [LEDGER_ARRIVE] = {2, {{M(ARRIVED), 1, AT_AREA, true}, {M(HELD), 1, AT_AREA, false}}},
    [LEDGER_DELIVER] = {4,
                        {{M(DELIVERED), 1, AT_AREA, true},
                         {M(SPENT), 1, AT_VIA, true},
                         {M(HELD), -1, AT_VIA, false},
                         {M(REACHED), 1, AT_TO, true}}},
    [LEDGER_VOID] = {2, {{M(UNCONFIRMED), -1, AT_AREA, true}, {M(VOID), 1, AT_AREA, true}}},
    [LEDGER_WAIVE] = {1, {{M(WAIVED), 1, AT_AREA, true}}},
    [LEDGER_TRANSFER] = {2, {{M(PLEDGED), -1, AT_AREA, false}, {M(MOVED), 1, AT_AREA, true}}},
    [LEDGER_PASS] = {4,
                     {{M(OUT), 1, AT_AREA, true},
                      {M(HELD), -1, AT_AREA, false},
                      {M(IN), 1, AT_TO, true},
                      {M(HELD), 1, AT_TO, false}}},
};

/* The rows of an entry: those of its type, changed by its flags. *sign: -1 for what is taken back.
 */
static struct effects effects_of(const struct ledger_entry *entry, int *sign)
{
    enum ledger_type type = entry->type;
    *sign = 1;
    if (type == LEDGER_REVERSE) {
        type = entry->was == LEDGER_PLEDGE ? LEDGER_VOID
                                           : entry->was; /* the number of a pledge stays listed */
        *sign = entry->was == LEDGER_PLEDGE ? 1 : -1;
    }
    struct effects effects = of_type[type];
    if (type == LEDGER_PLEDGE && entry->confirmed)
        effects.rows[0].measure = M(PLEDGED);
    if (type == LEDGER_VOID && entry->had_confirmed)
        effects.rows[0].measure = M(PLEDGED);
    if (type == LEDGER_VOID && entry->withdrawn)
        effects.rows[1].measure = M(WITHDRAWN);
    if (type == LEDGER_TRANSFER && entry->whole)
        effects.rows[0].counts = true;
    return effects;
}

static bool is_money(enum pledge_kind kind)
{
    return kind == PLEDGE_CASH || kind == PLEDGE_PURCHASE;
}

struct addition {
    const struct ledger_entry *entry;
    uint32_t campaign, item, unit;
    int64_t count, fen, thousandths;
    enum ledger_measure measure;
};

static enum err add_at_node(struct fold *fold, uint64_t area, uint32_t campaign, bool direct,
                            const struct addition *a)
{
    uint32_t id, thing;
    enum pledge_kind kind = a->entry->kind;
    if (node_id(fold, area, a->entry->year, campaign, &id) != ERR_OK)
        return ERR_NOMEM;
    struct node *node = &fold->nodes.at[id];
    if (node->of[kind] == NULL &&
        (node->of[kind] = calloc(LEDGER_SCOPES, sizeof *node->of[kind])) == NULL)
        return ERR_NOMEM;
    for (int scope = LEDGER_TREE; scope <= (direct ? LEDGER_DIRECT : LEDGER_TREE); scope++) {
        node->of[kind][scope][a->measure].count += a->count;
        add64(&node->of[kind][scope][a->measure].fen, a->fen);
    }
    if (is_money(kind))
        return ERR_OK;
    if (thing_id(fold, id, kind, a->item, a->unit, &thing) != ERR_OK)
        return ERR_NOMEM;
    for (int scope = LEDGER_TREE; scope <= (direct ? LEDGER_DIRECT : LEDGER_TREE); scope++)
        add64(&fold->things.at[thing].thousandths[scope][a->measure], a->thousandths);
    return ERR_OK;
}

static enum err add_everywhere(struct fold *fold, uint64_t area, const struct addition *a)
{
    uint64_t chain[AREA_LEVELS];
    size_t n = area_ancestors(area, chain);
    for (size_t i = 0; i < n; i++) {
        if (add_at_node(fold, chain[i], a->campaign, i + 1 == n, a) != ERR_OK ||
            add_at_node(fold, chain[i], ALL_CAMPAIGNS, i + 1 == n, a) != ERR_OK)
            return ERR_NOMEM;
    }
    return ERR_OK;
}

static enum err add_effects(struct fold *fold, const struct ledger_entry *entry)
{
    int sign;
    struct effects effects = effects_of(entry, &sign);
    if (effects.n == 0)
        return ERR_OK;
    struct addition a = {.entry = entry, .campaign = NO_CAMPAIGN};
    if ((entry->campaign[0] != '\0' && text_id(fold, entry->campaign, &a.campaign) != ERR_OK) ||
        text_id(fold, entry->item, &a.item) != ERR_OK ||
        text_id(fold, entry->unit, &a.unit) != ERR_OK)
        return ERR_NOMEM;
    for (size_t i = 0; i < effects.n; i++) {
        const struct effect *effect = &effects.rows[i];
        uint64_t via = entry->via != 0 ? entry->via : entry->area;
        uint64_t area = effect->where == AT_TO    ? entry->to
                        : effect->where == AT_VIA ? via
                                                  : entry->area;
        if (effect->where == AT_TO && entry->to == 0)
            continue;
        int s = effect->sign * sign;
        int64_t fen = is_money(entry->kind)        ? entry->fen
                      : effect->measure == M(HELD) ? 0
                                                   : entry->value_fen;
        a.measure = effect->measure;
        a.count = effect->counts ? s : 0;
        a.fen = s * fen;
        a.thousandths = s * entry->thousandths;
        if (add_everywhere(fold, area, &a) != ERR_OK)
            return ERR_NOMEM;
    }
    return ERR_OK;
}

/* ---- numbers and pledges ---- */

struct series_key {
    const struct fold *fold;
    uint32_t county, year;
};

static bool same_series(const void *arg, uint32_t position)
{
    const struct series_key *key = arg;
    const struct series *series = &key->fold->series.at[position];
    return series->county == key->county && series->year == key->year;
}

static uint64_t hash_of_series(const void *arg, uint32_t position)
{
    const struct series *series = &((const struct fold *)arg)->series.at[position];
    return mix(series->county, series->year);
}

static enum err series_of(struct fold *fold, const struct number *number, struct series **series)
{
    struct series_key key = {fold, number->county, number->year};
    uint64_t hash = mix(number->county, number->year);
    uint32_t id = index_find(&fold->by_series, hash, same_series, &key);
    if (id == NO_INDEX) {
        if (GROW(fold->series) != ERR_OK)
            return ERR_NOMEM;
        id = (uint32_t)fold->series.n++;
        fold->series.at[id] = (struct series){.county = number->county, .year = number->year};
        if (index_add(&fold->by_series, hash, id, hash_of_series, fold) != ERR_OK)
            return ERR_NOMEM;
    }
    *series = &fold->series.at[id];
    return ERR_OK;
}

static bool read_number(const struct fold *fold, uint64_t entry, const char *text, bool is_receipt,
                        uint64_t area, struct number *number)
{
    char proper[NUMBER_TEXT_SIZE];
    if (number_parse(text, strlen(text), number) != ERR_OK || number->is_receipt != is_receipt ||
        strcmp(number_format(number, proper), text) != 0) {
        fault(fold, entry, "%s is no number of a %s", text, is_receipt ? "receipt" : "pledge");
        return false;
    }
    if (number->county != area / 1000000) {
        fault(fold, entry, "the number %s is not of the county of its area %012" PRIu64, text,
              area);
        return false;
    }
    return true;
}

static uint64_t hash_subject(const struct ledger_entry *entry)
{
    uint64_t hash = mix(entry->area, entry->kind);
    hash = mix(hash, hash_bytes(entry->campaign));
    return mix(mix(hash, hash_bytes(entry->item)), hash_bytes(entry->unit));
}

static int64_t amount_of(const struct ledger_entry *entry)
{
    return is_money(entry->kind) ? entry->fen : entry->thousandths;
}

/* A new pledge: the next number of its series. */
static enum err add_pledge(struct fold *fold, const struct ledger_entry *entry)
{
    struct number number;
    struct series *series;
    if (!read_number(fold, entry->n, entry->pledge, false, entry->area, &number))
        return ERR_OK;
    if (series_of(fold, &number, &series) != ERR_OK)
        return ERR_NOMEM;
    if (number.serial != series->n + 1) {
        fault(fold, entry->n, "the number %s stands where number %zu of its county and year should",
              entry->pledge, series->n + 1);
        if (number.serial <= series->n || number.serial > series->n + GAP_MAX)
            return ERR_OK;
    }
    while (series->n < number.serial) { /* numbers that are left out have step 0 */
        if (grow(&series->pledges, series->n, &series->room, sizeof *series->pledges) != ERR_OK)
            return ERR_NOMEM;
        series->pledges[series->n++] = (struct pledge){.subject = 0};
    }
    series->pledges[number.serial - 1] =
        (struct pledge){.sums = {.pledged = amount_of(entry),
                                 .value_fen = is_money(entry->kind) ? 0 : entry->value_fen,
                                 .step = entry->confirmed ? 'p' : 'u'},
                        .subject = hash_subject(entry)};
    return ERR_OK;
}

static struct pledge *find_pledge(const struct fold *fold, const struct ledger_entry *entry)
{
    struct number number;
    if (number_parse(entry->pledge, strlen(entry->pledge), &number) != ERR_OK || number.is_receipt)
        return NULL;
    struct series_key key = {fold, number.county, number.year};
    uint32_t id = index_find(&fold->by_series, mix(number.county, number.year), same_series, &key);
    if (id == NO_INDEX || number.serial > fold->series.at[id].n)
        return NULL;
    struct pledge *pledge = &fold->series.at[id].pledges[number.serial - 1];
    return pledge->sums.step != '\0' ? pledge : NULL;
}

/* The next receipt of its series. */
static enum err add_receipt(struct fold *fold, const struct ledger_entry *entry)
{
    struct number number;
    struct series *series;
    if (!read_number(fold, entry->n, entry->receipt, true, entry->area, &number))
        return ERR_OK;
    if (series_of(fold, &number, &series) != ERR_OK)
        return ERR_NOMEM;
    if (number.serial != series->receipts + 1)
        fault(fold, entry->n,
              "the receipt %s stands where number %" PRIu64 " of its county and year should",
              entry->receipt, series->receipts + 1);
    if (number.serial > series->receipts)
        series->receipts = number.serial;
    return ERR_OK;
}

static enum err void_receipt(struct fold *fold, const struct ledger_entry *entry)
{
    struct number number;
    struct series *series;
    if (!read_number(fold, entry->n, entry->receipt, true, entry->area, &number))
        return ERR_OK;
    if (series_of(fold, &number, &series) != ERR_OK)
        return ERR_NOMEM;
    series->void_receipts++;
    return ERR_OK;
}

/* Which sums of its pledge an entry moves. */
static void move_sums(struct ledger_sums *sums, const struct ledger_entry *entry)
{
    enum ledger_type type = entry->type;
    int64_t amount = amount_of(entry);
    bool is_reversal = type == LEDGER_REVERSE;
    if (is_reversal) {
        type = entry->was;
        amount = -amount;
    }
    static const size_t moved[LEDGER_TYPES] = {
        [LEDGER_ARRIVE] = offsetof(struct ledger_sums, arrived),
        [LEDGER_DELIVER] = offsetof(struct ledger_sums, delivered),
        [LEDGER_WAIVE] = offsetof(struct ledger_sums, waived),
        [LEDGER_TRANSFER] = offsetof(struct ledger_sums, moved),
    };
    if (moved[type] != 0)
        add64((int64_t *)((char *)sums + moved[type]), amount);
    if (type == LEDGER_TRANSFER && !is_money(entry->kind))
        add64(&sums->moved_value_fen, is_reversal ? -entry->value_fen : entry->value_fen);
    if (type == LEDGER_CONFIRM)
        sums->step = is_reversal ? 'u' : 'p';
    if (type == LEDGER_VOID && is_reversal)
        sums->step = entry->had_confirmed ? 'p' : 'u';
    else if (type == LEDGER_VOID || (type == LEDGER_PLEDGE && is_reversal))
        sums->step = entry->withdrawn ? 'k' : 'v';
}

static void check_sums(const struct fold *fold, const struct ledger_entry *entry,
                       const struct ledger_sums *sums)
{
    if (sums->delivered > sums->arrived)
        fault(fold, entry->n, "pledge %s: more is delivered than arrived", entry->pledge);
    if (sums->arrived < 0 || sums->delivered < 0 || sums->waived < 0 || sums->moved < 0 ||
        sums->moved > sums->pledged)
        fault(fold, entry->n, "pledge %s: a sum is below 0", entry->pledge);
    if ((sums->step == 'v' || sums->step == 'k') &&
        (sums->arrived != 0 || sums->waived != 0 || sums->moved != 0))
        fault(fold, entry->n, "pledge %s is void and has arrivals", entry->pledge);
}

static enum err add_to_pledge(struct fold *fold, const struct ledger_entry *entry)
{
    if (entry->type == LEDGER_PLEDGE)
        return add_pledge(fold, entry);
    if (entry->type == LEDGER_ARRIVE && add_receipt(fold, entry) != ERR_OK)
        return ERR_NOMEM;
    if (entry->type == LEDGER_REVERSE && entry->was == LEDGER_ARRIVE &&
        void_receipt(fold, entry) != ERR_OK)
        return ERR_NOMEM;
    if (entry->pledge[0] == '\0')
        return ERR_OK;
    struct pledge *pledge = find_pledge(fold, entry);
    if (pledge == NULL) {
        fault(fold, entry->n, "there is no pledge %s before it", entry->pledge);
        return ERR_OK;
    }
    if (pledge->subject != hash_subject(entry))
        fault(fold, entry->n, "its area, campaign or kind is not that of pledge %s", entry->pledge);
    move_sums(&pledge->sums, entry);
    check_sums(fold, entry, &pledge->sums);
    return ERR_OK;
}

/* ---- reversals ---- */

#define REVERSED UINT64_C(1)
#define IS_FINAL UINT64_C(0) /* what cannot be reversed has no hash */

/* What a reversal repeats of the entry it takes back. */
static uint64_t hash_past(const struct ledger_entry *entry, enum ledger_type type)
{
    if (type == LEDGER_REVERSE || type == LEDGER_CLOSE)
        return IS_FINAL;
    uint64_t hash = mix(hash_subject(entry), hash_bytes(entry->pledge));
    hash = mix(mix(hash, (uint64_t)entry->fen), (uint64_t)entry->thousandths);
    hash = mix(mix(hash, entry->to), entry->via);
    hash = mix(mix(hash, entry->year), (uint64_t)type << 8 | (uint64_t)entry->whole);
    hash = mix(mix(hash, (uint64_t)entry->value_fen), hash_bytes(entry->receipt));
    if (type == LEDGER_VOID)
        hash = mix(hash, (uint64_t)entry->had_confirmed << 1 | (uint64_t)entry->withdrawn);
    return (hash | 2) & ~REVERSED;
}

static enum err add_past(struct fold *fold, const struct ledger_entry *entry)
{
    if (entry->type == LEDGER_REVERSE) {
        struct past *past =
            entry->ref >= 1 && entry->ref <= fold->past.n ? &fold->past.at[entry->ref - 1] : NULL;
        if (past == NULL || past->hash == IS_FINAL)
            fault(fold, entry->n, "it takes back entry %" PRIu64 ", which cannot be", entry->ref);
        else if (past->hash & REVERSED)
            fault(fold, entry->n, "entry %" PRIu64 " was taken back before", entry->ref);
        else if (past->hash != hash_past(entry, entry->was))
            fault(fold, entry->n, "it takes back something else than entry %" PRIu64 " says",
                  entry->ref);
        if (past != NULL)
            past->hash |= REVERSED;
    }
    while (fold->past.n < entry->n) {
        if (GROW(fold->past) != ERR_OK)
            return ERR_NOMEM;
        fold->past.at[fold->past.n++].hash = IS_FINAL;
    }
    fold->past.at[entry->n - 1].hash = hash_past(entry, entry->type);
    return ERR_OK;
}

/* ---- the whole ---- */

enum err fold_new(fold_fault_fn *on_fault, void *arg, struct fold **out)
{
    struct fold *fold = calloc(1, sizeof *fold);
    uint32_t id;
    if (fold == NULL)
        return ERR_NOMEM;
    fold->on_fault = on_fault;
    fold->arg = arg;
    if (text_id(fold, "*", &id) != ERR_OK || text_id(fold, "-", &id) != ERR_OK ||
        know_area(fold, 0) != ERR_OK) {
        fold_free(fold);
        return ERR_NOMEM;
    }
    *out = fold;
    return ERR_OK;
}

void fold_free(struct fold *fold)
{
    if (fold == NULL)
        return;
    for (size_t i = 0; i < fold->texts.n; i++)
        free(fold->texts.at[i]);
    for (size_t i = 0; i < fold->nodes.n; i++) {
        for (size_t kind = 0; kind < PLEDGE_KINDS; kind++)
            free(fold->nodes.at[i].of[kind]);
    }
    for (size_t i = 0; i < fold->series.n; i++)
        free(fold->series.at[i].pledges);
    free(fold->texts.at);
    free(fold->nodes.at);
    free(fold->things.at);
    free(fold->places.at);
    free(fold->series.at);
    free(fold->past.at);
    free(fold->by_text.slots);
    free(fold->by_node.slots);
    free(fold->by_thing.slots);
    free(fold->by_place.slots);
    free(fold->by_series.slots);
    free(fold);
}

static enum err know_areas(struct fold *fold, const struct ledger_entry *entry)
{
    if (know_area(fold, entry->area) != ERR_OK ||
        (entry->to != 0 && know_area(fold, entry->to) != ERR_OK) ||
        (entry->via != 0 && know_area(fold, entry->via) != ERR_OK))
        return ERR_NOMEM;
    return ERR_OK;
}

enum err fold_add(struct fold *fold, const struct ledger_row *row)
{
    struct ledger_entry entry;
    if (row->n <= fold->last) {
        fault(fold, row->n, "it stands after entry %" PRIu64, fold->last);
        return ERR_OK;
    }
    if (row->n - fold->last > GAP_MAX) {
        fault(fold, row->n, "it is far beyond entry %" PRIu64, fold->last);
        return ERR_OK;
    }
    if (row->n != fold->last + 1)
        fault(fold, fold->last + 1, "entries %" PRIu64 " to %" PRIu64 " are missing",
              fold->last + 1, row->n - 1);
    fold->last = row->n;
    if (ledger_row_read(row, &entry) != ERR_OK) {
        fault(fold, row->n, "it is not written as the ledger writes");
        return ERR_OK;
    }
    if (entry.fen > MONEY_MAX_FEN || entry.thousandths > MONEY_MAX_FEN ||
        entry.value_fen > MONEY_MAX_FEN) {
        fault(fold, row->n, "an amount is too large");
        return ERR_OK;
    }
    if (add_past(fold, &entry) != ERR_OK || add_to_pledge(fold, &entry) != ERR_OK ||
        know_areas(fold, &entry) != ERR_OK)
        return ERR_NOMEM;
    return add_effects(fold, &entry);
}

uint64_t fold_last(const struct fold *fold)
{
    return fold->last;
}

/* ---- looking ---- */

size_t fold_nodes(const struct fold *fold)
{
    return fold->nodes.n;
}

struct ledger_node fold_node(const struct fold *fold, size_t node)
{
    const struct node *at = &fold->nodes.at[node];
    return (struct ledger_node){at->area, at->year, fold->texts.at[at->campaign]};
}

size_t fold_find(const struct fold *fold, uint64_t area, size_t like)
{
    const struct node *at = &fold->nodes.at[like];
    uint32_t found = find_node(fold, area, at->year, at->campaign);
    return found == NO_INDEX ? FOLD_NONE : found;
}

int64_t fold_value(const struct fold *fold, size_t node, const struct ledger_figure_row *figure)
{
    const struct node *at = &fold->nodes.at[node];
    if (!figure->is_quantity) {
        if (at->of[figure->kind] == NULL)
            return 0;
        const struct ledger_figure *f = &at->of[figure->kind][figure->scope][figure->measure];
        return figure->is_count ? f->count : f->fen;
    }
    uint32_t item = find_text(fold, figure->item), unit = find_text(fold, figure->unit);
    if (item == NO_INDEX || unit == NO_INDEX)
        return 0;
    uint32_t thing = find_thing(fold, (uint32_t)node, figure->kind, item, unit);
    return thing == NO_INDEX ? 0
                             : fold->things.at[thing].thousandths[figure->scope][figure->measure];
}

static void each_thing(const struct fold *fold, const struct node *at, fold_figure_fn *each,
                       void *arg)
{
    for (uint32_t id = at->first_thing; id != NO_INDEX; id = fold->things.at[id].next) {
        const struct thing *thing = &fold->things.at[id];
        struct ledger_figure_row row = {.is_known = true, .is_quantity = true, .kind = thing->kind};
        row.item = fold->texts.at[thing->item];
        row.unit = fold->texts.at[thing->unit];
        for (size_t i = 0; i < (size_t)LEDGER_SCOPES * LEDGER_MEASURES; i++) {
            row.scope = (enum ledger_scope)(i / LEDGER_MEASURES);
            row.measure = (enum ledger_measure)(i % LEDGER_MEASURES);
            row.value = thing->thousandths[row.scope][row.measure];
            if (row.value != 0)
                each(arg, &row);
        }
    }
}

void fold_each(const struct fold *fold, size_t node, fold_figure_fn *each, void *arg)
{
    const struct node *at = &fold->nodes.at[node];
    for (size_t kind = 0; kind < PLEDGE_KINDS; kind++) {
        struct ledger_figure_row row = {
            .is_known = true, .kind = (enum pledge_kind)kind, .item = "", .unit = ""};
        for (size_t i = 0; at->of[kind] != NULL && i < (size_t)LEDGER_SCOPES * LEDGER_MEASURES * 2;
             i++) {
            row.is_count = i % 2 == 0;
            row.measure = (enum ledger_measure)(i / 2 % LEDGER_MEASURES);
            row.scope = (enum ledger_scope)(i / 2 / LEDGER_MEASURES);
            const struct ledger_figure *f = &at->of[kind][row.scope][row.measure];
            row.value = row.is_count ? f->count : f->fen;
            if (row.value != 0)
                each(arg, &row);
        }
    }
    each_thing(fold, at, each, arg);
}

static void count_one(void *arg, const struct ledger_figure_row *figure)
{
    (void)figure;
    ++*(size_t *)arg;
}

size_t fold_count(const struct fold *fold, size_t node)
{
    size_t n = 0;
    fold_each(fold, node, count_one, &n);
    return n;
}

size_t fold_areas(const struct fold *fold)
{
    return fold->places.n;
}

uint64_t fold_area(const struct fold *fold, size_t area)
{
    return fold->places.at[area].code;
}

size_t fold_next_child(const struct fold *fold, size_t area, size_t child)
{
    uint32_t next = child == FOLD_NONE ? fold->places.at[area].first_child
                                       : fold->places.at[child].next_sibling;
    return next == NO_INDEX ? FOLD_NONE : next;
}

size_t fold_find_area(const struct fold *fold, uint64_t code)
{
    uint32_t found = find_place(fold, code);
    return found == NO_INDEX ? FOLD_NONE : found;
}

size_t fold_series_count(const struct fold *fold)
{
    return fold->series.n;
}

struct fold_series fold_series_at(const struct fold *fold, size_t series)
{
    const struct series *at = &fold->series.at[series];
    return (struct fold_series){at->county, at->year, at->n, at->receipts, at->void_receipts};
}

struct ledger_sums fold_pledge(const struct fold *fold, size_t series, uint64_t serial)
{
    const struct series *at = &fold->series.at[series];
    assert(serial >= 1 && serial <= at->n);
    return at->pledges[serial - 1].sums;
}
