/* Status reports, uplinks, the account, the daemons and the audit. */
#include "store/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/log.h"
#include "sms/mobile.h"
#include "store/call.h"
#include "store/chunk.h"

#define BATCH_BYTES_MAX 64 /* as in queue.c: both must cut alike */
#define CODE_BYTES_MAX 64
#define REPORT_BYTES_MAX                                                                           \
    (MOBILE_PACKED_BYTES + 1 + 1 + 2 + 8 + 1 + BATCH_BYTES_MAX + 1 + CODE_BYTES_MAX)
#define REPORTS_A_CALL_MAX 5000
#define EXPIRE_NUMBERS_A_CALL 200 /* a few milliseconds of Redis */
#define BEAT_FORGET_MS (INT64_C(7) * 86400000)
#define BEATS_MAX 256

/* ---- reports ---- */

struct reporting {
    struct store *store;
    status_stored_fn *done;
    void *arg;
};

static void on_report(void *arg, enum err error, const redisReply *reply)
{
    struct reporting op = *(struct reporting *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct status_stored stored = {
        .changed = (uint64_t)answer_int(&answer, 1),
        .repeated = (uint64_t)answer_int(&answer, 2),
        .parked = (uint64_t)answer_int(&answer, 3),
        .noted = (uint64_t)answer_int(&answer, 4),
        .contradictions = (uint64_t)answer_int(&answer, 5),
        .cured = (uint64_t)answer_int(&answer, 6),
    };
    op.done(op.arg, answer.error, &stored);
}

static void add_u16(struct buf *buf, unsigned value)
{
    const uint8_t two[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    buf_add(buf, two, sizeof two);
}

static void add_report(struct buf *buf, const struct status_report *report)
{
    uint8_t number[MOBILE_PACKED_BYTES], told[8];
    size_t batch = strnlen(report->batch, BATCH_BYTES_MAX),
           code = strnlen(report->code, CODE_BYTES_MAX);
    uint64_t ms = report->submitted_ms > 0 ? (uint64_t)report->submitted_ms : 0;
    for (int i = 7; i >= 0; i--, ms >>= 8)
        told[i] = (uint8_t)ms;
    mobile_pack(report->number, number);
    buf_add(buf, number, sizeof number);
    buf_add_char(buf, (char)report->to);
    buf_add_char(buf, report->unknown_code ? '\1' : '\0');
    add_u16(buf, chunk_batch_bucket(report->batch, batch));
    buf_add(buf, told, sizeof told);
    buf_add_char(buf, (char)(uint8_t)batch);
    buf_add(buf, report->batch, batch);
    buf_add_char(buf, (char)(uint8_t)code);
    buf_add(buf, report->code, code);
}

enum err status_report(struct store *store, const char *carrier,
                       const struct status_report *reports, size_t n, uint32_t parked_max,
                       int64_t now_ms, status_stored_fn *done, void *arg)
{
    if (n > REPORTS_A_CALL_MAX)
        return ERR_TOO_BIG;
    struct reporting *op = malloc(sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    *op = (struct reporting){store, done, arg};
    struct buf packed;
    buf_init(&packed, (size_t)REPORTS_A_CALL_MAX * REPORT_BYTES_MAX);
    for (size_t i = 0; i < n; i++)
        add_report(&packed, &reports[i]);
    enum err error = buf_check(&packed);
    if (error == ERR_OK) {
        struct call call;
        call_begin(&call, store, "or1_report", KEY_CARRIER, carrier);
        call_bytes(&call, packed.data, packed.len);
        call_int(&call, parked_max);
        call_int(&call, now_ms);
        error = call_send(&call, on_report, op);
    }
    buf_fini(&packed);
    if (error != ERR_OK)
        free(op);
    return error;
}

struct expiring {
    struct store *store;
    struct kept_call *call;
    queue_done_fn *done;
    void *arg;
};

static void on_expired(void *arg, enum err error, const redisReply *reply)
{
    struct expiring *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    bool more = answer.error == ERR_OK && answer_int(&answer, 2) != 0;
    if (more)
        answer.error = call_send_kept(op->call, on_expired, op);
    if (more && answer.error == ERR_OK)
        return;
    op->done(op->arg, answer.error, answer.reason);
    call_forget(op->call);
    free(op);
}

enum err status_expire_parked(struct store *store, const char *carrier, int64_t parked_for_ms,
                              int64_t now_ms, queue_done_fn *done, void *arg)
{
    struct call call;
    struct expiring *op = malloc(sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    call_begin(&call, store, "or1_expire_parked", KEY_CARRIER, carrier);
    call_int(&call, now_ms - parked_for_ms);
    call_int(&call, EXPIRE_NUMBERS_A_CALL);
    *op = (struct expiring){store, call_keep(&call), done, arg};
    enum err error = op->call == NULL ? ERR_NOMEM : call_send_kept(op->call, on_expired, op);
    if (error != ERR_OK) {
        call_forget(op->call);
        free(op);
    }
    return error;
}

/* ---- uplinks ---- */

struct uplinking {
    struct store *store;
    status_uplink_fn *done;
    void *arg;
};

static void on_uplink(void *arg, enum err error, const redisReply *reply)
{
    struct uplinking op = *(struct uplinking *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    op.done(op.arg, answer.error, answer_int(&answer, 1) != 0);
}

enum err status_uplink(struct store *store, const char *carrier, const struct uplink_record *uplink,
                       int64_t now_ms, status_uplink_fn *done, void *arg)
{
    const struct uplinking op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_uplink", KEY_CARRIER, carrier);
    call_text(&call, uplink->id);
    call_int(&call, (int64_t)uplink->number);
    call_bytes(&call, uplink->text, uplink->text_len);
    call_text(&call, uplink->service_code);
    call_text(&call, uplink->meaning);
    call_int(&call, uplink->sent_ms);
    call_int(&call, now_ms);
    return call_send_with(&call, on_uplink, &op, sizeof op);
}

/* ---- the account ---- */

struct asking {
    struct store *store;
    status_carrier_fn *done;
    void *arg;
};

static const struct {
    const char *name;
    size_t at;
    bool text;
} carrier_fields[] = {
    {"state", offsetof(struct carrier_view, state), true},
    {"reason", offsetof(struct carrier_view, reason), true},
    {"actor", offsetof(struct carrier_view, actor), true},
    {"code", offsetof(struct carrier_view, code), true},
    {"last_unknown_code", offsetof(struct carrier_view, last_unknown_code), true},
    {"since", offsetof(struct carrier_view, since_ms), false},
    {"resume_at", offsetof(struct carrier_view, resume_at_ms), false},
    {"accepted", offsetof(struct carrier_view, accepted), false},
    {"rejected", offsetof(struct carrier_view, rejected), false},
    {"ambiguous", offsetof(struct carrier_view, ambiguous), false},
    {"requests", offsetof(struct carrier_view, requests), false},
    {"reports", offsetof(struct carrier_view, reports), false},
    {"uplinks", offsetof(struct carrier_view, uplinks), false},
    {"parked", offsetof(struct carrier_view, parked), false},
    {"unknown_codes", offsetof(struct carrier_view, unknown_codes), false},
    {"contradictions", offsetof(struct carrier_view, contradictions), false},
};
_Static_assert(sizeof(uint64_t) == sizeof(int64_t), "one way to write both");

static void read_carrier(const redisReply *flat, struct carrier_view *view)
{
    for (size_t i = 0; flat != NULL && i + 1 < flat->elements; i += 2) {
        for (size_t j = 0; j < sizeof carrier_fields / sizeof carrier_fields[0]; j++) {
            if (strcmp(carrier_fields[j].name, flat->element[i]->str) != 0)
                continue;
            void *at = (char *)view + carrier_fields[j].at;
            if (carrier_fields[j].text)
                *(const char **)at = flat->element[i + 1]->str;
            else
                *(int64_t *)at = strtoll(flat->element[i + 1]->str, NULL, 10);
        }
    }
}

static void on_carrier(void *arg, enum err error, const redisReply *reply)
{
    struct asking op = *(struct asking *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct carrier_view view = {
        .state = "running", .reason = "", .actor = "", .code = "", .last_unknown_code = ""};
    if (answer.error == ERR_OK) {
        read_carrier(answer_at(&answer, 1), &view);
        view.parked_oldest_ms = answer_int(&answer, 2);
        view.rest_ms = answer_int(&answer, 3);
    }
    op.done(op.arg, answer.error, &view);
}

enum err status_carrier(struct store *store, const char *carrier, status_carrier_fn *done,
                        void *arg)
{
    const struct asking op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_carrier", KEY_CARRIER, carrier);
    return call_send_with(&call, on_carrier, &op, sizeof op);
}

/* An order to the account, and the audit line that follows it. */
struct ordering {
    struct store *store;
    queue_done_fn *done;
    void *arg;
    const char *verb;
    int64_t now_ms;
    char carrier[KEY_SIZE];
    char actor[128], reason[512];
};

static void on_ordered(void *arg, enum err error, const redisReply *reply)
{
    struct ordering *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    if (answer.error == ERR_OK)
        call_audit(op->store, op->now_ms, op->actor, op->verb, op->carrier, op->reason);
    op->done(op->arg, answer.error, answer.reason);
    free(op);
}

void status_tested(struct store *store, const char *carrier, const char *batch)
{
    struct call call;
    call_begin(&call, store, "or1_tested", KEY_CARRIER, carrier);
    call_text(&call, batch);
    if (call_send_done(&call, NULL, NULL) != ERR_OK)
        log_line(LOG_INFO, "redis", "event=test_not_noted carrier=%s", carrier);
}

enum err status_carrier_act(struct store *store, const char *carrier, enum carrier_act act,
                            const char *actor, const char *reason, const char *code,
                            int64_t rest_ms, int64_t now_ms, queue_done_fn *done, void *arg)
{
    static const char *const words[] = {[CARRIER_PAUSE] = "pause",
                                        [CARRIER_RESUME] = "resume",
                                        [CARRIER_STOP] = "stop",
                                        [CARRIER_RETRY] = "retry"};
    static const char *const verbs[] = {[CARRIER_PAUSE] = "carrier pause",
                                        [CARRIER_RESUME] = "carrier resume",
                                        [CARRIER_STOP] = "carrier stop",
                                        [CARRIER_RETRY] = "carrier resume"};
    struct ordering *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->verb = verbs[act];
    op->now_ms = now_ms;
    snprintf(op->carrier, sizeof op->carrier, "%s", carrier);
    snprintf(op->actor, sizeof op->actor, "%s", actor);
    snprintf(op->reason, sizeof op->reason, "%s", reason);
    struct call call;
    call_begin(&call, store, "or1_carrier_act", KEY_CARRIER, carrier);
    call_text(&call, words[act]);
    call_text(&call, actor);
    call_text(&call, reason);
    call_text(&call, code);
    call_int(&call, rest_ms);
    call_int(&call, now_ms);
    enum err error = call_send(&call, on_ordered, op);
    if (error != ERR_OK)
        free(op);
    return error;
}

/* ---- daemons: one hash, a record of tab-separated words each ---- */

enum err status_beat(struct store *store, const struct daemon_beat *beat, queue_done_fn *done,
                     void *arg)
{
    char record[512];
    int n = snprintf(record, sizeof record,
                     "%s\t%s\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRIu64 "\t%" PRIu64,
                     beat->host, beat->version, beat->pid, beat->started_ms, beat->seen_ms,
                     beat->inflight, beat->claims);
    if (n < 0 || (size_t)n >= sizeof record)
        return ERR_TOO_BIG;
    struct call call;
    call_begin(&call, store, "or1_beat", KEY_DAEMONS, "");
    call_text(&call, beat->id);
    call_bytes(&call, record, (size_t)n);
    return call_send_done(&call, done, arg);
}

struct counting_heads {
    struct store *store;
    status_daemons_fn *done;
    void *arg;
};

/* Cuts the record in place at its tabs. */
static void read_beat(char *record, struct daemon_beat *beat)
{
    char *words[7];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        words[i] = record;
        record += strcspn(record, "\t");
        if (*record == '\t')
            *record++ = '\0';
    }
    beat->host = words[0];
    beat->version = words[1];
    beat->pid = strtoll(words[2], NULL, 10);
    beat->started_ms = strtoll(words[3], NULL, 10);
    beat->seen_ms = strtoll(words[4], NULL, 10);
    beat->inflight = strtoull(words[5], NULL, 10);
    beat->claims = strtoull(words[6], NULL, 10);
}

/* A daemon that has not been seen for a week is taken off the list. */
static void forget_daemon(struct store *store, const char *id)
{
    struct call call;
    call_begin(&call, store, "or1_daemons", KEY_DAEMONS, "");
    call_text(&call, id);
    if (call_send_done(&call, NULL, NULL) != ERR_OK)
        return; /* the next look tries again */
}

static void on_daemons(void *arg, enum err error, const redisReply *reply)
{
    struct counting_heads op = *(struct counting_heads *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct daemon_beat beats[BEATS_MAX];
    const redisReply *flat = answer_at(&answer, 1);
    size_t n = 0;
    int64_t newest_ms = 0;
    for (size_t i = 0; flat != NULL && i + 1 < flat->elements && n < BEATS_MAX; i += 2) {
        beats[n].id = flat->element[i]->str;
        read_beat(flat->element[i + 1]->str, &beats[n]);
        if (beats[n].seen_ms > newest_ms)
            newest_ms = beats[n].seen_ms;
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        if (beats[i].seen_ms < newest_ms - BEAT_FORGET_MS)
            forget_daemon(op.store, beats[i].id);
    }
    op.done(op.arg, answer.error, beats, n);
}

enum err status_daemons(struct store *store, status_daemons_fn *done, void *arg)
{
    const struct counting_heads op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_daemons", KEY_DAEMONS, "");
    call_text(&call, "");
    return call_send_with(&call, on_daemons, &op, sizeof op);
}

/* ---- audit ---- */

enum err status_audit(struct store *store, const struct audit_line *line, queue_done_fn *done,
                      void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_audit", KEY_AUDIT, "");
    call_int(&call, line->at_ms);
    call_text(&call, line->actor);
    call_text(&call, line->act);
    char object[AUDIT_TEXT_SIZE], detail[AUDIT_TEXT_SIZE];
    call_audited(&call, line->object, object);
    call_audited(&call, line->detail, detail);
    call_text(&call, line->via != NULL ? line->via : "");
    call_text(&call, line->address != NULL ? line->address : "");
    char before[AUDIT_TEXT_SIZE], after[AUDIT_TEXT_SIZE];
    call_audited(&call, line->before != NULL ? line->before : "", before);
    call_audited(&call, line->after != NULL ? line->after : "", after);
    call_text(&call, line->is_refused ? "1" : "");
    return call_send_done(&call, done, arg);
}

struct paging_audit {
    struct store *store;
    status_audit_fn *done;
    void *arg;
};

static const char *audit_field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    }
    return "";
}

static void read_audit(const redisReply *row, struct audit_seen *seen)
{
    const redisReply *fields = row->element[1];
    *seen = (struct audit_seen){.id = row->element[0]->str,
                                .line = {.at_ms = strtoll(audit_field(fields, "at"), NULL, 10),
                                         .actor = audit_field(fields, "actor"),
                                         .act = audit_field(fields, "act"),
                                         .object = audit_field(fields, "object"),
                                         .detail = audit_field(fields, "detail"),
                                         .via = audit_field(fields, "via"),
                                         .address = audit_field(fields, "addr"),
                                         .before = audit_field(fields, "before"),
                                         .after = audit_field(fields, "after")}};
}

static void on_audit_page(void *arg, enum err error, const redisReply *reply)
{
    struct paging_audit op = *(struct paging_audit *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct audit_seen lines[AUDIT_PAGE_MAX];
    size_t n = 0;
    for (size_t i = 1; answer.error == ERR_OK && i < answer_len(&answer) && n < AUDIT_PAGE_MAX; i++)
        read_audit(answer_at(&answer, i), &lines[n++]);
    op.done(op.arg, answer.error, lines, n);
}

enum err status_audit_page(struct store *store, const char *before, uint32_t most,
                           status_audit_fn *done, void *arg)
{
    const struct paging_audit op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_audit_page", KEY_AUDIT, "");
    call_text(&call, *before ? before : "+");
    call_int(&call, most < AUDIT_PAGE_MAX ? most : AUDIT_PAGE_MAX);
    return call_send_with(&call, on_audit_page, &op, sizeof op);
}

struct proving_audit {
    struct store *store;
    status_audit_proof_fn *done;
    void *arg;
    struct audit_proof proof;
    char last[48], digest[48];
};

static enum err prove_audit(struct proving_audit *op);

static void end_proof(struct proving_audit *op, enum err error)
{
    op->done(op->arg, error, error == ERR_OK ? &op->proof : NULL);
    free(op);
}

static void on_audit_part(void *arg, enum err error, const redisReply *reply)
{
    struct proving_audit *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    if (answer.error != ERR_OK) {
        end_proof(op, answer.error);
        return;
    }
    int64_t n = answer_int(&answer, 1);
    op->proof.lines += (uint64_t)n;
    op->proof.ever = (uint64_t)answer_int(&answer, 6);
    snprintf(op->last, sizeof op->last, "%s", answer_text(&answer, 2));
    snprintf(op->digest, sizeof op->digest, "%s", answer_text(&answer, 3));
    snprintf(op->proof.head, sizeof op->proof.head, "%s", answer_text(&answer, 5));
    if (*op->proof.bad_id == '\0')
        snprintf(op->proof.bad_id, sizeof op->proof.bad_id, "%s", answer_text(&answer, 4));
    if (n > 0) {
        error = prove_audit(op);
        if (error != ERR_OK)
            end_proof(op, error);
        return;
    }
    if (*op->proof.bad_id == '\0' && strcmp(op->digest, op->proof.head) != 0)
        snprintf(op->proof.bad_id, sizeof op->proof.bad_id, "%s", op->last);
    end_proof(op, ERR_OK);
}

/* The page after `last`. */
static enum err prove_audit(struct proving_audit *op)
{
    struct call call;
    call_begin(&call, op->store, "or1_audit_verify", KEY_AUDIT, "");
    call_text(&call, op->last);
    call_text(&call, op->digest);
    call_int(&call, AUDIT_PAGE_MAX);
    return call_send(&call, on_audit_part, op);
}

enum err status_audit_verify(struct store *store, status_audit_proof_fn *done, void *arg)
{
    struct proving_audit *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    snprintf(op->last, sizeof op->last, "-");
    enum err error = prove_audit(op);
    if (error != ERR_OK)
        free(op);
    return error;
}
