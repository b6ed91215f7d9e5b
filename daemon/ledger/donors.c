/* A pledge knows its donor and its place (area, year, campaign); a donor has a list of her places,
 * each with how many of her pledges count there. When the first begins to count, every node above
 * the place (its areas up to the nation, this year and all years, this campaign and all) in which
 * she has no other place has one donor more; when the last ends, one less. So a count is there at
 * once, and each entry costs some 24 nodes. */
#include "ledger/donors.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "pledge/area.h"
#include "pledge/number.h"

#define ALL_CAMPAIGNS 0 /* no hash of a name */
#define FIRST_SLOTS 16

/* 64-bit key -> number of a record and one; open addressing, in parts that grow one by one: a table
 * of a million that grows at once would stand in the loop's way for 70 ms. */
#define PARTS 256
struct part {
    uint64_t *keys;
    uint32_t *values; /* 0: free */
    size_t n, slots;
};
struct index {
    struct part parts[PARTS];
};

struct place {
    uint64_t area, campaign;
    uint32_t year;
};
struct given { /* a pledge */
    uint64_t donor;
    uint32_t place;
    bool counts;
};
struct link {                      /* of a donor's list */
    uint32_t place, pledges, next; /* next: a number and one; 0 is the end */
};

struct donors {
    size_t max;
    struct index pledge_at, place_at, donor_at, node_at;
    struct given *pledges;
    struct place *places;
    struct link *links;
    uint32_t *nodes; /* donors of each */
    size_t n_pledges, n_places, n_links, n_nodes;
};

/* ---- tables ---- */

static size_t find_slot(const struct part *part, uint64_t key, uint64_t hash)
{
    size_t mask = part->slots - 1, at = hash & mask;
    while (part->values[at] != 0 && part->keys[at] != key)
        at = (at + 1) & mask;
    return at;
}

static enum err grow_part(struct part *part)
{
    struct part grown = {.n = part->n, .slots = part->slots == 0 ? FIRST_SLOTS : part->slots * 2};
    grown.keys = calloc(grown.slots, sizeof *grown.keys);
    grown.values = calloc(grown.slots, sizeof *grown.values);
    if (grown.keys == NULL || grown.values == NULL) {
        free(grown.keys);
        free(grown.values);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < part->slots; i++) {
        if (part->values[i] != 0) {
            size_t at = find_slot(&grown, part->keys[i], digest_mix64(part->keys[i]));
            grown.keys[at] = part->keys[i];
            grown.values[at] = part->values[i];
        }
    }
    free(part->keys);
    free(part->values);
    *part = grown;
    return ERR_OK;
}

/* 0: it is not there. */
static uint32_t look_up(const struct index *index, uint64_t key)
{
    uint64_t hash = digest_mix64(key);
    const struct part *part = &index->parts[hash >> 56];
    return part->slots > 0 ? part->values[find_slot(part, key, hash)] : 0;
}

/* *value is 0 when it was not there: the caller sets it, at once. */
static enum err find_or_add(struct index *index, uint64_t key, uint32_t **value)
{
    uint64_t hash = digest_mix64(key);
    struct part *part = &index->parts[hash >> 56];
    enum err error = 4 * (part->n + 1) > 3 * part->slots ? grow_part(part) : ERR_OK;
    if (error != ERR_OK)
        return error;
    size_t at = find_slot(part, key, hash);
    part->n += part->values[at] == 0;
    part->keys[at] = key;
    *value = &part->values[at];
    return ERR_OK;
}

static void index_fini(struct index *index)
{
    for (size_t i = 0; i < PARTS; i++) {
        free(index->parts[i].keys);
        free(index->parts[i].values);
    }
}

static size_t index_bytes(const struct index *index)
{
    size_t slots = 0;
    for (size_t i = 0; i < PARTS; i++)
        slots += index->parts[i].slots;
    return slots * (sizeof *index->parts[0].keys + sizeof *index->parts[0].values);
}

/* Room for one more: sizes double, so that an array is full when its length is a power of two. */
static enum err make_room(void *array, size_t n, size_t size)
{
    void *old, *grown;
    if (n != 0 && (n & (n - 1)) != 0)
        return ERR_OK;
    memcpy(&old, array, sizeof old);
    grown = realloc(old, (n == 0 ? 1 : 2 * n) * size);
    if (grown == NULL)
        return ERR_NOMEM;
    memcpy(array, &grown, sizeof grown);
    return ERR_OK;
}

/* ---- keys ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    return digest_mix64(a ^ digest_mix64(b + UINT64_C(0x9e3779b97f4a7c15)));
}

static uint64_t mix_text(uint64_t seed, const char *text)
{
    size_t len = strlen(text);
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = 0;
        memcpy(&word, text + at, len - at < 8 ? len - at : 8);
        seed = mix(seed, word);
    }
    return mix(seed, len);
}

static uint64_t campaign_key(const char *campaign)
{
    return mix_text(1, strcmp(campaign, "-") == 0 ? "" : campaign) | 1;
}

static uint64_t number_key(const struct number *number)
{
    return (uint64_t)number->county << 44 | (uint64_t)(number->year % 4096) << 32 | number->serial;
}

static uint64_t donor_key(const struct ledger_entry *entry, uint64_t number)
{
    if (entry->mobile != 0)
        return mix(2, entry->mobile);
    if (entry->name[0] == '\0')
        return mix(3, number);
    return entry->is_organisation
               ? mix_text(4, entry->name)
               : mix_text(mix(5, area_at(entry->area, AREA_TOWNSHIP)), entry->name);
}

static uint64_t node_key(uint64_t area, uint32_t year, uint64_t campaign)
{
    return mix(mix(area, year), campaign);
}

/* ---- counting ---- */

static enum err place_of(struct donors *donors, const struct ledger_entry *entry, uint32_t *number)
{
    struct place place = {
        .area = entry->area, .campaign = campaign_key(entry->campaign), .year = entry->year};
    uint32_t *value;
    enum err error = make_room(&donors->places, donors->n_places, sizeof *donors->places);
    if (error == ERR_OK)
        error = find_or_add(&donors->place_at, node_key(place.area, place.year, place.campaign),
                            &value);
    if (error != ERR_OK)
        return error;
    if (*value == 0) {
        donors->places[donors->n_places++] = place;
        *value = (uint32_t)donors->n_places;
    }
    *number = *value - 1;
    return ERR_OK;
}

/* The link of this donor to this place, made when there is none. */
static enum err link_of(struct donors *donors, uint64_t donor, uint32_t place, struct link **link)
{
    uint32_t *head;
    enum err error = make_room(&donors->links, donors->n_links, sizeof *donors->links);
    if (error == ERR_OK)
        error = find_or_add(&donors->donor_at, donor, &head);
    if (error != ERR_OK)
        return error;
    for (uint32_t at = *head; at != 0; at = donors->links[at - 1].next) {
        if (donors->links[at - 1].place == place) {
            *link = &donors->links[at - 1];
            return ERR_OK;
        }
    }
    *link = &donors->links[donors->n_links++];
    **link = (struct link){.place = place, .next = *head};
    *head = (uint32_t)donors->n_links;
    return ERR_OK;
}

/* Has the donor a pledge that counts in this node? */
static bool is_in(const struct donors *donors, uint64_t donor, uint64_t area, uint32_t year,
                  uint64_t campaign)
{
    for (uint32_t at = look_up(&donors->donor_at, donor); at != 0;
         at = donors->links[at - 1].next) {
        const struct link *link = &donors->links[at - 1];
        const struct place *place = &donors->places[link->place];
        if (link->pledges > 0 && area_within(place->area, area) &&
            (year == 0 || place->year == year) &&
            (campaign == ALL_CAMPAIGNS || place->campaign == campaign))
            return true;
    }
    return false;
}

static enum err count_node(struct donors *donors, uint64_t area, uint32_t year, uint64_t campaign,
                           int change)
{
    uint32_t *value;
    enum err error = make_room(&donors->nodes, donors->n_nodes, sizeof *donors->nodes);
    if (error == ERR_OK)
        error = find_or_add(&donors->node_at, node_key(area, year, campaign), &value);
    if (error != ERR_OK)
        return error;
    if (*value == 0) {
        donors->nodes[donors->n_nodes++] = 0;
        *value = (uint32_t)donors->n_nodes;
    }
    donors->nodes[*value - 1] += (uint32_t)change;
    return ERR_OK;
}

/* Every node above the place in which the donor has nothing else. */
static enum err count_place(struct donors *donors, uint64_t donor, const struct place *place,
                            int change)
{
    uint64_t above[AREA_LEVELS];
    size_t n = area_ancestors(place->area, above);
    const uint32_t years[] = {place->year, 0};
    const uint64_t campaigns[] = {place->campaign, ALL_CAMPAIGNS};
    enum err error = ERR_OK;
    for (size_t i = 0; i < n; i++)
        for (size_t y = 0; y < 2; y++)
            for (size_t c = 0; c < 2; c++)
                if (error == ERR_OK && !is_in(donors, donor, above[i], years[y], campaigns[c]))
                    error = count_node(donors, above[i], years[y], campaigns[c], change);
    return error;
}

static enum err set_counts(struct donors *donors, struct given *pledge, bool counts)
{
    struct link *link;
    if (pledge->counts == counts)
        return ERR_OK;
    enum err error = link_of(donors, pledge->donor, pledge->place, &link);
    if (error != ERR_OK)
        return error;
    pledge->counts = counts;
    const struct place place = donors->places[pledge->place];
    if (!counts)
        return --link->pledges == 0 ? count_place(donors, pledge->donor, &place, -1) : ERR_OK;
    if (link->pledges == 0)
        error = count_place(donors, pledge->donor, &place, 1);
    link->pledges++;
    return error;
}

/* ---- entries ---- */

enum effect { NOTHING, BEGINS, ENDS };

/* The same table as docs/ledger.md, for the count of the measure p. */
static enum effect effect_of(const struct ledger_entry *entry, enum ledger_type type)
{
    bool was_confirmed = entry->confirmed || entry->had_confirmed;
    switch (type) {
    case LEDGER_PLEDGE:
        return was_confirmed ? BEGINS : NOTHING;
    case LEDGER_CONFIRM:
        return BEGINS;
    case LEDGER_VOID:
        return was_confirmed ? ENDS : NOTHING;
    case LEDGER_TRANSFER:
        return entry->whole ? ENDS : NOTHING;
    default:
        return NOTHING;
    }
}

static enum err add_pledge(struct donors *donors, const struct ledger_entry *entry, uint64_t key)
{
    uint32_t *value;
    struct given pledge = {.donor = donor_key(entry, key)};
    if (donors->n_pledges == donors->max)
        return ERR_TOO_BIG;
    enum err error = place_of(donors, entry, &pledge.place);
    if (error == ERR_OK)
        error = make_room(&donors->pledges, donors->n_pledges, sizeof *donors->pledges);
    if (error == ERR_OK)
        error = find_or_add(&donors->pledge_at, key, &value);
    if (error != ERR_OK)
        return error;
    if (*value != 0)
        return ERR_INVALID; /* a number twice */
    donors->pledges[donors->n_pledges++] = pledge;
    *value = (uint32_t)donors->n_pledges;
    return ERR_OK;
}

enum err donors_add(struct donors *donors, const struct ledger_entry *entry)
{
    struct number number;
    bool is_reverse = entry->type == LEDGER_REVERSE;
    enum effect effect = effect_of(entry, is_reverse ? entry->was : entry->type);
    if (entry->pledge[0] == '\0' || (effect == NOTHING && entry->type != LEDGER_PLEDGE))
        return ERR_OK;
    enum err error = number_parse(entry->pledge, strlen(entry->pledge), &number);
    if (error == ERR_OK && entry->type == LEDGER_PLEDGE)
        error = add_pledge(donors, entry, number_key(&number));
    if (error != ERR_OK || effect == NOTHING)
        return error;
    uint32_t at = look_up(&donors->pledge_at, number_key(&number));
    return at != 0 ? set_counts(donors, &donors->pledges[at - 1], (effect == BEGINS) != is_reverse)
                   : ERR_INVALID;
}

uint64_t donors_count(const struct donors *donors, uint64_t area, uint32_t year,
                      const char *campaign)
{
    uint64_t key = campaign[0] != '\0' ? campaign_key(campaign) : ALL_CAMPAIGNS;
    uint32_t at = look_up(&donors->node_at, node_key(area, year, key));
    return at != 0 ? donors->nodes[at - 1] : 0;
}

/* ---- life ---- */

enum err donors_new(size_t pledges_max, struct donors **donors)
{
    *donors = calloc(1, sizeof **donors);
    if (*donors == NULL)
        return ERR_NOMEM;
    (*donors)->max = pledges_max < UINT32_MAX / 2 ? pledges_max : UINT32_MAX / 2;
    return ERR_OK;
}

void donors_free(struct donors *donors)
{
    if (donors == NULL)
        return;
    index_fini(&donors->pledge_at);
    index_fini(&donors->place_at);
    index_fini(&donors->donor_at);
    index_fini(&donors->node_at);
    free(donors->pledges);
    free(donors->places);
    free(donors->links);
    free(donors->nodes);
    free(donors);
}

/* Of an array of n in powers of two. */
static size_t array_bytes(size_t n, size_t size)
{
    size_t room = n > 0;
    while (room < n)
        room *= 2;
    return room * size;
}

size_t donors_bytes(const struct donors *donors)
{
    const struct index *all[] = {&donors->pledge_at, &donors->place_at, &donors->donor_at,
                                 &donors->node_at};
    size_t bytes = sizeof *donors;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        bytes += index_bytes(all[i]);
    return bytes + array_bytes(donors->n_pledges, sizeof *donors->pledges) +
           array_bytes(donors->n_places, sizeof *donors->places) +
           array_bytes(donors->n_links, sizeof *donors->links) +
           array_bytes(donors->n_nodes, sizeof *donors->nodes);
}
