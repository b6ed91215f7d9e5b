/* The connection: what it demands of a server, and what happens when the server hangs, dies,
 * forgets, or refuses. */
#include "rig_one.h"

#include "base/clock.h"
#include "store/redis.h"

struct got {
    unsigned calls;
    enum err error;
    long long integer;
    char text[256];
};

static void on_reply(void *arg, enum err error, const redisReply *reply)
{
    struct got *got = arg;
    got->calls++;
    got->error = error;
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER)
        got->integer = reply->integer;
    if (reply != NULL && reply->str != NULL)
        snprintf(got->text, sizeof got->text, "%s", reply->str);
}

static enum err give(struct got *got, const char *command, const char *key)
{
    const char *argv[] = {command, key};
    const size_t lens[] = {strlen(command), strlen(key)};
    *got = (struct got){0};
    return redis_call(store_redis(rig.store), on_reply, got, 2, argv, lens);
}

static void test_answers_and_errors(void **state)
{
    (void)state;
    struct got a, b;
    assert_int_equal(give(&a, "INCR", "x"), ERR_OK);
    assert_int_equal(give(&b, "LPUSH", "x"), ERR_OK);
    assert_int_equal(a.calls + b.calls, 0);
    assert_int_equal(redis_pending(store_redis(rig.store)), 2);
    while (b.calls == 0)
        rig_turn(&rig);
    assert_int_equal(a.error, ERR_OK);
    assert_int_equal(a.integer, 1);
    assert_int_equal(b.error, ERR_REFUSED);
    assert_non_null(strstr(b.text, "wrong number of arguments"));
    assert_int_equal(redis_pending(store_redis(rig.store)), 0);
    const struct redis_facts *facts = redis_facts(store_redis(rig.store));
    assert_true(facts->aof_enabled);
    assert_string_equal(facts->appendfsync, "everysec");
    assert_string_equal(facts->maxmemory_policy, "noeviction");
    assert_true(atoi(facts->version) >= 7);
    assert_true(facts->used_memory > 0);
}

/* hiredis has no timeout: a server that is stopped would never be noticed. */
static void test_server_hangs(void **state)
{
    (void)state;
    struct got a, b;
    store_free(rig.store);
    rig.options.timeout_ms = 1000;
    rig.store = NULL;
    event_base_free(rig.base);
    rig_open(&rig);
    rig_until(&rig, REDIS_READY);
    redisFree(rig.admin);
    rig.admin = NULL;
    kill(rig.server.pid, SIGSTOP);
    assert_int_equal(give(&a, "INCR", "x"), ERR_OK);
    assert_int_equal(give(&b, "INCR", "x"), ERR_OK);
    rig_until(&rig, REDIS_UNREACHABLE);
    assert_int_equal(a.calls, 1);
    assert_int_equal(b.calls, 1);
    assert_int_equal(a.error, ERR_TIMEOUT);
    assert_int_equal(b.error, ERR_TIMEOUT);
    assert_non_null(strstr(rig.sentence, "no answer within 1000 ms"));
    assert_int_equal(give(&a, "INCR", "x"), ERR_CLOSED);
    kill(rig.server.pid, SIGCONT);
    rig_until(&rig, REDIS_READY);
    rig.admin = rig_connect(&rig.server);
    /* The lost connection was fenced off before anything new went through. */
    redisReply *reply = rig_admin(&rig, "INFO commandstats");
    assert_non_null(strstr(reply->str, "cmdstat_client|kill:"));
    freeReplyObject(reply);
    long long before = rig_number(&rig, "GET x");
    assert_int_equal(give(&a, "INCR", "x"), ERR_OK);
    while (a.calls == 0)
        rig_turn(&rig);
    assert_int_equal(a.integer, before < 0 ? 1 : before + 1);
}

static void test_server_dies_and_comes_back(void **state)
{
    (void)state;
    struct got a, b;
    /* With "everysec" Redis may answer before it writes, while an fsync is under way on a busy
     * disk. */
    rig_do(&rig, "CONFIG SET appendfsync always");
    assert_int_equal(give(&a, "INCR", "x"), ERR_OK);
    while (a.calls == 0)
        rig_turn(&rig);
    redisFree(rig.admin);
    rig.admin = NULL;
    kill(rig.server.pid, SIGSTOP);
    assert_int_equal(give(&b, "INCR", "x"), ERR_OK);
    rig_server_kill(&rig.server);
    rig_until(&rig, REDIS_UNREACHABLE);
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.error, ERR_CLOSED);
    rig_server_run(&rig.server, NULL);
    rig.admin = rig_connect(&rig.server);
    rig_until(&rig, REDIS_READY);
    assert_int_equal(give(&a, "INCR", "x"), ERR_OK);
    while (a.calls == 0)
        rig_turn(&rig);
    assert_true(a.integer >= 2); /* the AOF kept what was acknowledged */
}

static void test_free_ends_what_waits(void **state)
{
    (void)state;
    struct got a, b;
    assert_int_equal(give(&a, "INCR", "x"), ERR_OK);
    store_free(rig.store);
    rig.store = NULL;
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.error, ERR_CLOSED);
    event_base_free(rig.base);
    rig_open(&rig);
    assert_int_equal(give(&b, "INCR", "x"),
                     ERR_CLOSED); /* not connected yet: at once, and no callback */
    assert_int_equal(b.calls, 0);
    rig_until(&rig, REDIS_READY);
}

/* ---- what it demands ---- */

static void reopen(void)
{
    store_free(rig.store);
    event_base_free(rig.base);
    rig_open(&rig);
}

static void test_aof_off(void **state)
{
    (void)state;
    rig_do(&rig, "CONFIG SET appendonly no");
    reopen();
    rig_until(&rig, REDIS_UNFIT);
    assert_non_null(strstr(rig.sentence, "appendonly yes"));
    rig.options.i_accept_data_loss = true;
    reopen();
    rig_until(&rig, REDIS_READY);
    rig_do(&rig, "CONFIG SET maxmemory-policy allkeys-lru"); /* that is not persistence: it is not
                                                                overridden */
    reopen();
    rig_until(&rig, REDIS_UNFIT);
    assert_non_null(strstr(rig.sentence, "noeviction"));
}

static void test_fsync_no(void **state)
{
    (void)state;
    rig_do(&rig, "CONFIG SET appendfsync no");
    reopen();
    rig_until(&rig, REDIS_UNFIT);
    assert_non_null(strstr(rig.sentence, "appendfsync"));
    rig_do(&rig, "CONFIG SET appendfsync always");
    rig_until(&rig, REDIS_READY); /* looked at again without a new connection */
    assert_string_equal(redis_facts(store_redis(rig.store))->appendfsync, "always");
}

static void test_policy_changes_while_ready(void **state)
{
    (void)state;
    rig_do(&rig, "CONFIG SET maxmemory-policy volatile-lru");
    rig_until(&rig, REDIS_UNFIT);
    assert_non_null(strstr(rig.sentence, "volatile-lru"));
    rig_do(&rig, "CONFIG SET maxmemory-policy noeviction");
    rig_until(&rig, REDIS_READY);
}

static void test_replica(void **state)
{
    (void)state;
    rig_do(&rig, "REPLICAOF 127.0.0.1 1");
    reopen();
    rig_until(&rig, REDIS_UNFIT);
    assert_non_null(strstr(rig.sentence, "replica"));
    rig_do(&rig, "REPLICAOF NO ONE");
    rig_until(&rig, REDIS_READY);
}

static void test_password(void **state)
{
    (void)state;
    rig_do(&rig, "CONFIG SET requirepass s3cret");
    reopen();
    rig_until(&rig, REDIS_UNFIT);
    assert_non_null(strstr(rig.sentence, "password"));
    rig.options.password = "wrong";
    reopen();
    rig_until(&rig, REDIS_UNFIT);
    assert_non_null(strstr(rig.sentence, "refuses the password"));
    assert_null(strstr(rig.sentence, "wrong"));
    rig.options.password = "s3cret";
    reopen();
    rig_until(&rig, REDIS_READY);
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct rig lonely = {0};
    snprintf(lonely.server.socket, sizeof lonely.server.socket, "%s/nobody.sock", rig.server.dir);
    rig_open(&lonely);
    int64_t from = clock_mono_ms();
    rig_until(&lonely, REDIS_UNREACHABLE);
    while (clock_mono_ms() - from <
           1000) /* it keeps trying, ever more slowly, and says nothing new */
        rig_turn(&lonely);
    assert_int_equal(lonely.changes, 1);
    store_free(lonely.store);
    event_base_free(lonely.base);
}

static void test_prefixes(void **state)
{
    (void)state;
    struct store *store;
    assert_int_equal(store_new(rig.base, &rig.options, "a{b", rig_on_health, &rig, &store),
                     ERR_INVALID);
    assert_int_equal(store_new(rig.base, &rig.options, "", rig_on_health, &rig, &store),
                     ERR_INVALID);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_one_start, rig_one_stop)
    const struct CMUnitTest tests[] = {T(test_answers_and_errors),
                                       T(test_server_hangs),
                                       T(test_server_dies_and_comes_back),
                                       T(test_free_ends_what_waits),
                                       T(test_aof_off),
                                       T(test_fsync_no),
                                       T(test_policy_changes_while_ready),
                                       T(test_replica),
                                       T(test_password),
                                       T(test_nobody_there),
                                       T(test_prefixes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
