/* Packing and unpacking of chunks. */
#include "rig.h"

#include "sms/mobile.h"
#include "store/chunk.h"

static struct buf numbers, values, regions, weights;

static int setup(void **state)
{
    (void)state;
    buf_init(&numbers, 1 << 20);
    buf_init(&values, 1 << 20);
    buf_init(&regions, 1 << 20);
    buf_init(&weights, CHUNK_MAX);
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    buf_fini(&numbers);
    buf_fini(&values);
    buf_fini(&regions);
    buf_fini(&weights);
    return 0;
}

static void test_sorted_by_number_with_values(void **state)
{
    (void)state;
    const struct chunk_row rows[] = {
        {.number = 15400000003,
         .values = (const uint8_t *)"\x03"
                                    "abc",
         .values_len = 4},
        {.number = 13800138000, .values = (const uint8_t *)"", .values_len = 0},
        {.number = 15400000001, .values = (const uint8_t *)"\x01z", .values_len = 2},
    };
    assert_int_equal(chunk_pack(rows, 3, &numbers, &values, &regions, &weights), ERR_OK);
    const uint8_t want[] = {0x03, 0x36, 0x8d, 0x65, 0x10};
    assert_int_equal(numbers.len, 15);
    const uint64_t order[] = {13800138000, 15400000001, 15400000003};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(chunk_number((const uint8_t *)numbers.data, i), order[i]);
    assert_memory_equal(numbers.data, want, 5); /* the example of the header */
    assert_int_equal(values.len, 1 + 3 + 5);
    assert_memory_equal(values.data,
                        "\x00\x02\x01z\x04\x03"
                        "abc",
                        9);
    assert_int_equal(regions.len, 0);

    struct chunk_values walk = {(const uint8_t *)values.data, values.len, 0};
    const uint8_t *value;
    size_t len;
    assert_true(chunk_values_next(&walk, &value, &len) && len == 0);
    assert_true(chunk_values_next(&walk, &value, &len) && len == 2);
    assert_true(chunk_values_next(&walk, &value, &len) && len == 4);
    assert_memory_equal(value,
                        "\x03"
                        "abc",
                        4);
    assert_false(chunk_values_next(&walk, &value, &len));
}

static void test_one_text_has_no_values(void **state)
{
    (void)state;
    const struct chunk_row row = {.number = 15400000003};
    assert_int_equal(chunk_pack(&row, 1, &numbers, &values, &regions, &weights), ERR_OK);
    assert_int_equal(values.len, 0);
    assert_int_equal(weights.len, 0);
}

static void weighed(uint32_t a, uint32_t b, uint32_t c, const char *want, size_t want_len)
{
    const struct chunk_row rows[] = {
        {.number = 3, .values = (const uint8_t *)"", .segments = a}, /* the last in order */
        {.number = 1, .values = (const uint8_t *)"", .segments = b},
        {.number = 2, .values = (const uint8_t *)"", .segments = c},
    };
    buf_reset(&numbers);
    buf_reset(&weights);
    assert_int_equal(chunk_pack(rows, 3, &numbers, &values, &regions, &weights), ERR_OK);
    assert_int_equal(weights.len, want_len);
    assert_memory_equal(buf_text(&weights), want, want_len);
}

static void test_weights_of_personal_texts(void **state)
{
    (void)state;
    weighed(1, 1, 1, "", 0);
    weighed(0, 1, 0, "", 0);
    weighed(2, 2, 2, "\2", 1);
    weighed(3, 1, 255, "\1\xff\3", 3);
    weighed(2, 0, 2, "\1\2\2", 3);
}

static void test_refusals(void **state)
{
    (void)state;
    const struct chunk_row twice[] = {{.number = 15400000003}, {.number = 15400000003}};
    const struct chunk_row wide = {.number = 15400000003, .region = UINT64_C(1) << 40};
    const struct chunk_row heavy = {.number = 15400000003, .segments = 256};
    static const struct chunk_row many[CHUNK_MAX + 1];
    assert_int_equal(chunk_pack(twice, 2, &numbers, &values, &regions, &weights), ERR_INVALID);
    assert_int_equal(chunk_pack(&wide, 1, &numbers, &values, &regions, &weights), ERR_INVALID);
    assert_int_equal(chunk_pack(&heavy, 1, &numbers, &values, &regions, &weights), ERR_INVALID);
    assert_int_equal(chunk_pack(many, CHUNK_MAX + 1, &numbers, &values, &regions, &weights),
                     ERR_TOO_BIG);
    assert_int_equal(chunk_pack(many, 0, &numbers, &values, &regions, &weights), ERR_TOO_BIG);
}

static void regions_round_trip(size_t n, size_t kinds, size_t want_len)
{
    static struct chunk_row rows[CHUNK_MAX];
    struct buf out;
    buf_reset(&numbers);
    buf_reset(&regions);
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct chunk_row){.number = 15400000000 + i, .region = 513327205000 + i % kinds};
    assert_int_equal(chunk_pack(rows, n, &numbers, &values, &regions, &weights), ERR_OK);
    assert_int_equal(regions.len, want_len);
    buf_init(&out, 5 * CHUNK_MAX);
    assert_int_equal(chunk_regions_unfold((const uint8_t *)regions.data, regions.len, n, &out),
                     ERR_OK);
    assert_int_equal(out.len, 5 * n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(chunk_number((const uint8_t *)out.data, i),
                         rows[i].region); /* five bytes big-endian too */
    assert_int_equal(chunk_regions_unfold((const uint8_t *)regions.data, regions.len - 1, n, &out),
                     ERR_INVALID);
    buf_fini(&out);
}

static void test_regions(void **state)
{
    (void)state;
    regions_round_trip(1000, 1, 1 + 5);
    regions_round_trip(1000, 5, 1 + 25 + 1000);
    regions_round_trip(1000, 255, 1 + 255 * 5 + 1000);
    regions_round_trip(1000, 256, 1 + 5000);
    regions_round_trip(1, 1, 1 + 5);
}

static void test_find(void **state)
{
    (void)state;
    static struct chunk_row rows[1000];
    for (size_t n = 1; n <= 1000; n = n * 3 + 1) {
        buf_reset(&numbers);
        for (size_t i = 0; i < n; i++)
            rows[i].number = 15400000000 + 3 * i;
        assert_int_equal(chunk_pack(rows, n, &numbers, &values, &regions, &weights), ERR_OK);
        const uint8_t *p = (const uint8_t *)numbers.data;
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(chunk_find(p, n, 15400000000 + 3 * i), i);
            assert_int_equal(chunk_find(p, n, 15400000001 + 3 * i), -1);
        }
        assert_int_equal(chunk_find(p, n, 15399999999), -1);
    }
}

static void test_neighbouring_batches_share_a_bucket(void **state)
{
    (void)state;
    assert_int_equal(chunk_batch_bucket("0526154547001000000010", 22),
                     chunk_batch_bucket("0526154547001000000019", 22));
    assert_int_not_equal(chunk_batch_bucket("0526154547001000000010", 22),
                         chunk_batch_bucket("0526154547001000000020", 22));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {T(test_sorted_by_number_with_values),
                                       T(test_one_text_has_no_values),
                                       T(test_weights_of_personal_texts),
                                       T(test_refusals),
                                       T(test_regions),
                                       T(test_find),
                                       T(test_neighbouring_batches_share_a_bucket)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
