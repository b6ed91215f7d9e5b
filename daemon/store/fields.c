/* The fields of "<base>c:<seq>". Names that the functions read or write themselves stand there too:
 * state, n_chunks, accepted, base, nA … nS, wait_reason, wait_actor, segs, requests, launched,
 * started, finished, changed, vd, late_waived, end_ms, dedup_group, id, personal, segments_total.
 */
#include "store/fields.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

enum kind { TEXT, BOOL, I64, U64, I32, U32, HEX };

struct field {
    const char *name;
    enum kind kind;
    size_t at;   /* in struct campaign_view */
    bool frozen; /* of campaign_fields: written at launch */
};
#define FROZEN(name, kind)                                                                         \
    {                                                                                              \
#name, kind, offsetof(struct campaign_view, fields.name), true                             \
    }
#define SEEN(word, name, kind)                                                                     \
    {                                                                                              \
        word, kind, offsetof(struct campaign_view, name), false                                    \
    }

static const struct field fields[] = {
    FROZEN(id, TEXT),
    FROZEN(title, TEXT),
    FROZEN(carrier, TEXT),
    FROZEN(dedup_group, TEXT),
    FROZEN(region, TEXT),
    FROZEN(class_word, TEXT),
    FROZEN(on_ambiguous, TEXT),
    FROZEN(signature, TEXT),
    FROZEN(text, TEXT),
    FROZEN(optout, TEXT),
    FROZEN(add_serial, TEXT),
    FROZEN(parent, TEXT),
    FROZEN(actor, TEXT),
    FROZEN(source_file, TEXT),
    FROZEN(signature_added_by_carrier, BOOL),
    FROZEN(personal, BOOL),
    FROZEN(takes_pledges, BOOL),
    FROZEN(start_ms, I64),
    FROZEN(end_ms, I64),
    FROZEN(late_after_ms, I64),
    FROZEN(window_from_min, I32),
    FROZEN(window_to_min, I32),
    FROZEN(rate, U32),
    FROZEN(max_segments, U32),
    FROZEN(price_fen, U32),
    FROZEN(rows, U64),
    FROZEN(duplicate, U64),
    FROZEN(invalid, U64),
    FROZEN(opted_out, U64),
    FROZEN(segments_total, U64),
    FROZEN(fingerprint, HEX),
    SEEN("seq", seq, U32),
    SEEN("n_chunks", n_chunks, U32),
    SEEN("state", state, TEXT),
    SEEN("wait_reason", wait_reason, TEXT),
    SEEN("wait_actor", wait_actor, TEXT),
    SEEN("accepted", accepted, U64),
    SEEN("staged", staged, U64),
    SEEN("segs", segments_sent, U64),
    SEEN("amb_chunks", ambiguous_chunks, U64),
    SEEN("amb_since", ambiguous_since_ms, I64),
    SEEN("requests", requests, U64),
    SEEN("resent", resent, U64),
    SEEN("launched", launched_ms, I64),
    SEEN("started", started_ms, I64),
    SEEN("finished", finished_ms, I64),
    SEEN("changed", changed_ms, I64),
    SEEN("purged", purged_ms, I64),
    SEEN("vd", values_dropped, BOOL),
    SEEN("late_waived", late_waived, BOOL),
};
#define N_FIELDS (sizeof fields / sizeof fields[0])

static void write_one(struct call *call, const struct field *field, const void *at)
{
    call_text(call, field->name);
    switch (field->kind) {
    case TEXT: {
        const char *text = *(const char *const *)at;
        call_text(call, text != NULL ? text : "");
        break;
    }
    case HEX:
        call_text(call, at);
        break;
    case BOOL:
        call_int(call, *(const bool *)at);
        break;
    case I64:
        call_int(call, *(const int64_t *)at);
        break;
    case U64:
        call_int(call, (int64_t) * (const uint64_t *)at);
        break;
    case I32:
        call_int(call, *(const int *)at);
        break;
    case U32:
        call_int(call, *(const uint32_t *)at);
        break;
    }
}

void fields_write(struct call *call, const struct campaign_fields *given)
{
    size_t base = offsetof(struct campaign_view, fields);
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (fields[i].frozen)
            write_one(call, &fields[i], (const char *)given + (fields[i].at - base));
    }
}

static void read_one(const struct field *field, const redisReply *value, void *at)
{
    switch (field->kind) {
    case TEXT:
        *(const char **)at = value->str;
        break;
    case HEX:
        snprintf(at, sizeof((struct campaign_fields *)0)->fingerprint, "%s", value->str);
        break;
    case BOOL: /* "vd" counts, so anything but "0" is yes */
        *(bool *)at = strcmp(value->str, "0") != 0;
        break;
    case I64:
        *(int64_t *)at = strtoll(value->str, NULL, 10);
        break;
    case U64:
        *(uint64_t *)at = strtoull(value->str, NULL, 10);
        break;
    case I32:
        *(int *)at = (int)strtol(value->str, NULL, 10);
        break;
    case U32:
        *(uint32_t *)at = (uint32_t)strtoul(value->str, NULL, 10);
        break;
    }
}

static void read_count(const char *name, const char *value, struct queue_counts *counts)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if ((char)state_all[i] == name[1])
            counts->of[i] = strtoull(value, NULL, 10);
    }
}

enum err fields_read(const redisReply *flat, struct campaign_view *view)
{
    if (flat == NULL || flat->type != REDIS_REPLY_ARRAY)
        return ERR_PROTOCOL;
    memset(view, 0, sizeof *view);
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (fields[i].kind == TEXT)
            *(const char **)((char *)view + fields[i].at) = "";
    }
    for (size_t i = 0; i + 1 < flat->elements; i += 2) {
        const redisReply *name = flat->element[i], *value = flat->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            return ERR_PROTOCOL;
        if (name->str[0] == 'n' && name->len == 2) {
            read_count(name->str, value->str, &view->counts);
            continue;
        }
        for (size_t j = 0; j < N_FIELDS; j++) {
            if (strcmp(fields[j].name, name->str) == 0) {
                read_one(&fields[j], value, (char *)view + fields[j].at);
                break;
            }
        }
    }
    view->cost_fen = view->segments_sent * view->fields.price_fen;
    return ERR_OK;
}
