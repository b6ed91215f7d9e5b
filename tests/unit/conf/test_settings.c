#include "conf/settings.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "scratch.h"

static struct mistakes mistakes;

/* The contract's example without its comments behind values, which are for the eye. */
static const char contract_ini[] = "[daemon]\n"
                                   "listen         = 127.0.0.1:10170\n"
                                   "control_socket = /run/outreachd/control.sock\n"
                                   "state_dir      = /var/lib/outreachd\n"
                                   "campaigns_dir  = campaigns.d\n"
                                   "utc_offset     = +08:00\n"
                                   "\n"
                                   "[redis]\n"
                                   "url            = unix:///run/outreachd-redis/redis.sock\n"
                                   "password_file  =\n"
                                   "prefix         = outreach\n"
                                   "\n"
                                   "[carrier mas]\n"
                                   "driver         = cloudmas\n"
                                   "base_url       = http://127.0.0.1:1992\n"
                                   "submit_path    = /sms/norsubmit\n"
                                   "ec_name        = 高山乡人民政府\n"
                                   "ap_id          = gaoshan\n"
                                   "secret_key_file = mas.secret\n"
                                   "sign_code      = DemoSign1\n"
                                   "add_serial     =\n"
                                   "signature_added_by_carrier = no\n"
                                   "batch_max      = 1000\n"
                                   "rate           = 500\n"
                                   "connections    = 8\n"
                                   "timeout        = 10s\n"
                                   "price_fen      = 5\n"
                                   "callback_key_file = mas.callback\n"
                                   "callback_allow = 127.0.0.0/8\n";

/* A carrier that lacks nothing; tests add lines before or behind. */
#define CARRIER                                                                                     \
    "[carrier mas]\nbase_url = http://127.0.0.1:1992\nec_name = 高山\nap_id = g\nsign_code = S\n" \
    "secret_key_file = mas.secret\ncallback_key_file = mas.callback\n"

static const char *write_ini(const char *text)
{
    return scratch_file("outreachd.ini", 0644, text);
}

static struct settings *load(const char *text)
{
    struct settings *settings;
    mistakes_fini(&mistakes);
    enum err error = settings_load(write_ini(text), true, &settings, &mistakes);
    assert_int_equal(error == ERR_OK, settings != NULL);
    assert_int_equal(error == ERR_OK, mistakes.errors == 0);
    return settings;
}

static struct settings *load_fine(const char *text)
{
    struct settings *settings = load(text);
    if (settings == NULL) {
        char *all = mistakes_text(&mistakes);
        fprintf(stderr, "%s", all);
        free(all);
    }
    assert_non_null(settings);
    return settings;
}

static void test_numbers_and_texts_in_the_clear_are_told(void **state)
{
    (void)state;
    char text[4096];
    const char *at = strstr(contract_ini, "127.0.0.1:1992");
    snprintf(text, sizeof text, "%.*s203.0.113.5%s", (int)(at - contract_ini), contract_ini,
             at + strlen("127.0.0.1"));
    settings_free(load_fine(text));
    assert_int_equal(mistakes.n, 1);
    assert_true(mistakes.items[0].warning);
    assert_string_equal(mistakes.items[0].key, "base_url");
    assert_string_equal(mistakes.items[0].value, "http://203.0.113.5:1992");
    assert_non_null(strstr(mistakes.items[0].reason, "unencrypted"));
}

static void test_contract_example(void **state)
{
    (void)state;
    struct settings *s = load_fine(contract_ini);
    assert_int_equal(mistakes.n, 0);
    assert_string_equal(s->file, scratch_path("outreachd.ini"));
    assert_string_equal(s->daemon.listen_host, "127.0.0.1");
    assert_int_equal(s->daemon.listen_port, 10170);
    assert_string_equal(s->daemon.campaigns_dir, scratch_path("campaigns.d"));
    assert_string_equal(s->daemon.codes_dir, scratch_path("codes"));
    assert_int_equal(s->daemon.utc_offset_min, 480);
    assert_true(s->redis.is_unix);
    assert_string_equal(s->redis.host, "/run/outreachd-redis/redis.sock");
    assert_null(s->redis.password);
    assert_string_equal(s->redis.prefix, "outreach");
    assert_int_equal(s->n_carriers, 1);
    const struct settings_carrier *mas = settings_carrier(s, "mas");
    assert_ptr_equal(mas, &s->carriers[0]);
    assert_null(settings_carrier(s, "ma"));
    assert_string_equal(mas->driver, "cloudmas");
    assert_string_equal(mas->base_url, "http://127.0.0.1:1992");
    assert_string_equal(mas->submit_path, "/sms/norsubmit");
    assert_string_equal(mas->ec_name, "高山乡人民政府");
    assert_string_equal(mas->ap_id, "gaoshan");
    assert_string_equal(mas->secret_key, "Demo#2024");
    assert_string_equal(mas->sign_code, "DemoSign1");
    assert_string_equal(mas->add_serial, "");
    assert_false(mas->signature_added_by_carrier);
    assert_false(mas->send_secret);
    assert_int_equal(mas->batch_max, 1000);
    assert_int_equal(mas->rate, 500);
    assert_int_equal(mas->connections, 8);
    assert_int_equal(mas->timeout_ms, 10000);
    assert_int_equal(mas->price_fen, 5);
    assert_string_equal(mas->callback_key, "0123456789_-abcdefgHIJ");
    assert_int_equal(mas->n_callback_allow, 1);
    assert_int_equal(mas->callback_allow[0].bits, 104);
    assert_null(mas->ca_file);
    assert_null(mas->proxy);
    assert_string_equal(mas->codes, "cloudmas");
    assert_null(mas->default_campaign);
    settings_free(s);

    s = load_fine(CARRIER "default_campaign = 2026-10-17-gaoshan\n");
    assert_string_equal(s->carriers[0].default_campaign, "2026-10-17-gaoshan");
    settings_free(s);
    assert_null(load(CARRIER "default_campaign = ../etc\n"));
}

static void test_defaults(void **state)
{
    (void)state;
    struct settings *s = load_fine(CARRIER);
    assert_int_equal(s->daemon.ambiguous_limit, 3);
    assert_int_equal(s->daemon.webhook_body_max_bytes, 1 << 20);
    assert_int_equal(s->daemon.connections_max, 4000);
    assert_int_equal(settings_connections_per_address(&s->daemon), 3000);
    assert_int_equal(s->daemon.parked_max, 200000);
    assert_int_equal(s->daemon.parked_for_ms, 72 * 3600000LL);
    assert_int_equal(s->daemon.repeat_guard_ms, 7 * 86400000LL);
    assert_int_equal(s->daemon.resend_values_for_ms, 7 * 86400000LL);
    assert_int_equal(s->daemon.resend_silent_after_ms, 600000);
    assert_string_equal(s->daemon.optout_words, "R T TD N 0000 退订 拒收");
    assert_string_equal(s->daemon.optout_all_words, "全部退订 TDALL");
    assert_string_equal(s->daemon.log_level, "info");
    assert_true(strlen(s->daemon.id) > 0);
    assert_int_equal(s->redis.timeout_ms, 5000);
    assert_false(s->redis.i_accept_data_loss);
    assert_int_equal(s->carriers[0].batch_max, 1000);
    settings_free(s);
}

static void test_one_address_has_its_share_of_connections(void **state)
{
    (void)state;
    static const struct {
        const char *daemon;
        uint32_t want;
    } cases[] = {
        {"connections_max = 16\n", 12},
        {"connections_max = 65000\n", 48750},
        {"connections_per_address = 1\n", 1},
        {"connections_max = 100\nconnections_per_address = 99\n", 99},
        {"connections_max = 100\nconnections_per_address = 100\n", 100},
        {"connections_max = 16\nconnections_per_address = 3000\n", 16}, /* never more than all */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        snprintf(text, sizeof text, "[daemon]\n%s" CARRIER, cases[i].daemon);
        struct settings *s = load_fine(text);
        assert_int_equal(settings_connections_per_address(&s->daemon), cases[i].want);
        settings_free(s);
    }
    assert_null(load("[daemon]\nconnections_per_address = 65001\n" CARRIER));
}

/* The shipped file is the table's own text. UPDATE_EXAMPLE=1 writes it anew after a row has
 * changed. */
static void test_example_is_the_table(void **state)
{
    (void)state;
    struct buf want;
    char have[65536];
    buf_init(&want, sizeof have);
    settings_print_example(&want);
    assert_int_equal(buf_check(&want), ERR_OK);
    if (getenv("UPDATE_EXAMPLE") != NULL) {
        FILE *out = fopen(SOURCE_DIR "/config/outreachd.ini", "w");
        assert_non_null(out);
        assert_int_equal(fwrite(want.data, 1, want.len, out), want.len);
        fclose(out);
    }
    FILE *file = fopen(SOURCE_DIR "/config/outreachd.ini", "r");
    assert_non_null(file);
    have[fread(have, 1, sizeof have - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(have, want.data);

    struct settings *s = load_fine(have), *defaults = load_fine(CARRIER);
    assert_int_equal(mistakes.n, 1); /* no campaigns.d */
    assert_int_equal(settings_may_replace(defaults, s, &mistakes), ERR_OK);
    settings_free(s);
    settings_free(defaults);
    buf_fini(&want);
}

static void test_regions_file(void **state)
{
    (void)state;
    struct settings *s = load_fine(CARRIER);
    const char *none = s->daemon.regions_file; /* or the installed one of this machine */
    assert_true(none == NULL || strncmp(none, "/usr/", 5) == 0);
    settings_free(s);
    scratch_file("regions.csv", 0644, "51,四川省\n");
    s = load_fine(CARRIER);
    assert_string_equal(s->daemon.regions_file, scratch_path("regions.csv"));
    settings_free(s);
    unlink(scratch_path("regions.csv"));
    scratch_file("names.csv", 0644, "51,四川省\n");
    s = load_fine("[daemon]\nregions_file = names.csv\n" CARRIER);
    assert_string_equal(s->daemon.regions_file, scratch_path("names.csv"));
    settings_free(s);
    assert_null(load("[daemon]\nregions_file = nowhere.csv\n" CARRIER));
    assert_int_equal(mistakes.errors, 1);
    assert_int_equal(mistakes.n, 2); /* campaigns.d is a warning, and stands before it */
    assert_string_equal(mistakes.items[1].key, "regions_file");
}

static void test_ledger(void **state)
{
    (void)state;
    struct settings *s = load_fine(CARRIER);
    assert_int_equal(s->ledger.grace_days, 30);
    assert_string_equal(s->ledger.hotline, "");
    assert_int_equal(s->ledger.notice_days, 7);
    assert_null(s->daemon.regions_extra);
    struct settings *other =
        load_fine("[ledger]\ngrace_days = 0\nhotline = 0836-12317\nnotice_days = 15\n" CARRIER);
    assert_int_equal(other->ledger.grace_days, 0);
    assert_string_equal(other->ledger.hotline, "0836-12317");
    assert_int_equal(other->ledger.notice_days, 15);
    assert_int_equal(settings_may_replace(s, other, &mistakes), ERR_OK); /* a reload is enough */
    assert_false(other->ledger.public_page);
    settings_free(s);
    s = load_fine("[ledger]\npublic_page = yes\npublic_region = 513327205\n"
                  "public_from = 2026-10-01\npublic_to = 2026-10-31\n" CARRIER);
    assert_true(s->ledger.public_page);
    assert_string_equal(s->ledger.public_region, "513327205");
    assert_int_equal(s->ledger.public_from, 20261001);
    assert_int_equal(s->ledger.public_to, 20261031);
    settings_free(s);
    settings_free(other);
    assert_null(load("[ledger]\npublic_region = 5133272\npublic_from = 2026-02-30\n"
                     "public_to = 20261031\n" CARRIER));
    assert_int_equal(mistakes.errors, 3);
    assert_null(load("[ledger]\npublic_from = 2026-10-17\npublic_to = 2026-10-16\n" CARRIER));
    assert_int_equal(mistakes.errors, 1);
    assert_string_equal(mistakes.items[mistakes.n - 1].key, "public_to");
    assert_null(load("[ledger]\nnotice_days = 0\ngrace = 3\n" CARRIER));
    assert_int_equal(mistakes.errors, 2);
    assert_null(load("[daemon]\nregions_extra = nowhere.csv\n" CARRIER));
    assert_int_equal(mistakes.errors, 1);
    scratch_file("villages.csv", 0644, "513327205200,山口村\n");
    s = load_fine("[daemon]\nregions_extra = villages.csv\n" CARRIER);
    assert_string_equal(s->daemon.regions_extra, scratch_path("villages.csv"));
    settings_free(s);
}

static void test_all_mistakes_in_one_run(void **state)
{
    (void)state;
    struct settings *s = load("[daemon]\n"
                              "lsiten = 127.0.0.1:1\n"
                              "listen = 10170\n"
                              "utc_offset = 8\n"
                              "utc_offset = +08:00\n"
                              "no equals\n"
                              "prefix = x\n"
                              "[redsi]\n"
                              "url = redis://h\n"
                              "[carrier mas]\n"
                              "driver = cloudmaas\n"
                              "base_url = http://h/\n"
                              "batch_max = 5001\n"
                              "rate = viel\n"
                              "timeout = 10\n"
                              "price_fen = 0.05\n"
                              "add_serial = 12a\n"
                              "callback_allow = 10.1.2.3/8\n"
                              "i_accept_data_loss = yes\n"
                              "secret_ky = Geheim1\n"
                              "connections = 8 ; at most\n");
    assert_null(s);
    const struct mistake *m = mistake_at(&mistakes, 2, "no key");
    assert_non_null(m);
    assert_string_equal(m->nearest, "listen");
    assert_string_equal(m->section, "daemon");
    assert_string_equal(m->key, "lsiten");
    m = mistake_at(&mistakes, 3, "HOST:PORT");
    assert_non_null(m);
    assert_string_equal(m->value, "10170");
    assert_non_null(mistake_at(&mistakes, 4, "+08:00"));
    assert_non_null(mistake_at(&mistakes, 5, "there twice"));
    assert_non_null(mistake_at(&mistakes, 6, "no `=`"));
    assert_non_null(mistake_at(&mistakes, 7, "belongs into [redis]"));
    m = mistake_at(&mistakes, 8, "no such section");
    assert_non_null(m);
    assert_string_equal(m->nearest, "redis");
    assert_non_null(mistake_at(&mistakes, 10, "is missing or empty: the interface password"));
    m = mistake_at(&mistakes, 11, "must be: cloudmas");
    assert_non_null(m);
    assert_non_null(mistake_at(&mistakes, 12, "slash at the end"));
    assert_non_null(mistake_at(&mistakes, 13, "outside 1 to 5000"));
    assert_non_null(mistake_at(&mistakes, 14, "whole number from 0"));
    assert_non_null(mistake_at(&mistakes, 15, "unit is missing"));
    assert_non_null(mistake_at(&mistakes, 16, "whole fen"));
    assert_non_null(mistake_at(&mistakes, 17, "digits"));
    assert_non_null(mistake_at(&mistakes, 18, "10.0.0.0/8"));
    assert_non_null(mistake_at(&mistakes, 19, "belongs into [redis]"));
    m = mistake_at(&mistakes, 20, "no key");
    assert_non_null(m);
    assert_string_equal(m->nearest, "secret_key");
    assert_null(m->value);
    assert_non_null(mistake_at(&mistakes, 21, "give it its own line"));
    for (size_t i = 1; i < mistakes.n; i++)
        assert_true(mistakes.items[i - 1].line <= mistakes.items[i].line);
    char *all = mistakes_text(&mistakes);
    assert_null(strstr(all, "Geheim1"));
    free(all);
}

/* One bad line is one mistake, not a second one about a missing key. */
static void test_broken_line_is_not_missing(void **state)
{
    (void)state;
    assert_null(load(
        "[carrier mas]\nbase_url = http://h\x01\nec_name = 高山\x01\nap_id = g\nsign_code = S\n"
        "secret_key_file = mas.secret\x01\ncallback_key_file = mas.callback\n"));
    assert_int_equal(mistakes.errors, 3);
    const unsigned lines[] = {2, 3, 6};
    for (size_t i = 0; i < 3; i++)
        assert_non_null(mistake_at(&mistakes, lines[i], "control character"));
}

static void test_missing_things(void **state)
{
    (void)state;
    assert_null(load(""));
    assert_non_null(mistake_at(&mistakes, 0, "no [carrier NAME]"));
    assert_null(load("[carrier mas]\nbase_url =\n"));
    assert_non_null(mistake_at(&mistakes, 2, "must not be empty"));
    assert_int_equal(mistakes.errors, 5); /* and ec_name, ap_id, sign_code, the password */
    struct settings *settings;
    mistakes_fini(&mistakes);
    assert_int_equal(settings_load(scratch_path("none.ini"), true, &settings, &mistakes), ERR_IO);
    assert_null(settings);
    assert_int_equal(mistakes.errors, 1);
}

static void test_carrier_names(void **state)
{
    (void)state;
    const char *const bad[] = {"carrier",    "carrier  mas", "carrier a b",
                               "carrier .x", "carrier 移动", "carrier a/b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[1000];
        snprintf(text, sizeof text, "[%s]\n%s", bad[i], strchr(CARRIER, '\n') + 1);
        assert_null(load(text));
        assert_int_equal(mistakes.errors, 1);
        assert_non_null(mistake_at(&mistakes, 1, "[carrier NAME]"));
    }
    struct buf many;
    buf_init(&many, 1 << 20);
    for (int i = 0; i <= SETTINGS_CARRIERS_MAX; i++) {
        buf_addf(&many,
                 "[carrier c%d]\nbase_url = http://h\nec_name = e\nap_id = a%d\nsign_code = s\n"
                 "secret_key_file = mas.secret\ncallback_key_file = mas.callback\n",
                 i, i);
        struct settings *s = load(buf_text(&many));
        assert_int_equal(s != NULL, i < SETTINGS_CARRIERS_MAX);
        settings_free(s);
    }
    assert_int_equal(mistakes.errors, 1);
    buf_fini(&many);
}

static void test_secrets(void **state)
{
    (void)state;
    /* in the INI: works, with a warning that does not show it */
    struct settings *s =
        load_fine("[redis]\npassword = Passwort3\n[carrier mas]\nbase_url = http://h\nec_name = e\n"
                  "ap_id = a\nsign_code = s\nsecret_key = Geheim#1 ;x\n"
                  "callback_key = Schluessel-Nummer_2xyz\n");
    assert_string_equal(s->carriers[0].secret_key, "Geheim#1 ;x");
    assert_string_equal(s->carriers[0].callback_key, "Schluessel-Nummer_2xyz");
    assert_string_equal(s->redis.password, "Passwort3");
    assert_true(mistake_at(&mistakes, 8, "secret_key_file")->warning);
    assert_true(mistake_at(&mistakes, 9, "callback_key_file")->warning);
    assert_true(mistake_at(&mistakes, 2, "password_file")->warning);
    char *all = mistakes_text(&mistakes);
    assert_null(strstr(all, "Geheim"));
    assert_null(strstr(all, "Schluessel"));
    assert_null(strstr(all, "Passwort3"));
    free(all);
    settings_free(s);

    /* both */
    assert_null(load(CARRIER "secret_key = x\n"));
    assert_non_null(mistake_at(&mistakes, 8, "given twice"));
    assert_null(load(CARRIER "callback_key = 0123456789_-abcdefgHIJ\n"));
    assert_non_null(mistake_at(&mistakes, 8, "given twice"));

    /* in a file that others may read, that is missing, that is empty */
    scratch_file("open.secret", 0644, "x\n");
    scratch_file("empty.secret", 0600, "\n");
    const struct {
        const char *file, *reason;
    } cases[] = {{"open.secret", "group or others"},
                 {"none.secret", "No such file"},
                 {"empty.secret", "is empty"}};
    for (size_t i = 0; i < 3; i++) {
        char text[600];
        snprintf(text, sizeof text, CARRIER "[redis]\npassword_file = %s\n", cases[i].file);
        assert_null(load(text));
        const struct mistake *m = mistake_at(&mistakes, 9, cases[i].reason);
        assert_non_null(m);
        assert_string_equal(m->key, "password_file");
        assert_int_equal(mistakes.errors, 1);
    }
}

static void test_weak_callback_keys(void **state)
{
    (void)state;
    scratch_file("mas.weak", 0600, "0123456789abcdef\n");
    assert_null(load("[carrier mas]\nbase_url = http://h\nec_name = e\nap_id = a\nsign_code = s\n"
                     "secret_key_file = mas.secret\ncallback_key_file = mas.weak\n"));
    assert_int_equal(mistakes.errors, 1);
    const struct mistake *m = mistake_at(&mistakes, 7, "the key in mas.weak has 16 signs");
    assert_non_null(m);
    assert_string_equal(m->section, "carrier mas");
    assert_string_equal(m->key, "callback_key_file");
    assert_non_null(mistake_at(&mistakes, 7, "32 are needed"));
    assert_non_null(mistake_at(&mistakes, 7, "make one with: od "));
    char *all = mistakes_text(&mistakes);
    assert_null(strstr(all, "0123456789abcdef"));
    free(all);
}

static void test_callback_keys(void **state)
{
    (void)state;
    static const char base[] =
        "[carrier mas]\nbase_url = http://h\nec_name = e\nap_id = a\nsign_code = s\n"
        "secret_key_file = mas.secret\n";
    const struct {
        const char *key;
        bool fine;
    } cases[] = {{"0123456789abcdef", false},       {"9f86d081884c7d659a2feaa0c55ad01", false},
                 {"0123456789_-abcdefgHI/", false}, {"0123456789_-abcdefgHI J", false},
                 {"0123456789_-abcdefgHIJ", true},  {"9f86d081884c7d659a2feaa0c55ad015", true},
                 {"testTEST_-testTEST_-te", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[600];
        snprintf(text, sizeof text, "%scallback_key = %s\n", base, cases[i].key);
        struct settings *s = load(text);
        assert_int_equal(s != NULL, cases[i].fine);
        char *all = mistakes_text(&mistakes);
        assert_null(strstr(all, cases[i].key));
        free(all);
        settings_free(s);
    }
    struct settings *s = load_fine(base);
    assert_null(s->carriers[0].callback_key);
    assert_true(mistake_at(&mistakes, 1, "no status report")->warning);
    settings_free(s);
}

/* outreachctl may not be allowed to read secrets: it looks at the files, and no more. */
static void test_offline(void **state)
{
    (void)state;
    struct settings *s;
    mistakes_fini(&mistakes);
    assert_int_equal(settings_load(write_ini(CARRIER), false, &s, &mistakes), ERR_OK);
    assert_null(s->carriers[0].secret_key);
    assert_null(s->carriers[0].callback_key);
    settings_free(s);
    assert_int_equal(
        settings_load(write_ini(CARRIER "[redis]\npassword_file = none\n"), false, &s, &mistakes),
        ERR_INVALID);
    assert_null(s);
}

static void test_urls_hide_passwords(void **state)
{
    (void)state;
    assert_null(load(CARRIER "proxy = http://u:Geheim@p/x\n[redis]\nurl = redis://:Geheim@h\n"));
    assert_int_equal(mistakes.errors, 2);
    char *all = mistakes_text(&mistakes);
    assert_null(strstr(all, "Geheim"));
    free(all);
    struct settings *s = load_fine(CARRIER "proxy = http://u:Geheim@p:3128\n");
    assert_string_equal(s->carriers[0].proxy, "http://u:Geheim@p:3128");
    settings_free(s);
}

static void test_paths_and_files(void **state)
{
    (void)state;
    mkdir(scratch_path("table"), 0700);
    scratch_file("ca.pem", 0644, "x");
    struct settings *s =
        load_fine("[daemon]\ncodes_dir = ./table\nstate_dir = /s\ncontrol_socket = c.sock\n" CARRIER
                  "ca_file = ca.pem\ncodes = sichuan\n");
    assert_string_equal(s->daemon.codes_dir, scratch_path("table"));
    assert_string_equal(s->daemon.state_dir, "/s");
    assert_string_equal(s->daemon.control_socket, scratch_path("c.sock"));
    assert_string_equal(s->carriers[0].ca_file, scratch_path("ca.pem"));
    assert_string_equal(s->carriers[0].codes, "sichuan");
    settings_free(s);
    char text[1000], longest[130];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    snprintf(text, sizeof text,
             "[daemon]\ncodes_dir = nowhere\ncontrol_socket = /%s\n" CARRIER "ca_file = no.pem\n",
             longest);
    assert_null(load(text));
    assert_non_null(mistake_at(&mistakes, 2, "no such directory"));
    assert_non_null(mistake_at(&mistakes, 3, "at most 107"));
    assert_non_null(mistake_at(&mistakes, 11, "No such file"));
}

static void test_twin_accounts(void **state)
{
    (void)state;
    struct settings *s = load_fine(
        CARRIER "[carrier two]\nbase_url = http://127.0.0.1:1992\nec_name = 高山\nap_id = g\n"
                "sign_code = S\nsecret_key_file = mas.secret\n"
                "callback_key_file = mas.callback\n");
    assert_true(mistake_at(&mistakes, 11, "same account")->warning);
    settings_free(s);
}

/* ---- reload ---- */

static bool may_replace(const char *old_text, const char *next_text)
{
    struct settings *old = load_fine(old_text), *next = load_fine(next_text);
    mistakes_fini(&mistakes);
    enum err error = settings_may_replace(old, next, &mistakes);
    assert_true(error == ERR_OK || error == ERR_REFUSED);
    assert_int_equal(error == ERR_REFUSED, mistakes.errors > 0);
    settings_free(old);
    settings_free(next);
    return error == ERR_OK;
}

static void test_reload(void **state)
{
    (void)state;
#define OTHER "base_url = http://h\nec_name = e\nap_id = a\nsign_code = s\nsecret_key = y\n"
    const char *const may[] = {
        (CARRIER),
        ("[daemon]\nlog_level = debug\nambiguous_limit = 9\noptout_words = R\n" CARRIER),
        (CARRIER "rate = 7\nbatch_max = 9\nprice_fen = 8\ncallback_allow = 10.0.0.0/8\n"),
        (CARRIER "[carrier two]\n" OTHER),
        ("[carrier other]\n" OTHER),
    };
    for (size_t i = 0; i < sizeof may / sizeof *may; i++)
        assert_true(may_replace(CARRIER, may[i]));
    const struct {
        const char *text, *key;
    } may_not[] = {
        {"[daemon]\nlisten = 127.0.0.1:1\n" CARRIER, "listen"},
        {"[daemon]\nlisten = 127.0.0.2:10170\n" CARRIER, "listen"},
        {"[daemon]\ncontrol_socket = c\n" CARRIER, "control_socket"},
        {"[daemon]\nstate_dir = c\n" CARRIER, "state_dir"},
        {"[daemon]\nid = c\n" CARRIER, "id"},
        {"[daemon]\nutc_offset = +07:00\n" CARRIER, "utc_offset"},
        {"[daemon]\nwebhook_body_max = 2m\n" CARRIER, "webhook_body_max"},
        {"[daemon]\nconnections_max = 20\n" CARRIER, "connections_max"},
        {"[daemon]\nconnections_per_address = 20\n" CARRIER, "connections_per_address"},
        {"[redis]\nurl = redis://h\n" CARRIER, "url"},
        {"[redis]\nprefix = p\n" CARRIER, "prefix"},
        {"[redis]\ntimeout = 4s\n" CARRIER, "timeout"},
        {"[redis]\npassword = pw\n" CARRIER, "password_file"},
        {"[redis]\ni_accept_data_loss = yes\n" CARRIER, "i_accept_data_loss"},
    };
    for (size_t i = 0; i < sizeof may_not / sizeof *may_not; i++) {
        assert_false(may_replace(CARRIER, may_not[i].text));
        assert_string_equal(mistakes.items[0].key, may_not[i].key);
        assert_string_equal(mistakes.items[0].section,
                            may_not[i].text[1] == 'd' ? "daemon" : "redis");
    }
    assert_false(
        may_replace(CARRIER, "[daemon]\nlisten = 127.0.0.1:1\nid = c\nlog_level = warn\n" CARRIER));
    assert_int_equal(mistakes.errors, 2);
}

static void test_may_be_relative_and_null(void **state)
{
    (void)state;
    struct settings *s;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    write_ini(CARRIER);
    assert_int_equal(chdir(scratch), 0);
    mistakes_fini(&mistakes);
    assert_int_equal(settings_load("outreachd.ini", true, &s, &mistakes), ERR_OK);
    assert_int_equal(chdir(before), 0);
    assert_string_equal(s->file, scratch_path("outreachd.ini"));
    assert_string_equal(s->daemon.campaigns_dir, scratch_path("campaigns.d"));
    settings_free(s);
    settings_free(NULL);
}

static int setup(void **state)
{
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    mistakes_init(&mistakes);
    scratch_make();
    scratch_file("mas.secret", 0600, "Demo#2024\n");
    scratch_file("mas.callback", 0600, "0123456789_-abcdefgHIJ\n");
    if (mkdir(scratch_path("secrets"), 0700) != 0)
        return -1;
    scratch_file("secrets/mas.secret", 0600, "Demo#2024\n");
    scratch_file("secrets/mas.callback", 0600, "0123456789_-abcdefgHIJ\n");
    return 0;
}

/* The example's test wants no campaigns.d; the contract's wants one. */
static int make_directory(void **state)
{
    (void)state;
    return mkdir(scratch_path("campaigns.d"), 0700) | mkdir(scratch_path("codes"), 0700);
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(scratch_path("campaigns.d")) | rmdir(scratch_path("codes"));
}

static int teardown(void **state)
{
    (void)state;
    mistakes_fini(&mistakes);
    scratch_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers_and_texts_in_the_clear_are_told,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_contract_example, make_directory, remove_directory),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_one_address_has_its_share_of_connections),
        cmocka_unit_test(test_example_is_the_table),
        cmocka_unit_test(test_regions_file),
        cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_all_mistakes_in_one_run),
        cmocka_unit_test(test_broken_line_is_not_missing),
        cmocka_unit_test(test_missing_things),
        cmocka_unit_test(test_carrier_names),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_weak_callback_keys),
        cmocka_unit_test(test_callback_keys),
        cmocka_unit_test(test_offline),
        cmocka_unit_test(test_urls_hide_passwords),
        cmocka_unit_test(test_paths_and_files),
        cmocka_unit_test(test_twin_accounts),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_may_be_relative_and_null),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
