#include "conf/address.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static struct buf why;

static void test_endpoints(void **state)
{
    (void)state;
    const struct {
        const char *text, *host;
        int port;
    } cases[] = {
        {"127.0.0.1:10170", "127.0.0.1", 10170},
        {"[::1]:80", "::1", 80},
        {"localhost:0", "localhost", 0},
        {"0.0.0.0:65535", "0.0.0.0", 65535},
        {"10170", NULL, 0},
        {":10170", NULL, 0},
        {"*:10170", NULL, 0},
        {"127.0.0.1", NULL, 0},
        {"127.0.0.1:", NULL, 0},
        {"127.0.0.1:65536", NULL, 0},
        {"::1:80", NULL, 0},
        {"[::1:80", NULL, 0},
        {"[::g]:80", NULL, 0},
        {"a b:80", NULL, 0},
        {"", NULL, 0},
        {"host:80 ; x", NULL, 0},
        {"127.0.0.1:+80", NULL, 0},
        {"[]:80", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *host = NULL;
        uint16_t port = 7;
        buf_reset(&why);
        enum err error = address_parse_endpoint(cases[i].text, &host, &port, &why);
        if (cases[i].host == NULL) {
            assert_int_not_equal(error, ERR_OK);
            assert_null(host);
            assert_true(why.len > 0);
        } else {
            assert_int_equal(error, ERR_OK);
            assert_string_equal(host, cases[i].host);
            assert_int_equal(port, cases[i].port);
        }
        free(host);
    }
}

static void test_redis(void **state)
{
    (void)state;
    const struct {
        const char *text, *host;
        bool is_unix;
        int port;
        unsigned db;
    } cases[] = {
        {"unix:///run/r.sock", "/run/r.sock", true, 0, 0},
        {"unix:/run/r.sock", "/run/r.sock", true, 0, 0},
        {"unix:///run/r.sock?db=3", "/run/r.sock", true, 0, 3},
        {"redis://h", "h", false, 6379, 0},
        {"redis://h/", "h", false, 6379, 0},
        {"redis://10.0.0.1:7000/15", "10.0.0.1", false, 7000, 15},
        {"redis://[::1]:7000/2", "::1", false, 7000, 2},
        {"unix://run/r.sock", NULL, false, 0, 0},
        {"unix:///run/r.sock?x=3", NULL, false, 0, 0},
        {"/run/r.sock", NULL, false, 0, 0},
        {"rediss://h", NULL, false, 0, 0},
        {"redis://:geheim@h", NULL, false, 0, 0},
        {"redis://h:0", NULL, false, 0, 0},
        {"redis://h/x", NULL, false, 0, 0},
        {"redis://h/1024", NULL, false, 0, 0},
        {"redis://", NULL, false, 0, 0},
        {"", NULL, false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings_redis redis = {0};
        buf_reset(&why);
        enum err error = address_parse_redis(cases[i].text, &redis, &why);
        if (cases[i].host == NULL) {
            assert_int_not_equal(error, ERR_OK);
            assert_null(redis.host);
            assert_true(why.len > 0);
            assert_null(strstr(buf_text(&why), "geheim"));
            continue;
        }
        assert_int_equal(error, ERR_OK);
        assert_string_equal(redis.host, cases[i].host);
        assert_int_equal(redis.is_unix, cases[i].is_unix);
        assert_int_equal(redis.port, cases[i].port);
        assert_int_equal(redis.db, cases[i].db);
        free((char *)(uintptr_t)redis.host);
    }
    char longest[200] = "unix://";
    memset(longest + 7, '/', 108);
    struct settings_redis redis = {0};
    assert_int_not_equal(address_parse_redis(longest, &redis, &why), ERR_OK);
    longest[7 + 107] = '\0';
    assert_int_equal(address_parse_redis(longest, &redis, &why), ERR_OK);
    free((char *)(uintptr_t)redis.host);
}

static void test_networks(void **state)
{
    (void)state;
    struct settings_cidr *list = NULL;
    size_t n = 0;
    assert_int_equal(
        address_parse_networks("127.0.0.0/8, 10.1.2.3\t2001:db8::/32  ::1", &list, &n, &why),
        ERR_OK);
    assert_int_equal(n, 4);
    static const uint8_t v4[16] = {[10] = 0xFF, [11] = 0xFF, [12] = 127};
    assert_memory_equal(list[0].addr, v4, 16);
    assert_int_equal(list[0].bits, 104);
    assert_int_equal(list[1].bits, 128);
    assert_int_equal(list[1].addr[15], 3);
    assert_int_equal(list[2].bits, 32);
    assert_int_equal(list[2].addr[0], 0x20);
    assert_int_equal(list[3].bits, 128);
    free(list);
    assert_int_equal(address_parse_networks("0.0.0.0/0 ::/0", &list, &n, &why), ERR_OK);
    assert_int_equal(list[0].bits, 96);
    assert_int_equal(list[1].bits, 0);
    free(list);

    const char *const bad[] = {
        "",
        " , ",
        "localhost",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/",
        "10.0.0/8",
        "10.0.0.1/8",
        "010.0.0.1",
        "10.0.0.1/-1",
        "2001:db8::1/32",
        "1.2.3.4 ; x",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_reset(&why);
        assert_int_not_equal(address_parse_networks(bad[i], &list, &n, &why), ERR_OK);
        assert_true(why.len > 0);
    }
    buf_reset(&why);
    assert_int_not_equal(address_parse_networks("10.1.2.3/8", &list, &n, &why), ERR_OK);
    assert_non_null(strstr(buf_text(&why), "10.0.0.0/8"));

    struct buf many;
    buf_init(&many, 10000);
    for (int i = 0; i < ADDRESS_NETWORKS_MAX; i++)
        buf_add_text(&many, "10.0.0.1 ");
    assert_int_equal(address_parse_networks(buf_text(&many), &list, &n, &why), ERR_OK);
    assert_int_equal(n, ADDRESS_NETWORKS_MAX);
    free(list);
    buf_add_text(&many, "10.0.0.1");
    assert_int_not_equal(address_parse_networks(buf_text(&many), &list, &n, &why), ERR_OK);
    buf_fini(&many);
}

static void test_urls(void **state)
{
    (void)state;
    const char *const good[] = {
        "http://127.0.0.1:1992", "https://mas.example", "HTTP://h",
        "http://[::1]:80",       "http://h/a/b",        "https://h:28888/x%20y"};
    const char *const bad[] = {"",
                               "h",
                               "ftp://h",
                               "http://",
                               "http://h/",
                               "http://h/a/",
                               "http://h?a",
                               "http://h#a",
                               "http://h:0",
                               "http://h:99999",
                               "http://a b",
                               "http://高山",
                               "http://u:p@h",
                               "http://h/<x>",
                               "http://[h]",
                               "http://h:",
                               "http:///a"};
    const char *const proxies[] = {"http://p:3128", "socks5://u:p@p:1080", "socks5h://p"};
    const char *const bad_proxies[] = {"http://p:3128/", "http://p/x", "p:3128", "socks5://",
                                       "http://u:p@"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(address_check_url(good[i], ADDRESS_HTTP, &why), ERR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_reset(&why);
        assert_int_not_equal(address_check_url(bad[i], ADDRESS_HTTP, &why), ERR_OK);
        assert_true(why.len > 0);
    }
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
        assert_int_equal(address_check_url(proxies[i], ADDRESS_PROXY, &why), ERR_OK);
    for (size_t i = 0; i < sizeof bad_proxies / sizeof *bad_proxies; i++)
        assert_int_not_equal(address_check_url(bad_proxies[i], ADDRESS_PROXY, &why), ERR_OK);
}

static int setup(void **state)
{
    (void)state;
    buf_init(&why, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_fini(&why);
    return 0;
}

static struct settings_cidr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t bits)
{
    return (struct settings_cidr){.addr = {[10] = 0xff, [11] = 0xff, [12] = a, b, c, d},
                                  .bits = (uint8_t)(96 + bits)};
}

static void test_addresses(void **state)
{
    (void)state;
    const struct settings_cidr list[] = {v4(127, 0, 0, 0, 8),
                                         v4(112, 35, 4, 196, 32),
                                         v4(10, 1, 16, 0, 20),
                                         {.addr = {0x24, 0x08, 0x80}, .bits = 20}};
    const size_t n = sizeof list / sizeof list[0];
    const char *in[] = {"127.0.0.1",           "127.255.255.255", "112.35.4.196",
                        "::ffff:112.35.4.196", "10.1.16.0",       "10.1.31.255",
                        "2408:8000::1",        "2408:8fff::1",    "::ffff:7f00:1"};
    const char *out[] = {"128.0.0.1",   "126.255.255.255", "112.35.4.197", "10.1.32.0",
                         "10.1.15.255", "2408:9000::",     "::1",          "",
                         "localhost",   "127.0.0.1x",      "127.1",        "::ffff:1.2.3.4",
                         "1.2.3.4.5"};
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
        assert_true(address_is_in(list, n, in[i]));
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        assert_false(address_is_in(list, n, out[i]));
    assert_false(address_is_in(list, 0, "127.0.0.1"));
    const struct settings_cidr all = {.bits = 0};
    assert_true(address_is_in(&all, 1, "8.8.8.8"));
    const struct settings_cidr link = {.addr = {0xfe, 0x80}, .bits = 10};
    assert_true(address_is_in(&link, 1, "fe80::1%eth0"));
    const struct settings_cidr broken = {.bits = 129};
    assert_false(address_is_in(&broken, 1, "127.0.0.1"));
}

/* Who is behind the proxies 127.0.0.0/8, ::1 and 10.9.0.0/16. */
static void test_who_is_behind_a_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *forwarded, *client;
    } cases[] = {
        {"127.0.0.1", NULL, "127.0.0.1"},
        {"127.0.0.1", "192.0.2.7", "192.0.2.7"},
        {"127.0.0.1", "6.6.6.6, 192.0.2.7", "192.0.2.7"}, /* the client's own word */
        {"127.0.0.1", "6.6.6.6,192.0.2.7 , 10.9.1.1", "192.0.2.7"},
        {"127.0.0.1", "10.9.1.2, 10.9.1.1", "10.9.1.2"},
        {"192.0.2.9", "6.6.6.6", "192.0.2.9"}, /* no proxy */
        {"::1", "2001:DB8:0::7", "2001:db8::7"},
        {"::1", "[2001:db8::7]:4711", "2001:db8::7"},
        {"127.0.0.1", "192.0.2.7:4711", "192.0.2.7"},
        {"127.0.0.1", "::ffff:192.0.2.7", "192.0.2.7"},
        {"127.0.0.1", "192.0.2.7, unknown", "unknown"},
        {"127.0.0.1", "192.0.2.7, ", "unknown"},
        {"127.0.0.1", "192.0.2.7, [2001:db8::7]x", "unknown"},
        {"127.0.0.1", "1.2.3.4\"; DROP", "unknown"},
        {"127.0.0.1",
         "111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
         "unknown"},
        {"", "6.6.6.6", ""},
    };
    struct settings_cidr *list = NULL;
    size_t n = 0;
    char out[ADDRESS_TEXT_SIZE];
    assert_int_equal(address_parse_networks("127.0.0.0/8 ::1 10.9.0.0/16", &list, &n, &why),
                     ERR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(address_of_client(list, n, cases[i].peer, cases[i].forwarded, out),
                            cases[i].client);
    free(list);
}

static void test_what_leaves_the_machine_unencrypted(void **state)
{
    (void)state;
    const char *abroad[] = {"http://203.0.113.5:1992",
                            "HTTP://112.35.1.155",
                            "http://mas.example.com/x",
                            "http://[2001:db8::1]:80",
                            "http://localhost.example.com",
                            "http://128.0.0.1",
                            "http://h"};
    const char *home[] = {"http://127.0.0.1:1992",  "http://127.8.9.10", "http://localhost:1",
                          "http://LOCALHOST/x",     "http://[::1]:1992", "https://203.0.113.5",
                          "https://mas.example.com"};
    for (size_t i = 0; i < sizeof abroad / sizeof *abroad; i++)
        assert_true(address_is_plain_abroad(abroad[i]));
    for (size_t i = 0; i < sizeof home / sizeof *home; i++)
        assert_false(address_is_plain_abroad(home[i]));
}

static void test_a_subscriber_has_a_whole_network(void **state)
{
    (void)state;
    char out[ADDRESS_TEXT_SIZE];
    assert_string_equal(address_of_subscriber("192.0.2.7", out), "192.0.2.7");
    assert_string_equal(address_of_subscriber("::ffff:192.0.2.7", out), "::ffff:192.0.2.7");
    assert_string_equal(address_of_subscriber("2001:db8:1:2:3:4:5:6", out), "2001:db8:1:2::/64");
    assert_string_equal(address_of_subscriber("2001:db8:1:2:ffff::1", out), "2001:db8:1:2::/64");
    assert_string_equal(address_of_subscriber("unknown", out), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_behind_a_proxy),
        cmocka_unit_test(test_what_leaves_the_machine_unencrypted),
        cmocka_unit_test(test_a_subscriber_has_a_whole_network),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_redis),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
