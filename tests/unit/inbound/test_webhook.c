/* Webhooks as a whole: real HTTP in, a real redis-server behind, the driver's own reading of the
 * bodies. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../dispatch/world.h"
#include "carrier/codes.h"
#include "inbound/webhook.h"
#include "net/http_client.h"

#define KEY "s3cret-part"
#define REPORT "/hook/mas/" KEY "/report"
#define UPLINK "/hook/mas/" KEY "/uplink"

static struct world w;
static struct webhook *webhook;
static struct http_server *server;
static struct http_client *client;
static struct codes *codes;
static struct settings_cidr allowed;

static void on_request(void *arg, struct http_request *request)
{
    (void)arg;
    webhook_handle(webhook, request);
}

static int open_world(void **state)
{
    (void)state;
    world_open(&w, false);
    allowed = (struct settings_cidr){.addr = {[10] = 0xff, [11] = 0xff, [12] = 127}, .bits = 104};
    w.settings.daemon.webhook_wrong_per_minute = 60;
    w.settings.carriers[0].callback_key = KEY;
    w.settings.carriers[0].callback_allow = &allowed;
    w.settings.carriers[0].n_callback_allow = 1;
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    assert_int_equal(codes_load(SOURCE_DIR "/config/codes/cloudmas.ini", &codes, &mistakes),
                     ERR_OK);
    mistakes_fini(&mistakes);
    assert_int_equal(webhook_new(w.base, w.store, &webhook), ERR_OK);
    webhook_set_settings(webhook, &w.settings, &codes);
    const struct http_limits limits = {.headers_max_bytes = 8192,
                                       .body_max_bytes = 1 << 20,
                                       .connections_max = 100,
                                       .connections_per_address = 100,
                                       .idle_ms = 60000};
    assert_int_equal(http_server_new(w.base, &limits, on_request, NULL, &server), ERR_OK);
    assert_int_equal(http_server_listen_tcp(server, "127.0.0.1", 0), ERR_OK);
    const struct http_client_options options = {.connections = 20, .answer_max_bytes = 4096};
    assert_int_equal(http_client_new(w.base, &options, &client), ERR_OK);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    http_client_free(client);
    webhook_free(webhook);
    http_server_free(server);
    world_close(&w);
    codes_free(codes);
    return 0;
}

/* ---- pushing ---- */

struct push {
    bool is_over;
    int status;
    char body[256];
};

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct push *push = arg;
    push->is_over = true;
    push->status = answer->status;
    snprintf(push->body, sizeof push->body, "%s", answer->complete ? answer->body : "");
}

static void push_start(struct push *push, const char *path, const char *body)
{
    char url[256];
    *push = (struct push){0};
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", http_server_port(server), path);
    assert_int_equal(http_client_post(client, url, "application/json", strdup(body), strlen(body),
                                      10000, on_answer, push),
                     ERR_OK);
}

static int push_text(const char *path, const char *body)
{
    struct push push;
    push_start(&push, path, body);
    world_until(&w, &push.is_over);
    return push.status;
}

static const char *report_text(char out[512], uint32_t at, const char *batch, const char *code)
{
    snprintf(out, 512,
             "{\"reportStatus\":\"CM:0000\",\"mobile\":\"%llu\",\"submitDate\":\"20261017090000\","
             "\"receiveDate\":\"20261017090105\",\"errorCode\":\"%s\",\"msgGroup\":\"%s\"}",
             (unsigned long long)(WORLD_BASE + at), code, batch);
    return out;
}

static const char *uplink_text(char out[512], uint32_t at, const char *text, const char *when)
{
    snprintf(out, 512,
             "{\"mobile\":\"%llu\",\"smsContent\":\"%s\",\"sendTime\":\"%s\",\"addSerial\":"
             "\"106573000001\"}",
             (unsigned long long)(WORLD_BASE + at), text, when);
    return out;
}

/* ---- a campaign that the carrier has accepted ---- */

struct claimed {
    bool is_over;
    enum claim_result result;
    uint64_t token;
    uint32_t chunk, n;
};

static void on_claim(void *arg, enum err error, const struct queue_claim *claim)
{
    struct claimed *claimed = arg;
    assert_int_equal(error, ERR_OK);
    claimed->is_over = true;
    claimed->result = claim->result;
    claimed->token = claim->token;
    claimed->chunk = claim->chunk;
    claimed->n = (uint32_t)claim->n;
}

static void on_intent(void *arg, const struct queue_intent *intent)
{
    assert_int_equal(intent->error, ERR_OK);
    *(bool *)arg = true;
}

static void accept_all(uint32_t seq)
{
    for (;;) {
        struct claimed claimed = {0};
        assert_int_equal(
            queue_claim(w.store, "mas", seq, "t", 60000, clock_wall_ms(), on_claim, &claimed),
            ERR_OK);
        world_until(&w, &claimed.is_over);
        if (claimed.result != CLAIM_CHUNK)
            return;
        struct chunk_ref ref = {"mas", seq, claimed.chunk};
        bool is_over = false;
        assert_int_equal(queue_intent(w.store, ref, claimed.token, 0, claimed.n, claimed.n, 0, 0,
                                      60000, clock_wall_ms(), on_intent, &is_over),
                         ERR_OK);
        world_until(&w, &is_over);
        const struct settle_item item = {.count = claimed.n,
                                         .outcome = OUTCOME_ACCEPTED,
                                         .segments = claimed.n,
                                         .batch = claimed.chunk ? "B1" : "B0",
                                         .code = "success"};
        struct world_done done = {0};
        assert_int_equal(queue_settle(w.store, ref, claimed.token, &item, 1, 60000, clock_wall_ms(),
                                      world_on_done, &done),
                         ERR_OK);
        world_until(&w, &done.is_over);
        assert_int_equal(done.error, ERR_OK);
    }
}

/* ---- reports ---- */

static void test_reports_move_states(void **state)
{
    (void)state;
    char body[512];
    accept_all(world_launch(&w, &(struct world_campaign){.id = "c1", .n = 100}));
    struct push first;
    push_start(&first, REPORT, report_text(body, 0, "B0", "DELIVRD"));
    world_until(&w, &first.is_over);
    assert_int_equal(first.status, 200);
    assert_string_equal(first.body, carrier_driver("cloudmas")->ack_body);
    struct world_seen seen = world_see(&w, "c1"); /* it was stored before it was answered */
    assert_int_equal(world_count(&seen, STATE_DELIVERED), 1);

    assert_int_equal(push_text(REPORT, report_text(body, 0, "B0", "DELIVRD")), 200); /* again */
    assert_int_equal(push_text(REPORT, report_text(body, 20, "B1", "EXPIRED")), 200);
    assert_int_equal(push_text(REPORT, report_text(body, 21, "B1", "UNDELIV")), 200);
    assert_int_equal(push_text(REPORT, report_text(body, 22, "B1", "NEW:4711")),
                     200); /* in no table */
    assert_int_equal(push_text(REPORT, report_text(body, 23, "B9", "DELIVRD")),
                     200); /* unknown batch: parked */
    seen = world_see(&w, "c1");
    assert_int_equal(world_count(&seen, STATE_DELIVERED), 1);
    assert_int_equal(world_count(&seen, STATE_EXPIRED), 1);
    assert_int_equal(world_count(&seen, STATE_UNDELIVERED), 1);
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 97);
    assert_int_equal(webhook_counts(webhook)->stored, 6);
}

static void test_many_pushes_at_once(void **state)
{
    (void)state;
    enum { PUSHES = 990 };
    static struct push pushes[PUSHES];
    char body[512];
    accept_all(world_launch(&w, &(struct world_campaign){.id = "c1", .n = 1000}));
    for (uint32_t i = 0; i < PUSHES; i++)
        push_start(&pushes[i], REPORT, report_text(body, 10 + i, "B1", "DELIVRD"));
    for (uint32_t i = 0; i < PUSHES; i++) {
        world_until(&w, &pushes[i].is_over);
        assert_int_equal(pushes[i].status, 200);
    }
    struct world_seen seen = world_see(&w, "c1");
    assert_int_equal(world_count(&seen, STATE_DELIVERED), PUSHES);
}

static void test_an_array_larger_than_one_call(void **state)
{
    (void)state;
    char one[512];
    struct buf body;
    accept_all(world_launch(&w, &(struct world_campaign){.id = "c1", .n = 1210}));
    w.settings.daemon.webhook_body_max_bytes = 1 << 20;
    buf_init(&body, 1 << 20);
    for (uint32_t i = 0; i < 1000; i++) {
        buf_add_char(&body, i == 0 ? '[' : ',');
        buf_add_text(&body, report_text(one, 10 + i, "B1", "DELIVRD"));
    }
    buf_add_char(&body, ']');
    assert_int_equal(push_text(REPORT, buf_text(&body)), 200);
    buf_fini(&body);
    struct world_seen seen = world_see(&w, "c1");
    assert_int_equal(world_count(&seen, STATE_DELIVERED), 1000);
}

/* ---- who is let in ---- */

static void test_doors(void **state)
{
    (void)state;
    char body[512];
    report_text(body, 0, "B0", "DELIVRD");
    assert_int_equal(push_text("/hook/mas/wrong/report", body), 404);
    assert_int_equal(push_text("/hook/nobody/" KEY "/report", body), 404);
    assert_int_equal(push_text("/hook/mas/" KEY "/else", body), 404);
    assert_int_equal(push_text("/hook/mas//report", body), 404);
    assert_int_equal(webhook_counts(webhook)->refused_key, 4);
    allowed.addr[12] = 10; /* 10.0.0.0/8 */
    assert_int_equal(push_text(REPORT, body), 403);
    assert_int_equal(push_text("/hook/mas/wrong/report", body),
                     404); /* the key is looked at first */
    assert_int_equal(webhook_counts(webhook)->refused_address, 1);
    allowed.addr[12] = 127;
    w.settings.carriers[0].callback_key = NULL;
    assert_int_equal(push_text(REPORT, body), 404);
    w.settings.carriers[0].callback_key = KEY;
    assert_int_equal(push_text(REPORT, body), 200);
}

/* The addresses are one here: what a proxy that nobody trusts makes of them. */
static void test_a_flood_of_wrong_keys_and_the_carrier(void **state)
{
    (void)state;
    char body[512];
    accept_all(world_launch(&w, &(struct world_campaign){.id = "c1", .n = 100}));
    clock_virtual_start(INT64_C(1792198800000));
    report_text(body, 0, "B0", "DELIVRD");
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(push_text("/hook/mas/wrong/report", body), 404);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(push_text("/hook/mas/wrong/report", body), 429);
        assert_int_equal(push_text("/hook/nobody/" KEY "/uplink", body), 429);
        assert_int_equal(push_text(REPORT, report_text(body, i % 10, "B0", "DELIVRD")), 200);
    }
    clock_virtual_advance(999);
    assert_int_equal(push_text("/hook/mas/wrong/report", body), 429);
    clock_virtual_advance(1);
    assert_int_equal(push_text("/hook/mas/wrong/report", body), 404);
    assert_int_equal(push_text("/hook/mas/wrong/report", body), 429);
    clock_virtual_advance(60000);
    assert_int_equal(push_text("/hook/mas/wrong/report", body), 404);
    clock_virtual_stop();
    assert_int_equal(webhook_counts(webhook)->refused_key, 62);
    assert_int_equal(webhook_counts(webhook)->throttled, 42);
    assert_int_equal(webhook_counts(webhook)->stored, 20);
    assert_int_equal(webhook_counts(webhook)->failed, 0);
    struct world_seen seen = world_see(&w, "c1");
    assert_int_equal(world_count(&seen, STATE_DELIVERED), 10);
}

static void test_other_methods(void **state)
{
    (void)state;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    const char ask[] = "GET " REPORT " HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(write(fd, ask, sizeof ask - 1), sizeof ask - 1);
    char answer[1024] = "";
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    while (recv(fd, answer, sizeof answer - 1, MSG_DONTWAIT) <= 0) {
        assert_true(clock_mono_ms() < by_ms);
        world_pass(&w, 5);
    }
    close(fd);
    assert_int_equal(strncmp(answer, "HTTP/1.1 405", 12), 0);
    assert_non_null(strstr(answer, "Allow: POST"));
}

static void test_bad_bodies_store_nothing(void **state)
{
    (void)state;
    accept_all(world_launch(&w, &(struct world_campaign){.id = "c1", .n = 100}));
    const char *bad[] = {"", "{", "hello", "[{\"mobile\":1}]", "{\"mobile\":\"12\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(push_text(REPORT, bad[i]), 400);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(push_text(UPLINK, bad[i]), 400);
    assert_int_equal(webhook_counts(webhook)->refused_body, 8);
    w.settings.daemon.webhook_body_max_bytes = 100;
    char body[512];
    assert_int_equal(push_text(REPORT, report_text(body, 0, "B0", "DELIVRD")), 413);
    struct world_seen seen = world_see(&w, "c1");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 100);
    assert_int_equal(webhook_counts(webhook)->stored, 0);
}

static void test_a_bad_record_does_not_take_its_neighbours_along(void **state)
{
    (void)state;
    accept_all(world_launch(&w, &(struct world_campaign){.id = "c1", .n = 100}));
    char one[512], body[2048];
    report_text(one, 0, "B0", "DELIVRD");
    snprintf(body, sizeof body, "[{\"mobile\":\"13800138001\"},%s,{\"mobile\":\"4006\"},7]", one);
    assert_int_equal(push_text(REPORT, body), 200);
    struct world_seen seen = world_see(&w, "c1");
    assert_int_equal(world_count(&seen, STATE_DELIVERED), 1);
    assert_int_equal(webhook_counts(webhook)->bad_records, 3);
    assert_int_equal(webhook_counts(webhook)->refused_body, 0);
}

/* ---- replies ---- */

struct checked {
    bool is_over;
    int scope;
    char detail[64], source[16];
};

static void on_checked(void *arg, enum err error, const struct optout_record *record)
{
    struct checked *checked = arg;
    checked->is_over = true;
    if (error || record->at_ms == 0)
        return;
    checked->scope = (int)record->scope;
    snprintf(checked->detail, sizeof checked->detail, "%s", record->detail);
    snprintf(checked->source, sizeof checked->source, "%s", record->source);
}

static struct checked check(uint32_t at)
{
    struct checked checked = {0};
    assert_int_equal(optout_check(w.store, WORLD_BASE + at, on_checked, &checked), ERR_OK);
    world_until(&w, &checked.is_over);
    return checked;
}

static void on_carrier(void *arg, enum err error, const struct carrier_view *view)
{
    assert_int_equal(error, ERR_OK);
    *(uint64_t *)arg = view->uplinks + 1;
}

static uint64_t uplinks_stored(void)
{
    uint64_t n = 0;
    assert_int_equal(status_carrier(w.store, "mas", on_carrier, &n), ERR_OK);
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    while (n == 0) {
        assert_true(clock_mono_ms() < by_ms);
        world_pass(&w, 2);
    }
    return n - 1;
}

static void test_replies(void **state)
{
    (void)state;
    char body[512];
    assert_int_equal(push_text(UPLINK, uplink_text(body, 1, " Ｒ。", "2026-10-17 09:30:00")), 200);
    struct checked one = check(1);
    assert_int_equal(one.scope, OPTOUT_MARKETING);
    assert_string_equal(one.source, "sms");
    assert_string_equal(one.detail, "r");
    assert_int_equal(push_text(UPLINK, uplink_text(body, 2, "TDALL", "2026-10-17 09:30:00")), 200);
    assert_int_equal(check(2).scope, OPTOUT_ALL);
    assert_int_equal(push_text(UPLINK, uplink_text(body, 3, "请问R是什么", "2026-10-17 09:30:00")),
                     200);
    assert_int_equal(check(3).scope, 0);
    assert_int_equal(push_text(UPLINK, uplink_text(body, 4, "退订", "2026-10-17 09:30:00")), 200);
    assert_int_equal(check(4).scope, OPTOUT_MARKETING);
    assert_int_equal(uplinks_stored(), 4);
    /* The same push again is answered the same and stored once. */
    assert_int_equal(push_text(UPLINK, uplink_text(body, 4, "退订", "2026-10-17 09:30:00")), 200);
    assert_int_equal(uplinks_stored(), 4);
    assert_int_equal(push_text(UPLINK, uplink_text(body, 4, "退订", "2026-10-17 09:31:00")), 200);
    assert_int_equal(uplinks_stored(), 5);
}

static void test_a_very_long_reply_is_cut(void **state)
{
    (void)state;
    struct buf body;
    buf_init(&body, 1 << 16);
    buf_addf(&body,
             "{\"mobile\":\"%llu\",\"sendTime\":\"2026-10-17 "
             "09:30:00\",\"addSerial\":\"1\",\"smsContent\":\"",
             (unsigned long long)WORLD_BASE);
    for (int i = 0; i < 3000; i++)
        buf_add_text(&body, "好");
    buf_add_text(&body, "\"}");
    assert_int_equal(push_text(UPLINK, buf_text(&body)), 200);
    buf_fini(&body);
    assert_int_equal(uplinks_stored(), 1);
}

/* ---- Redis away ---- */

static void test_not_stored_is_not_acknowledged(void **state)
{
    (void)state;
    char body[512];
    accept_all(world_launch(&w, &(struct world_campaign){.id = "c1", .n = 100}));
    world_end_process(w.redis);
    assert_int_equal(push_text(REPORT, report_text(body, 0, "B0", "DELIVRD")), 503);
    assert_int_equal(push_text(UPLINK, uplink_text(body, 1, "R", "2026-10-17 09:30:00")), 503);
    assert_int_equal(webhook_counts(webhook)->stored, 0);
    world_start_redis(&w);
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    while (push_text(REPORT, report_text(body, 0, "B0", "DELIVRD")) != 200) {
        assert_true(clock_mono_ms() < by_ms);
        world_pass(&w, 20);
    }
    assert_int_equal(push_text(UPLINK, uplink_text(body, 1, "R", "2026-10-17 09:30:00")), 200);
    assert_int_equal(check(1).scope, OPTOUT_MARKETING);
    struct world_seen seen = world_see(&w, "c1");
    assert_int_equal(world_count(&seen, STATE_DELIVERED), 1);
}

static void test_free_with_pushes_under_way(void **state)
{
    (void)state;
    static struct push pushes[12];
    char body[512];
    kill(w.redis, SIGSTOP); /* answers never come */
    for (uint32_t i = 0; i < 12; i++) {
        if (i % 2)
            push_start(&pushes[i], REPORT, report_text(body, i, "B0", "DELIVRD"));
        else
            push_start(&pushes[i], UPLINK,
                       uplink_text(body, i, i % 4 ? "R" : "hello", "2026-10-17 09:30:00"));
    }
    world_pass(&w, 200);
    for (uint32_t i = 0; i < 12; i++)
        assert_false(pushes[i].is_over);
    webhook_free(webhook);
    webhook = NULL;
    for (uint32_t i = 0; i < 12; i++) {
        world_until(&w, &pushes[i].is_over);
        assert_int_equal(pushes[i].status, 503);
    }
    kill(w.redis, SIGCONT);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_reports_move_states),
        IN_WORLD(test_many_pushes_at_once),
        IN_WORLD(test_an_array_larger_than_one_call),
        IN_WORLD(test_doors),
        IN_WORLD(test_a_flood_of_wrong_keys_and_the_carrier),
        IN_WORLD(test_other_methods),
        IN_WORLD(test_bad_bodies_store_nothing),
        IN_WORLD(test_a_bad_record_does_not_take_its_neighbours_along),
        IN_WORLD(test_replies),
        IN_WORLD(test_a_very_long_reply_is_cut),
        IN_WORLD(test_not_stored_is_not_acknowledged),
        IN_WORLD(test_free_with_pushes_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
