/* A stream is freed when its connection is gone and nobody asks for its session any more.
 *
 * A piece is written only when the one before has left the process (http_answer_piece's on_ready),
 * so what waits for a slow reader is its place in the ring, never bytes. */
#include "api/streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"

#define RING 256              /* what a stream may lag behind before it is told "missed" */
#define PIECE_MAX_BYTES 32768 /* the whole ring of campaigns with long ids, and more */
#define FIRST "event: hello\ndata: {}\n\n"
#define BEAT "event: beat\ndata: {}\n\n"
#define CROWDED "event: crowded\ndata: {}\n\n"

enum kind { KIND_LEDGER, KIND_CAMPAIGN, KIND_STATUS };
struct note {
    enum kind kind;
    bool is_old; /* the same happened again further on: only the last is told */
    uint64_t entry, area;
    char id[STREAM_ID_SIZE], state[STREAM_STATE_SIZE];
};

struct stream {
    struct stream *next, **link;
    struct streams *streams; /* NULL: all has ended, an answer of `ask` is still to come */
    struct http_request *request;
    uint64_t area;
    char key[STREAM_KEY_SIZE], owner[STREAM_OWNER_SIZE];
    uint64_t at;              /* notes told so far, of all there ever were */
    int64_t waiting_since_ms; /* a piece is on the way since; 0: none */
    bool asked;               /* about its session */
    bool beat_due;
    bool is_cut;
};

struct streams {
    struct event_base *base;
    struct streams_options options;
    struct stream *first;
    size_t n;
    struct note ring[RING];
    uint64_t notes; /* how many there ever were; the last RING of them are in the ring */
    struct loop_timer *flush, *beat;
};

/* ---- the end of one ---- */

static void end(struct streams *streams, struct stream *stream)
{
    *stream->link = stream->next;
    if (stream->next != NULL) {
        stream->next->link = stream->link;
    }
    streams->n--;
    stream->streams = NULL;
    http_answer_end(stream->request);
    stream->request = NULL;
    if (!stream->asked) {
        free(stream);
    }
}

/* ---- telling ---- */

static void advance(struct stream *stream);

static void on_ready(void *arg, bool gone)
{
    struct stream *stream = arg;
    stream->waiting_since_ms = 0;
    if (gone) {
        end(stream->streams, stream);
    } else {
        advance(stream);
    }
}

static void write_piece(struct stream *stream, const char *bytes, size_t len)
{
    stream->waiting_since_ms = clock_mono_ms();
    http_answer_piece(stream->request, bytes, len, on_ready, stream);
}

static const struct note *note_at(const struct streams *streams, uint64_t n)
{
    return &streams->ring[n % RING];
}

static void add_note(const struct note *note, struct buf *out)
{
    switch (note->kind) {
    case KIND_LEDGER:
        buf_addf(out, "event: ledger\ndata: {\"entry\": %" PRIu64 "}\n\n", note->entry);
        return;
    case KIND_CAMPAIGN: /* ids and states are names: nothing in them needs an escape */
        buf_addf(out, "event: campaign\ndata: {\"id\": \"%s\", \"state\": \"%s\"}\n\n", note->id,
                 note->state);
        return;
    case KIND_STATUS:
        buf_add_text(out, "event: status\ndata: {}\n\n");
        return;
    }
}

static void add_missed(struct buf *out)
{
    static const char *const kinds[] = {"ledger", "campaign", "status"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        buf_addf(out, "event: %s\ndata: {\"missed\": true}\n\n", kinds[i]);
    }
}

static void add_news(const struct stream *stream, struct buf *out)
{
    const struct streams *streams = stream->streams;
    if (streams->notes - stream->at > RING) {
        add_missed(out);
        return;
    }
    for (uint64_t n = stream->at; n < streams->notes; n++) {
        const struct note *note = note_at(streams, n);
        if (!note->is_old &&
            (note->kind != KIND_CAMPAIGN || streams->options.covers(stream->area, note->area))) {
            add_note(note, out);
        }
    }
}

/* Gives what there is to give, if the last piece is out. */
static void advance(struct stream *stream)
{
    struct buf piece;
    if (stream->waiting_since_ms != 0 || stream->is_cut) {
        return;
    }
    buf_init(&piece, PIECE_MAX_BYTES);
    add_news(stream, &piece);
    if (stream->beat_due && piece.len == 0) {
        buf_add_text(&piece, BEAT);
    }
    stream->beat_due = false;
    if (piece.failed) {
        buf_reset(&piece);
        add_missed(&piece);
    }
    stream->at = stream->streams->notes;
    if (piece.len > 0 && !piece.failed) {
        write_piece(stream, piece.data, piece.len);
    }
    buf_fini(&piece);
}

static void on_flush(void *arg)
{
    struct streams *streams = arg;
    for (struct stream *stream = streams->first, *next; stream != NULL; stream = next) {
        next = stream->next;
        advance(stream);
    }
}

static struct note *new_note(struct streams *streams, enum kind kind, const char *id)
{
    for (size_t i = 0; i < RING; i++) {
        struct note *old = &streams->ring[i];
        old->is_old = old->is_old || (old->kind == kind && strcmp(old->id, id) == 0);
    }
    struct note *note = &streams->ring[streams->notes++ % RING];
    *note = (struct note){.kind = kind};
    snprintf(note->id, sizeof note->id, "%s", id);
    loop_timer_arm(streams->flush, 0);
    return note;
}

void streams_tell_ledger(struct streams *streams, uint64_t entry)
{
    new_note(streams, KIND_LEDGER, "")->entry = entry;
}

void streams_tell_campaign(struct streams *streams, const char *id, const char *state,
                           uint64_t area)
{
    struct note *note = new_note(streams, KIND_CAMPAIGN, id);
    snprintf(note->state, sizeof note->state, "%s", state);
    note->area = area;
}

void streams_tell_status(struct streams *streams)
{
    new_note(streams, KIND_STATUS, "");
}

static void cut(struct stream *stream)
{
    stream->is_cut = true;
    http_answer_cut(stream->request); /* on_ready says that it is gone */
}

/* ---- the beat: comments, sessions, those that do not read ---- */

static void ask(struct streams *streams, struct stream *stream)
{
    if (streams->options.ask != NULL && stream->key[0] != '\0' && !stream->asked) {
        stream->asked = true;
        streams->options.ask(streams->options.arg, stream, stream->key);
    }
}

void streams_ask(struct streams *streams)
{
    for (struct stream *stream = streams->first, *next; stream != NULL; stream = next) {
        next = stream->next;
        ask(streams, stream);
    }
}

static void on_beat(void *arg)
{
    struct streams *streams = arg;
    int64_t now_ms = clock_mono_ms();
    for (struct stream *stream = streams->first, *next; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->waiting_since_ms != 0 &&
            now_ms - stream->waiting_since_ms >= streams->options.stall_ms) {
            cut(stream);
            continue;
        }
        stream->beat_due = true;
        advance(stream);
        ask(streams, stream); /* which may end it at once */
    }
    loop_timer_arm(streams->beat, streams->options.beat_ms);
}

void streams_judge(struct stream *stream, bool lives)
{
    stream->asked = false;
    if (stream->streams == NULL) {
        free(stream);
    } else if (!lives) {
        end(stream->streams, stream);
    }
}

/* ---- all of them ---- */

enum err streams_new(struct event_base *base, const struct streams_options *options,
                     struct streams **streams)
{
    struct streams *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    made->base = base;
    made->options = *options;
    made->flush = loop_timer_new(base, on_flush, made);
    made->beat = loop_timer_new(base, on_beat, made);
    loop_timer_arm(made->beat, options->beat_ms);
    *streams = made;
    return ERR_OK;
}

void streams_end_all(struct streams *streams)
{
    for (struct stream *stream = streams->first, *next; stream != NULL; stream = next) {
        next = stream->next;
        end(streams, stream);
    }
}

void streams_free(struct streams *streams)
{
    if (streams == NULL) {
        return;
    }
    streams_end_all(streams);
    loop_timer_free(streams->flush);
    loop_timer_free(streams->beat);
    free(streams);
}

size_t streams_count(const struct streams *streams)
{
    return streams->n;
}

static void crowd_out(struct streams *streams, struct stream *stream)
{
    if (stream->waiting_since_ms != 0) { /* it has not taken the last piece either */
        cut(stream);
        return;
    }
    http_answer_piece(stream->request, CROWDED, strlen(CROWDED), NULL, NULL);
    end(streams, stream);
}

/* The newest stand in front, so the `most`-th of an owner is the oldest that may stay. */
static void make_room(struct streams *streams, const struct streams_listener *listener)
{
    size_t n = 1; /* the one that comes */
    for (struct stream *stream = streams->first, *next; stream != NULL; stream = next) {
        next = stream->next;
        if (!stream->is_cut && strcmp(stream->owner, listener->owner) == 0 &&
            ++n > listener->most) {
            crowd_out(streams, stream);
        }
    }
}

void streams_add(struct streams *streams, struct http_request *request,
                 const struct streams_listener *listener)
{
    if (listener->owner[0] != '\0') {
        make_room(streams, listener);
    }
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        http_answer(request, 503, "text/plain; charset=utf-8", "busy\n", 5);
        return;
    }
    stream->streams = streams;
    stream->request = request;
    stream->area = listener->area;
    stream->at = streams->notes;
    snprintf(stream->key, sizeof stream->key, "%s", listener->key);
    snprintf(stream->owner, sizeof stream->owner, "%s", listener->owner);
    stream->next = streams->first;
    stream->link = &streams->first;
    if (stream->next != NULL) {
        stream->next->link = &stream->next;
    }
    streams->first = stream;
    streams->n++;
    http_answer_header(request, "X-Accel-Buffering", "no"); /* nginx would keep pieces back */
    http_answer_start(request, 200, "text/event-stream");
    write_piece(stream, FIRST, strlen(FIRST));
}
