/* Answers made in blocks are what hiredis makes by itself, however their bytes arrive. */
#include "store/replies.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "base/digest.h"

#define ANSWERS 200

static struct replies *replies;
static redisReader *ours, *plain;
static uint64_t seed;

static int setup(void **state)
{
    (void)state;
    ours = redisReaderCreate();
    plain = redisReaderCreate();
    if (ours == NULL || plain == NULL || replies_new(&replies) != ERR_OK)
        return -1;
    replies_serve(replies, ours);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    redisReaderFree(ours);
    redisReaderFree(plain);
    replies_free(replies);
    return 0;
}

static uint64_t dice(uint64_t sides)
{
    seed = digest_mix64(seed);
    return seed % sides;
}

static void add_random(struct buf *out, unsigned depth)
{
    size_t n = dice(20) == 0 ? dice(200000) : dice(40);
    switch (dice(depth < 5 ? 7 : 4)) {
    case 0:
        buf_addf(out, ":%d\r\n", (int)dice(100000) - 50000);
        return;
    case 1:
        buf_add_text(out, dice(2) ? "$-1\r\n" : "+OK\r\n");
        return;
    case 2:
        buf_add_text(out, "-ERR no\r\n");
        return;
    case 3:
        buf_addf(out, "$%zu\r\n", n);
        for (size_t i = 0; i < n; i++)
            buf_add_char(out, (char)(i * 7 + n));
        buf_add_text(out, "\r\n");
        return;
    default:
        n = dice(15);
        buf_addf(out, "*%zu\r\n", n);
        for (size_t i = 0; i < n; i++)
            add_random(out, depth + 1);
    }
}

static void assert_same(const redisReply *a, const redisReply *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->integer, b->integer);
    assert_int_equal(a->elements, b->elements);
    assert_int_equal(a->str == NULL, b->str == NULL);
    if (a->str != NULL) {
        assert_int_equal(a->len, b->len);
        assert_memory_equal(a->str, b->str, a->len + 1);
    }
    for (size_t i = 0; i < a->elements; i++)
        assert_same(a->element[i], b->element[i]);
}

static redisReply *read_one(redisReader *reader)
{
    void *reply = NULL;
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    return reply;
}

static void test_what_hiredis_makes(void **state)
{
    (void)state;
    const redisReply *held = NULL;
    redisReply *held_plain = NULL;
    struct buf bytes;
    seed = (uint64_t)time(NULL);
    print_message("seed %llu\n", (unsigned long long)seed);
    buf_init(&bytes, 64U << 20);
    for (int i = 0; i < ANSWERS; i++) {
        buf_reset(&bytes);
        add_random(&bytes, 0);
        assert_int_equal(buf_check(&bytes), ERR_OK);
        redisReply *a = NULL, *b = NULL;
        for (size_t at = 0, n; at < bytes.len; at += n) {
            assert_null(a); /* not before the last byte */
            n = 1 + dice(bytes.len > 5000 ? bytes.len / 20 : 40);
            n = n < bytes.len - at ? n : bytes.len - at;
            assert_int_equal(redisReaderFeed(ours, bytes.data + at, n), REDIS_OK);
            assert_int_equal(redisReaderFeed(plain, bytes.data + at, n), REDIS_OK);
            a = read_one(ours);
            b = read_one(plain);
            assert_int_equal(a == NULL, b == NULL);
        }
        if (a == NULL || b == NULL) {
            fail_msg("%zu bytes are no answer", bytes.len);
            return;
        }
        assert_same(a, b);
        if (dice(4) == 0) { /* kept while others come and go */
            if (held != NULL) {
                assert_same(held, held_plain);
                replies_release(held);
                freeReplyObject(held_plain);
            }
            replies_hold(a);
            held = a;
            held_plain = b;
        } else {
            freeReplyObject(b);
        }
        ours->fn->freeObject(a);
    }
    if (held != NULL) {
        assert_same(held, held_plain);
        replies_release(held);
        freeReplyObject(held_plain);
    }
    buf_fini(&bytes);
}

/* A connection that breaks in the middle of an answer: the reader frees what is there. */
static void test_half_an_answer(void **state)
{
    (void)state;
    static const char half[] = "*3\r\n$5\r\nhello\r\n*2\r\n:1\r\n";
    assert_int_equal(redisReaderFeed(ours, half, sizeof half - 1), REDIS_OK);
    assert_null(read_one(ours));
}

static void test_nonsense(void **state)
{
    (void)state;
    static const char bytes[] = "*2\r\n+fine\r\n?what\r\n";
    void *reply;
    assert_int_equal(redisReaderFeed(ours, bytes, sizeof bytes - 1), REDIS_OK);
    assert_int_equal(redisReaderGetReply(ours, &reply), REDIS_ERR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_hiredis_makes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
