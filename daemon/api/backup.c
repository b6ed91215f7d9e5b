/* GET /api/v1/backup, PUT /api/v1/restore: both for the control socket only, they carry everything.
 *
 * backup streams base/archive.h from store/snapshot.h, no faster than the client reads. restore
 * takes that file in parts, `at` says where one begins (0: a new restore); the part that holds the
 * end makes the swap, and then the daemon ends: lanes, limits and claims in its memory are of the
 * data that was. */
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/query.h"
#include "base/archive.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/layouts.h"
#include "store/restore.h"
#include "store/snapshot.h"

#define PIECE_BYTES ((size_t)256 * 1024)
#define PIECE_MAX_BYTES (ARCHIVE_VALUE_MAX + (size_t)2 * 1024 * 1024)
#define DETAIL_SIZE 96
#define FORGOTTEN_MS                                                                               \
    (10 * INT64_C(60000)) /* a restore whose next part has not come for so long                    \
                           */

/* On the control socket the query names who acts. */
static const char *actor_of(struct apicall *call)
{
    const char *who = http_request_query(call->request, "actor");
    return who != NULL && who[0] != '\0' && strlen(who) <= CALL_ACTOR_MAX ? who : "control";
}

static void audit(struct apicall *call, const char *act, const char *detail)
{
    const struct audit_line line = {.at_ms = clock_wall_ms(),
                                    .actor = actor_of(call),
                                    .act = act,
                                    .object = "",
                                    .detail = detail};
    if (status_audit(call->api->parts.store, &line, NULL, NULL) != ERR_OK) {
        log_line(LOG_WARN, "api", "event=audit_lost act=\"%s\"", act);
    }
}

/* ---- backup ---- */

struct backup {
    struct apicall *call;
    struct snapshot *snapshot;
    struct archive_writer *writer;
    struct buf piece;
    bool started, is_writing, is_whole;
};

static void backup_free(void *state)
{
    struct backup *backup = state;
    backup->call->api->backup = NULL;
    snapshot_free(backup->snapshot);
    archive_writer_free(backup->writer);
    buf_fini(&backup->piece);
    free(backup);
}

static void backup_end(struct backup *backup)
{
    struct apicall *call = backup->call;
    http_answer_end(call->request);
    apicall_end(call);
}

static void on_written(void *arg, bool gone);

/* Gives what there is to the client, and reads no more of Redis until the client has it. */
static void write_piece(struct backup *backup)
{
    backup->is_writing = true;
    snapshot_hold(backup->snapshot, true);
    http_answer_piece(backup->call->request, buf_text(&backup->piece), backup->piece.len,
                      on_written, backup);
    buf_reset(&backup->piece);
}

static void on_written(void *arg, bool gone)
{
    struct backup *backup = arg;
    backup->is_writing = false;
    if (gone || (backup->is_whole && backup->piece.len == 0)) {
        backup_end(backup);
    } else if (backup->piece.len > 0) {
        write_piece(backup);
    } else {
        snapshot_hold(backup->snapshot, false);
    }
}

static void start_answer(struct backup *backup)
{
    struct api *api = backup->call->api;
    struct archive_header header = {.format = ARCHIVE_FORMAT,
                                    .schema = (uint32_t)layout_newest,
                                    .rdb = snapshot_version(backup->snapshot),
                                    .at_ms = clock_wall_ms()};
    snprintf(header.prefix, sizeof header.prefix, "%s", store_prefix(api->parts.store));
    snprintf(header.redis, sizeof header.redis, "%s",
             redis_facts(store_redis(api->parts.store))->version);
    archive_write_header(backup->writer, &header, &backup->piece);
    http_answer_start(backup->call->request, 200, "application/octet-stream");
    backup->started = true;
}

static enum err on_key(void *arg, const struct rdb_key *key)
{
    struct backup *backup = arg;
    if (!backup->started) {
        start_answer(backup);
    }
    const struct archive_record record = {.key = key->name,
                                          .key_len = key->name_len,
                                          .value = key->dump,
                                          .value_len = key->dump_len,
                                          .expires_ms = key->expires_ms};
    archive_write_record(backup->writer, &record, &backup->piece);
    if (backup->piece.len >= PIECE_BYTES && !backup->is_writing) {
        write_piece(backup);
    }
    return buf_check(&backup->piece);
}

/* Without its end the client knows that it has only a part. */
static void break_off(struct backup *backup, enum err error, const char *reason)
{
    struct apicall *call = backup->call;
    char quoted[DETAIL_SIZE * 2];
    log_line(LOG_WARN, "api", "event=backup_failed reason=%s",
             log_quote(reason, quoted, sizeof quoted));
    if (!backup->started) {
        apicall_fail(call, error, reason);
        return;
    }
    http_answer_cut(call->request);
    backup_end(backup); /* what an outstanding piece would say does not come any more */
}

static void on_snapshot_end(void *arg, enum err error, const char *reason)
{
    struct backup *backup = arg;
    struct apicall *call = backup->call;
    char detail[DETAIL_SIZE];
    if (error != ERR_OK) {
        break_off(backup, error, reason);
        return;
    }
    if (!backup->started) {
        start_answer(backup);
    }
    snprintf(detail, sizeof detail, "%llu keys",
             (unsigned long long)archive_written(backup->writer));
    audit(call, "backup", detail);
    archive_write_end(backup->writer, &backup->piece);
    backup->is_whole = true;
    if (buf_check(&backup->piece) != ERR_OK) {
        break_off(backup, ERR_NOMEM, err_sentence(ERR_NOMEM));
    } else if (!backup->is_writing) {
        write_piece(backup);
    }
}

void handle_backup(struct apicall *call)
{
    if (call->api->backup != NULL) {
        apicall_error(call, 503, "busy", NULL, "another backup is under way");
        return;
    }
    struct backup *backup = calloc(1, sizeof *backup);
    if (backup == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    backup->call = call;
    call->api->backup = call;
    call->state = backup;
    call->free_state = backup_free;
    buf_init(&backup->piece, PIECE_MAX_BYTES);
    const char *sentence;
    if (redis_health(store_redis(call->api->parts.store), &sentence) != REDIS_READY) {
        apicall_fail(call, ERR_CLOSED, sentence);
        return;
    }
    const struct snapshot_events events = {on_key, on_snapshot_end, backup};
    enum err error = archive_writer_new(&backup->writer);
    if (error == ERR_OK) {
        error =
            snapshot_new(call->api->parts.base, call->api->parts.store, &events, &backup->snapshot);
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void backup_stop(struct api *api)
{
    if (api->backup != NULL) {
        break_off(api->backup->state, ERR_CLOSED, "the daemon is stopping");
    }
    /* While it works its answer from Redis is owed, and frees it. */
    if (api->restore != NULL && !restore_is_working(api->restore)) {
        restore_free(api->restore);
    }
}

/* ---- restore ---- */

/* call->state of a part: the restore it belongs to, which outlives the API when that goes away
 * while Redis works. */
static struct restore *restore_of(struct apicall *call)
{
    return call->state;
}

static void drop(struct apicall *call)
{
    if (call->api != NULL) {
        call->api->restore = NULL;
    }
    restore_free(restore_of(call));
}

/* false: the call was answered, the restore is gone. */
static bool went_well(struct apicall *call, enum err error, const char *reason)
{
    if (call->api != NULL && error == ERR_OK) {
        return true;
    }
    struct restore *restore = restore_of(call);
    struct api *api = call->api; /* the call is gone when it was answered */
    if (api != NULL) {
        api->restore = NULL;
    }
    if (!apicall_lives(call)) { /* answered */
    } else if (error == ERR_REFUSED) {
        apicall_error(call, 409, "refused", NULL, "%s", reason);
    } else {
        apicall_fail(call, error, reason);
    }
    restore_free(restore); /* last: the reason is its own */
    if (api != NULL) {
        restore_clear(api->parts.store, api->parts.owner);
    }
    return false;
}

void backup_tidy(struct api *api)
{
    bool forgotten = api->restore != NULL && !restore_is_working(api->restore) &&
                     clock_mono_ms() - api->restore_part_ms > FORGOTTEN_MS;
    if (forgotten) {
        restore_free(api->restore);
        api->restore = NULL;
    }
    if (api->restore == NULL) {
        restore_clear(api->parts.store, api->parts.owner);
    }
}

static void on_restored(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    char detail[DETAIL_SIZE];
    if (!went_well(call, error, reason)) {
        return;
    }
    struct api *api = call->api;
    json_int_t keys = (json_int_t)restore_keys(restore_of(call));
    snprintf(detail, sizeof detail, "%lld keys", (long long)keys);
    audit(call, "restore", detail);
    log_line(LOG_WARN, "api", "event=restored keys=%lld text=\"the daemon ends to begin anew\"",
             (long long)keys);
    drop(call);
    apicall_answer(call, 200, json_pack("{s:b, s:I}", "restored", true, "keys", keys));
    api->parts.stop(api->parts.stop_arg);
}

/* Nothing of ours may be under way in the data that goes: its outcome would be booked in the other.
 */
static bool is_idle(const struct api *api)
{
    struct dispatch_view view;
    size_t busy = launcher_running(api->parts.launcher);
    for (size_t i = 0; i < api->settings->n_carriers; i++) {
        dispatch_lane_view(api->parts.dispatch, api->settings->carriers[i].name, &view);
        busy += view.inflight_requests + view.claimed_chunks;
    }
    return busy == 0;
}

static void on_part(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!went_well(call, error, reason)) {
        return;
    }
    struct restore *restore = restore_of(call);
    if (!restore_is_whole(restore)) {
        apicall_answer(call, 200, json_pack("{s:I}", "at", (json_int_t)restore_at(restore)));
        return;
    }
    if (!is_idle(call->api)) {
        went_well(
            call, ERR_REFUSED,
            "messages are being sent or imported: pause the carriers, wait, and restore then");
        return;
    }
    error = restore_swap(restore, actor_of(call), clock_wall_ms(), on_restored, call);
    if (error != ERR_OK) {
        went_well(call, error, err_sentence(error));
    }
}

/* gives: the restore this part belongs to; NULL: answered. */
static struct restore *find_restore(struct apicall *call, uint64_t at)
{
    struct api *api = call->api;
    bool replace;
    if (api->restore != NULL && restore_is_working(api->restore)) {
        apicall_error(call, 503, "busy", NULL, "another part is being restored");
        return NULL;
    }
    if (!query_flag(call, "replace", &replace)) {
        return NULL;
    }
    if (at == 0) {
        restore_free(api->restore);
        api->restore = NULL;
        enum err error = restore_new(api->parts.store, api->parts.owner, replace, &api->restore);
        if (error != ERR_OK) {
            apicall_fail(call, error, NULL);
            return NULL;
        }
    }
    if (api->restore == NULL || restore_at(api->restore) != at) {
        apicall_error(call, 409, "refused", "at",
                      "this is not the part that is next; begin with 0");
        return NULL;
    }
    return api->restore;
}

void handle_restore(struct apicall *call)
{
    uint64_t at;
    size_t len;
    if (!query_number(call, "at", 0, INT64_MAX, &at)) {
        return;
    }
    struct restore *restore = find_restore(call, at);
    if (restore == NULL) {
        return;
    }
    call->state = restore;
    call->api->restore_part_ms = clock_mono_ms();
    const char *bytes = http_request_body(call->request, &len);
    enum err error = restore_part(restore, at, bytes, len, on_part, call);
    if (error != ERR_OK) {
        went_well(call, error, err_sentence(error));
    }
}
