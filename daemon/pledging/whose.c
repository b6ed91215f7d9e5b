/* See whose.h. A shelf is what is known of one carrier, a stack one launch of it. Who asks waits on
 * the shelf while the list or an index is being read; then the search goes on where it was. */
#include "pledging/whose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "pledging/numbers.h"
#include "pledging/pledging.h"
#include "sms/mobile.h"

#define RESTARTS_MAX 5 /* somebody launches faster than we read: push again */
#define CHUNKS_TOLD_MAX 8
#define ADD_SERIAL_SIZE 24

struct stack {
    uint32_t seq, n_chunks, read; /* chunks that are in the index */
    int64_t launched_ms, used_ms; /* wall, mono */
    uint64_t recipients;
    bool takes_pledges;
    bool is_whole;         /* the index has all chunks */
    struct numbers *index; /* NULL: none */
    char id[PLEDGING_NAME_SIZE], add_serial[ADD_SERIAL_SIZE];
};

struct shelf {
    LIST_ENTRY(shelf) entry;
    struct whose *whose;
    char carrier[PLEDGING_NAME_SIZE];
    char version[LAUNCHES_VERSION_SIZE];
    bool is_known;         /* the list was read, and nobody has said that it is old */
    bool is_reading;       /* the list or an index */
    struct stack *reading; /* whose index */
    struct stack *stacks;  /* newest first */
    size_t n;
    TAILQ_HEAD(, asking) waiting;
};

struct whose {
    struct store *store;
    LIST_HEAD(, shelf) shelves;
    size_t calls; /* of the store, under way */
    uint64_t indexed;
    int64_t mono_ms;
    bool is_dead;
};

struct asking { /* one search */
    TAILQ_ENTRY(asking) entry;
    struct shelf *shelf;
    uint64_t number;
    whose_fits_fn *fits;
    whose_done_fn *done;
    void *arg;
    unsigned restarts;
    size_t n, at; /* ranges, and from which on the next call looks */
    struct launches_range ranges[WHOSE_CAMPAIGNS_MAX * 2];
    struct launches_range asked[LAUNCHES_RANGES_MAX]; /* by the call under way */
};

static void go_on(struct asking *asking);

/* ---- life ---- */

static void index_drop(struct whose *whose, struct stack *stack)
{
    if (!stack->index)
        return;
    numbers_free(stack->index);
    stack->index = NULL;
    stack->is_whole = false;
    stack->read = 0;
    whose->indexed -= stack->recipients;
}

static void free_whose(struct whose *whose)
{
    struct shelf *shelf;
    while ((shelf = LIST_FIRST(&whose->shelves))) {
        LIST_REMOVE(shelf, entry);
        for (size_t i = 0; i < shelf->n; i++)
            index_drop(whose, &shelf->stacks[i]);
        free(shelf->stacks);
        free(shelf);
    }
    free(whose);
}

enum err whose_new(struct store *store, struct whose **out)
{
    struct whose *whose = calloc(1, sizeof *whose);
    if (!whose)
        return ERR_NOMEM;
    whose->store = store;
    LIST_INIT(&whose->shelves);
    *out = whose;
    return ERR_OK;
}

static void end(struct asking *asking, enum err error, const char *id, uint64_t region)
{
    asking->done(asking->arg, error, id, region);
    free(asking);
}

/* All who wait for it are told, or go on. */
static void wake_all(struct shelf *shelf, enum err error)
{
    TAILQ_HEAD(, asking) woken = TAILQ_HEAD_INITIALIZER(woken);
    struct asking *asking;
    TAILQ_CONCAT(&woken, &shelf->waiting, entry);
    while ((asking = TAILQ_FIRST(&woken))) {
        TAILQ_REMOVE(&woken, asking, entry);
        if (error)
            end(asking, error, NULL, 0);
        else
            go_on(asking);
    }
}

void whose_free(struct whose *whose)
{
    struct shelf *shelf;
    if (!whose)
        return;
    whose->is_dead = true;
    LIST_FOREACH(shelf, &whose->shelves, entry)
    {
        wake_all(shelf, ERR_CLOSED);
    }
    if (whose->calls == 0)
        free_whose(whose);
}

/* At the start of every callback. false: all of it is gone, or going. */
static bool call_ended(struct whose *whose)
{
    whose->calls--;
    if (!whose->is_dead)
        return true;
    if (whose->calls == 0)
        free_whose(whose);
    return false;
}

/* ---- reading the list ---- */

static void read_end(struct shelf *shelf, enum err error)
{
    shelf->is_reading = false;
    shelf->reading = NULL;
    wake_all(shelf, error);
}

/* The stack of this launch, with its index, out of the old list. */
static void take_over(struct shelf *shelf, struct stack *stack)
{
    for (size_t i = 0; i < shelf->n; i++) {
        struct stack *old = &shelf->stacks[i];
        if (old->index && old->seq == stack->seq && old->launched_ms == stack->launched_ms &&
            old->n_chunks == stack->n_chunks) {
            stack->index = old->index;
            stack->is_whole = old->is_whole;
            stack->read = old->read;
            stack->used_ms = old->used_ms;
            old->index = NULL;
        }
    }
}

static enum err take_list(struct shelf *shelf, const char *version, const struct launch *launches,
                          size_t n)
{
    struct stack *stacks = calloc(n + 1, sizeof *stacks);
    if (!stacks)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        stacks[i] = (struct stack){.seq = launches[i].seq,
                                   .n_chunks = launches[i].n_chunks,
                                   .launched_ms = launches[i].launched_ms,
                                   .recipients = launches[i].recipients,
                                   .takes_pledges = launches[i].takes_pledges};
        snprintf(stacks[i].id, sizeof stacks[i].id, "%s", launches[i].id);
        snprintf(stacks[i].add_serial, sizeof stacks[i].add_serial, "%s", launches[i].add_serial);
        take_over(shelf, &stacks[i]);
    }
    for (size_t i = 0; i < shelf->n; i++)
        index_drop(shelf->whose, &shelf->stacks[i]);
    free(shelf->stacks);
    shelf->stacks = stacks;
    shelf->n = n;
    snprintf(shelf->version, sizeof shelf->version, "%s", version);
    shelf->is_known = true;
    return ERR_OK;
}

static void on_list(void *arg, enum err error, const char *version, const struct launch *launches,
                    size_t n)
{
    struct shelf *shelf = arg;
    if (!call_ended(shelf->whose))
        return;
    if (!error)
        error = take_list(shelf, version, launches, n);
    read_end(shelf, error);
}

static enum err read_list(struct shelf *shelf)
{
    enum err error = launches_list(shelf->whose->store, shelf->carrier, on_list, shelf);
    if (error)
        return error;
    shelf->whose->calls++;
    shelf->is_reading = true;
    return ERR_OK;
}

/* ---- reading an index ---- */

static void on_chunk(void *arg, uint32_t chunk, const uint8_t *packed, size_t n)
{
    struct shelf *shelf = arg;
    if (shelf->whose->is_dead)
        return;
    for (size_t i = 0; i < n; i++)
        numbers_add(shelf->reading->index, mobile_unpack(packed + i * MOBILE_PACKED_BYTES), chunk);
}

static enum err read_more(struct shelf *shelf);

static void on_read(void *arg, enum err error)
{
    struct shelf *shelf = arg;
    if (!call_ended(shelf->whose))
        return;
    struct stack *stack = shelf->reading;
    if (!error && stack->read < stack->n_chunks) {
        error = read_more(shelf);
        if (!error)
            return;
    }
    if (error)
        index_drop(shelf->whose, stack);
    else
        stack->is_whole = true;
    read_end(shelf, error);
}

static enum err read_more(struct shelf *shelf)
{
    struct stack *stack = shelf->reading;
    struct launches_range range = {stack->seq, stack->read,
                                   stack->read + LAUNCHES_NUMBERS_CHUNKS_MAX};
    if (range.to > stack->n_chunks)
        range.to = stack->n_chunks;
    enum err error =
        launches_numbers(shelf->whose->store, shelf->carrier, range, on_chunk, on_read, shelf);
    if (error)
        return error;
    shelf->whose->calls++;
    stack->read = range.to;
    return ERR_OK;
}

static void make_room(struct whose *whose)
{
    struct shelf *shelf;
    LIST_FOREACH(shelf, &whose->shelves, entry)
    {
        for (size_t i = 0; i < shelf->n; i++) {
            struct stack *stack = &shelf->stacks[i];
            if (stack != shelf->reading && whose->mono_ms - stack->used_ms > WHOSE_IDLE_MS)
                index_drop(whose, stack);
        }
    }
}

/* Is there room for an index of it, and is one worth having? */
static bool is_indexable(struct whose *whose, const struct stack *stack)
{
    if (stack->n_chunks < 2 || stack->n_chunks > NUMBERS_CHUNKS_MAX)
        return false;
    if (whose->indexed + stack->recipients > WHOSE_INDEXED_MAX)
        make_room(whose);
    return whose->indexed + stack->recipients <= WHOSE_INDEXED_MAX;
}

static enum err read_index(struct shelf *shelf, struct stack *stack)
{
    enum err error = numbers_new(stack->recipients, &stack->index);
    if (error)
        return error;
    shelf->whose->indexed += stack->recipients;
    shelf->reading = stack;
    error = read_more(shelf);
    if (error) {
        index_drop(shelf->whose, stack);
        shelf->reading = NULL;
        return error;
    }
    shelf->is_reading = true;
    return ERR_OK;
}

/* ---- the search ---- */

static void wait_on(struct shelf *shelf, struct asking *asking)
{
    TAILQ_INSERT_TAIL(&shelf->waiting, asking, entry);
}

static void add_range(struct asking *asking, uint32_t seq, uint32_t from, uint32_t to)
{
    asking->ranges[asking->n++] = (struct launches_range){seq, from, to};
}

/* Where the index says that it may be; everywhere without one. */
static void add_stack(struct asking *asking, const struct stack *stack)
{
    uint32_t chunks[CHUNKS_TOLD_MAX];
    size_t n = CHUNKS_TOLD_MAX;
    if (stack->is_whole)
        n = numbers_find(stack->index, asking->number, chunks, CHUNKS_TOLD_MAX);
    size_t room = sizeof asking->ranges / sizeof asking->ranges[0] - WHOSE_CAMPAIGNS_MAX;
    if (n == CHUNKS_TOLD_MAX || asking->n + n > room) {
        add_range(asking, stack->seq, 0, stack->n_chunks);
        return;
    }
    for (size_t i = 0; i < n; i++)
        add_range(asking, stack->seq, chunks[i], chunks[i] + 1);
}

/* The launches that may be meant. false: an index has to be read first, *error tells whether it is
 * on its way. */
static bool collect(struct shelf *shelf, struct asking *asking, enum err *error)
{
    struct whose *whose = shelf->whose;
    size_t campaigns = 0;
    uint64_t looked = 0;
    asking->n = asking->at = 0;
    for (size_t i = 0;
         i < shelf->n && campaigns < WHOSE_CAMPAIGNS_MAX && looked <= WHOSE_RECIPIENTS_MAX; i++) {
        struct stack *stack = &shelf->stacks[i];
        const struct launch launch = {stack->seq,         stack->n_chunks,   stack->id,
                                      stack->launched_ms, stack->recipients, stack->takes_pledges,
                                      stack->add_serial};
        if (!asking->fits(asking->arg, &launch))
            continue;
        stack->used_ms = whose->mono_ms;
        if (!stack->is_whole && is_indexable(whose, stack)) {
            *error = read_index(shelf, stack);
            return false;
        }
        add_stack(asking, stack);
        campaigns++;
        looked += stack->recipients;
    }
    return true;
}

static const struct stack *find_stack(const struct shelf *shelf, uint32_t seq)
{
    for (size_t i = 0; i < shelf->n; i++)
        if (shelf->stacks[i].seq == seq)
            return &shelf->stacks[i];
    return NULL;
}

static enum err seek(struct asking *asking);

static void on_seek(void *arg, enum err error, const struct launches_place *place)
{
    struct asking *asking = arg;
    struct shelf *shelf = asking->shelf;
    if (!call_ended(shelf->whose)) {
        end(asking, ERR_CLOSED, NULL, 0);
        return;
    }
    if (error == ERR_STALE) {
        shelf->is_known = false;
        if (asking->restarts++ < RESTARTS_MAX)
            go_on(asking);
        else
            end(asking, ERR_BUSY, NULL, 0);
        return;
    }
    if (error) {
        end(asking, error, NULL, 0);
        return;
    }
    if (place->is_there) {
        const struct stack *stack = find_stack(shelf, asking->asked[place->range].seq);
        end(asking, stack ? ERR_OK : ERR_STALE, stack ? stack->id : NULL, place->region);
        return;
    }
    if (asking->at == asking->n) {
        end(asking, ERR_OK, NULL, 0);
        return;
    }
    error = seek(asking);
    if (error)
        end(asking, error, NULL, 0);
}

/* Of the ranges that are left, as many chunks as one call may look at. */
static size_t next_ranges(struct asking *asking)
{
    size_t n = 0;
    uint32_t chunks = 0;
    while (asking->at < asking->n && n < LAUNCHES_RANGES_MAX && chunks < LAUNCHES_CHUNKS_A_CALL) {
        struct launches_range *left = &asking->ranges[asking->at];
        struct launches_range part = *left;
        if (part.to - part.from > LAUNCHES_CHUNKS_A_CALL - chunks)
            part.to = part.from + LAUNCHES_CHUNKS_A_CALL - chunks;
        chunks += part.to - part.from;
        asking->asked[n++] = part;
        left->from = part.to;
        if (left->from == left->to)
            asking->at++;
    }
    return n;
}

static enum err seek(struct asking *asking)
{
    struct shelf *shelf = asking->shelf;
    size_t n = next_ranges(asking);
    enum err error = launches_seek(shelf->whose->store, shelf->carrier, shelf->version,
                                   asking->number, asking->asked, n, on_seek, asking);
    if (!error)
        shelf->whose->calls++;
    return error;
}

/* The next step of a search, whatever it is. An error: there is none. */
static enum err step(struct asking *asking)
{
    struct shelf *shelf = asking->shelf;
    enum err error = ERR_OK;
    if (!shelf->is_reading && !shelf->is_known)
        error = read_list(shelf);
    else if (!shelf->is_reading && collect(shelf, asking, &error))
        return seek(asking);
    if (!error)
        wait_on(shelf, asking);
    return error;
}

static void go_on(struct asking *asking)
{
    enum err error = step(asking);
    if (error)
        end(asking, error, NULL, 0);
}

static struct shelf *shelf_of(struct whose *whose, const char *carrier)
{
    struct shelf *shelf;
    LIST_FOREACH(shelf, &whose->shelves, entry)
    {
        if (strcmp(shelf->carrier, carrier) == 0)
            return shelf;
    }
    shelf = calloc(1, sizeof *shelf);
    if (!shelf)
        return NULL;
    shelf->whose = whose;
    snprintf(shelf->carrier, sizeof shelf->carrier, "%s", carrier);
    TAILQ_INIT(&shelf->waiting);
    LIST_INSERT_HEAD(&whose->shelves, shelf, entry);
    return shelf;
}

enum err whose_find(struct whose *whose, const char *carrier, uint64_t number, int64_t mono_ms,
                    whose_fits_fn *fits, whose_done_fn *done, void *arg)
{
    struct shelf *shelf = shelf_of(whose, carrier);
    struct asking *asking = shelf ? malloc(sizeof *asking) : NULL;
    if (!asking)
        return ERR_NOMEM;
    asking->shelf = shelf;
    asking->number = number;
    asking->fits = fits;
    asking->done = done;
    asking->arg = arg;
    asking->restarts = 0;
    whose->mono_ms = mono_ms;
    enum err error = step(asking);
    if (error)
        free(asking);
    return error;
}

/* ---- by the service code ---- */

static bool ends_with(const char *code, const char *before, const char *digits)
{
    size_t len = strlen(code), n_before = strlen(before), n_digits = strlen(digits);
    return n_before + n_digits <= len &&
           strncmp(code + len - n_digits - n_before, before, n_before) == 0 &&
           strcmp(code + len - n_digits, digits) == 0;
}

const char *whose_by_code(const struct whose *whose, const char *carrier, const char *service_code,
                          const char *before, size_t longer_than,
                          bool (*may)(void *arg, const char *id), void *arg)
{
    const struct shelf *shelf;
    const struct stack *best = NULL;
    LIST_FOREACH(shelf, &whose->shelves, entry)
    {
        if (strcmp(shelf->carrier, carrier) != 0)
            continue;
        for (size_t i = 0; i < shelf->n; i++) {
            const struct stack *stack = &shelf->stacks[i];
            size_t len = strlen(stack->add_serial);
            if (stack->takes_pledges && len > longer_than &&
                (!best || len > strlen(best->add_serial)) &&
                ends_with(service_code, before, stack->add_serial) && may(arg, stack->id))
                best = stack;
        }
    }
    return best ? best->id : NULL;
}
