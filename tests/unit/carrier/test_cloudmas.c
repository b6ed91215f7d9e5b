/* The worked vectors and the shapes of answers and pushes stand in
 * tests/data/carriers/cloudmas/<case>, one folder each:
 *
 *   build-*   request: settings and numbers, a line each · outcome: the body, in base64
 *   submit-*  response: HTTP status on the first line, then the body · outcome: outcome, code,
 * batch report-*  request: the pushed body · outcome: batch, number, code, class, submitted; a line
 * each, or "invalid" uplink-*  request: the pushed body · outcome: number, sent, service code, id,
 * text; a line each, or "invalid"; in both "bad" and the number for what is left out
 *
 * "-" stands for nothing, a blank inside a code is written "_". */
#include "carrier/cloudmas.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "carrier/codes.h"

#define CASES TEST_DATA_DIR "/carriers/cloudmas"
#define OFFSET_MIN 480

static struct codes *codes;

static int load_codes(void **state)
{
    (void)state;
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    assert_int_equal(codes_load(SOURCE_DIR "/config/codes/cloudmas.ini", &codes, &mistakes),
                     ERR_OK);
    mistakes_fini(&mistakes);
    return 0;
}

static int free_codes(void **state)
{
    (void)state;
    codes_free(codes);
    return 0;
}

static char *slurp(const char *name, const char *file, size_t *len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", CASES, name, file);
    FILE *in = fopen(path, "rb");
    if (!in)
        fail_msg("no %s", path);
    char *bytes = malloc(65536);
    *len = fread(bytes, 1, 65535, in);
    bytes[*len] = '\0';
    fclose(in);
    return bytes;
}

/* Runs `check` on every case whose name begins with `kind`. */
static void each_case(const char *kind, void (*check)(const char *name))
{
    DIR *dir = opendir(CASES);
    assert_non_null(dir);
    size_t n = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, kind, strlen(kind)) != 0)
            continue;
        check(entry->d_name);
        n++;
    }
    closedir(dir);
    assert_true(n >= 4);
}

static void expect(const char *name, const char *got)
{
    size_t len;
    char *expected = slurp(name, "outcome", &len);
    if (strcmp(got, expected) != 0)
        fail_msg("%s:\n got      %s expected %s", name, got, expected);
    free(expected);
}

/* ---- building */

struct input {
    struct settings_carrier carrier;
    uint64_t numbers[16];
    const char *texts[16];
    struct carrier_batch batch;
};

static void read_input_line(struct input *in, char *line)
{
    char *value = strstr(line, " =");
    if (value) {
        *value = '\0';
        value += value[2] == ' ' ? 3 : 2;
    }
    const struct {
        const char *key;
        const char **field;
    } fields[] = {{"ec_name", &in->carrier.ec_name},       {"ap_id", &in->carrier.ap_id},
                  {"secret_key", &in->carrier.secret_key}, {"sign_code", &in->carrier.sign_code},
                  {"add_serial", &in->carrier.add_serial}, {"all", &in->batch.text}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(line, fields[i].key) == 0) {
            *fields[i].field = value;
            return;
        }
    }
    if (strcmp(line, "send_secret") == 0) {
        in->carrier.send_secret = true;
        return;
    }
    in->numbers[in->batch.n] = strtoull(line, NULL, 10);
    if (value) {
        in->texts[in->batch.n] = value;
        in->batch.texts = in->texts;
    }
    in->batch.n++;
}

static void check_build(const char *name)
{
    size_t len;
    char *text = slurp(name, "request", &len), *rest = text, *line;
    struct input in = {.carrier = {.name = "test"}};
    in.batch.numbers = in.numbers;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (line[0])
            read_input_line(&in, line);
    }
    struct buf body;
    buf_init(&body, 1 << 20);
    assert_int_equal(cloudmas_driver.build(&in.carrier, &in.batch, &body), ERR_OK);
    buf_add_char(&body, '\n');
    expect(name, buf_text(&body));
    buf_fini(&body);
    free(text);
}

static void builds_the_worked_vectors(void **state)
{
    (void)state;
    each_case("build-", check_build);
}

static const struct settings_carrier account = {.name = "mas",
                                                .ec_name = "镇",
                                                .ap_id = "ap",
                                                .secret_key = "k",
                                                .sign_code = "s",
                                                .add_serial = ""};

static enum err try_build(const uint64_t *numbers, size_t n, const char *text,
                          const char *const *texts)
{
    struct buf body;
    buf_init(&body, 16 << 20);
    struct carrier_batch batch = {.numbers = numbers, .n = n, .text = text, .texts = texts};
    enum err err = cloudmas_driver.build(&account, &batch, &body);
    assert_int_equal(body.len > 0, err == ERR_OK);
    buf_fini(&body);
    return err;
}

/* A campaign's digits stand behind the account's. */
static void adds_the_digits_of_the_campaign(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"", "77", "77"}, {"01", "77", "0177"}, {"01", "", "01"}, {"01", NULL, "01"}};
    const uint64_t number = 13800138000;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings_carrier apart = account, whole = account;
        struct carrier_batch batch = {
            .numbers = &number, .n = 1, .text = "x", .add_serial = cases[i][1]};
        struct buf got, wanted;
        buf_init(&got, 1 << 16);
        buf_init(&wanted, 1 << 16);
        apart.add_serial = cases[i][0];
        whole.add_serial = cases[i][2];
        assert_int_equal(cloudmas_driver.build(&apart, &batch, &got), ERR_OK);
        batch.add_serial = NULL;
        assert_int_equal(cloudmas_driver.build(&whole, &batch, &wanted), ERR_OK);
        assert_string_equal(buf_text(&got), buf_text(&wanted));
        buf_fini(&got);
        buf_fini(&wanted);
    }
}

static void refuses_what_the_form_cannot_carry(void **state)
{
    (void)state;
    const uint64_t good[] = {13800138000, 13800138001},
                   twice[] = {13800138001, 13800138000, 13800138001},
                   shuffled[] = {13800138001, 13800138000}, shorter[] = {1380013800},
                   other[] = {23800138000};
    const char *const texts[] = {"a", "b", "c"}, *const hole[] = {"a", ""},
                      *const bad[] = {"a", "\xff"};
    assert_int_equal(try_build(good, 2, "x", NULL), ERR_OK);
    assert_int_equal(try_build(shuffled, 2, NULL, texts), ERR_OK);
    assert_int_equal(try_build(good, 0, "x", NULL), ERR_INVALID);
    assert_int_equal(try_build(twice, 3, "x", NULL), ERR_INVALID);
    assert_int_equal(try_build(twice, 3, NULL, texts), ERR_INVALID);
    assert_int_equal(try_build(shorter, 1, "x", NULL), ERR_INVALID);
    assert_int_equal(try_build(other, 1, "x", NULL), ERR_INVALID);
    assert_int_equal(try_build(good, 2, "", NULL), ERR_INVALID);
    assert_int_equal(try_build(good, 2, NULL, hole), ERR_INVALID);
    assert_int_equal(try_build(good, 2, NULL, bad), ERR_INVALID);
    static const char *const not_utf8[] = {"\x80",         "\xc1\x81",         "\xe0\x80\x80",
                                           "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xe5\xb1"};
    for (size_t i = 0; i < sizeof not_utf8 / sizeof not_utf8[0]; i++)
        assert_int_equal(try_build(good, 2, not_utf8[i], NULL), ERR_INVALID);
    assert_int_equal(try_build(good, 2, "\xed\x9f\xbf\xf4\x8f\xbf\xbf\xf0\x90\x80\x80", NULL),
                     ERR_OK);
    static uint64_t many[5000];
    static const char *many_texts[5000];
    for (size_t i = 0; i < 5000; i++) {
        many[i] = 13800000000 + i;
        many_texts[i] = "x";
    }
    assert_int_equal(try_build(many, cloudmas_driver.batch_max_same, "x", NULL), ERR_OK);
    assert_int_equal(try_build(many, cloudmas_driver.batch_max_same + 1, "x", NULL), ERR_INVALID);
    assert_int_equal(try_build(many, cloudmas_driver.batch_max_personal, NULL, many_texts), ERR_OK);
    assert_int_equal(try_build(many, cloudmas_driver.batch_max_personal + 1, NULL, many_texts),
                     ERR_INVALID);
}

static void appends_and_respects_the_ceiling(void **state)
{
    (void)state;
    const uint64_t number = 13800138000;
    struct carrier_batch batch = {.numbers = &number, .n = 1, .text = "x"};
    struct buf body;
    buf_init(&body, 64);
    assert_int_equal(cloudmas_driver.build(&account, &batch, &body), ERR_NOMEM);
    assert_int_equal(body.len, 0);
    buf_fini(&body);
}

/* Undoes the escapes of one JSON string, from behind its opening quote to its closing one. */
static void unescape(const char *from, char *to)
{
    static const char short_forms[] = "b\bf\fn\nr\rt\t\"\"\\\\";
    while (*from != '"') {
        assert_true((unsigned char)*from >= 0x20);
        if (*from != '\\') {
            *to++ = *from++;
        } else if (from[1] == 'u') {
            char hex[5] = {from[2], from[3], from[4], from[5], 0};
            *to++ = (char)strtoul(hex, NULL, 16);
            from += 6;
        } else {
            const char *at = short_forms;
            while (at[0] && at[0] != from[1])
                at += 2;
            assert_true(at[0]);
            *to++ = at[1];
            from += 2;
        }
    }
    *to = '\0';
}

static void every_sign_survives_both_levels(void **state)
{
    (void)state;
    char text[128], outer[4096], inner[4096];
    size_t n = 0;
    for (int c = 1; c < 0x80; c++)
        text[n++] = (char)c;
    text[n] = '\0';
    const uint64_t number = 13800138000;
    const char *const texts[] = {text};
    struct carrier_batch batch = {.numbers = &number, .n = 1, .texts = texts};
    struct buf body, json;
    buf_init(&body, 1 << 20);
    buf_init(&json, 1 << 20);
    assert_int_equal(cloudmas_driver.build(&account, &batch, &body), ERR_OK);
    assert_int_equal(digest_base64_decode(body.data, body.len, &json), ERR_OK);
    unescape(strstr(json.data, "\"content\":\"") + 11, outer);
    assert_int_equal(strncmp(outer, "{\"13800138000\":\"", 16), 0);
    unescape(outer + 16, inner);
    assert_string_equal(inner, text);
    buf_fini(&body);
    buf_fini(&json);
}

/* ---- answers */

static void check_submit(const char *name)
{
    size_t len;
    char *response = slurp(name, "response", &len), *body = strchr(response, '\n') + 1;
    struct carrier_verdict verdict;
    memset(&verdict, 'x', sizeof verdict);
    cloudmas_driver.parse_submit(atoi(response), body, len - (size_t)(body - response), &verdict);
    for (char *blank; (blank = strchr(verdict.code, ' ')) != NULL;)
        *blank = '_';
    char got[256];
    snprintf(got, sizeof got, "%s %s %s\n", outcome_word(verdict.outcome),
             verdict.code[0] ? verdict.code : "-", verdict.batch[0] ? verdict.batch : "-");
    expect(name, got);
    free(response);
}

static void reads_answers(void **state)
{
    (void)state;
    each_case("submit-", check_submit);
}

#define NO_WORDS "Illegalmac nosignid Success anything"

static void knows_every_word(void **state)
{
    (void)state;
    static const struct {
        enum outcome outcome;
        const char *words;
    } table[] = {
        {OUTCOME_ACCOUNT_FAULT, "InvalidUsrOrPwd IllegalMac NoSignId IllegalSignId InvalidMessage "
                                "NOT_WHITE_IP IllegalIpAddress IllegalAp IllegalSpId "
                                "ConflictSignId NoOtSign NotLoadedSign IllegalProtocol "
                                "IllegalUseTemplate IllegalTemplateId "
                                "ParamsAndTemplateDoesNotMatch SenderNotStarted"},
        {OUTCOME_SPLIT, "InvalidMobile DupMobile TooManyMobiles NoMobile ContainBlackList "
                        "ErrGlobalBlackList ErrEcBlackList"},
        {OUTCOME_QUOTA, "PrepayBalanceZero PrepayOperErr dailyMaxNumZero OverDailyMax"},
        {OUTCOME_THROTTLED, "SystemBusy FlowOverLimit QueueOverLimit RequestTooOften InternalError "
                            "FastChNotFound RouteNotFound "
                            "MessageExpired"},
        {OUTCOME_REJECT_TEXT, "ContainSensitiveWord ContainLabsSensitiveWord "
                              "ExceedMaxContentLength LMSDisabled IllegalLMS IllegalMsgfmt"},
        {OUTCOME_AMBIGUOUS, "RequestTimeout TransportError success " NO_WORDS},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char all[512], *rest = all, *word, body[256];
        snprintf(all, sizeof all, "%s", table[i].words);
        while ((word = strsep(&rest, " ")) != NULL) {
            struct carrier_verdict verdict;
            int len = snprintf(body, sizeof body,
                               "{\"msgGroup\":\"\",\"rspcod\":\"%s\",\"success\":false}", word);
            cloudmas_driver.parse_submit(200, body, (size_t)len, &verdict);
            if (verdict.outcome != table[i].outcome)
                fail_msg("%s is %s", word, outcome_word(verdict.outcome));
            assert_string_equal(verdict.code, word);
            assert_string_equal(verdict.batch, "");
            /* who is refused with it can be told why */
            bool is_word = strstr(NO_WORDS, word) == NULL;
            assert_int_equal(cloudmas_driver.word_meaning(word)[0] != '\0', is_word);
        }
    }
}

static void a_huge_answer_is_no_verdict(void **state)
{
    (void)state;
    size_t len = 1 << 20;
    char *body = malloc(len);
    memset(body, ' ', len);
    const char *real = "{\"msgGroup\":\"1\",\"rspcod\":\"success\",\"success\":true}";
    memcpy(body, real, strlen(real));
    struct carrier_verdict verdict;
    cloudmas_driver.parse_submit(200, body, len, &verdict);
    assert_int_equal(verdict.outcome, OUTCOME_AMBIGUOUS);
    cloudmas_driver.parse_submit(200, body, 1000, &verdict);
    assert_int_equal(verdict.outcome, OUTCOME_ACCEPTED);
    free(body);
}

/* ---- pushes */

static const char *time_text(int64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
    return wall_ms ? clock_format_rfc3339(wall_ms, OFFSET_MIN, out) : "-";
}

static void on_report(void *arg, const struct carrier_report *report)
{
    char when[CLOCK_TEXT_SIZE];
    buf_addf(arg, "%s %llu %s %s %s\n", report->batch, (unsigned long long)report->number,
             report->code, report_class_word(report->class_),
             time_text(report->submitted_ms, when));
}

static void on_bad(void *arg, uint64_t number)
{
    if (number)
        buf_addf(arg, "bad %llu\n", (unsigned long long)number);
    else
        buf_add_text(arg, "bad -\n");
}

static void check_report(const char *name)
{
    size_t len;
    char *body = slurp(name, "request", &len);
    struct buf got;
    buf_init(&got, 1 << 16);
    enum err err =
        cloudmas_driver.parse_reports(codes, OFFSET_MIN, body, len, on_report, on_bad, &got);
    if (err) {
        assert_int_equal(err, ERR_INVALID);
        assert_int_equal(got.len, 0); /* nothing was called */
        buf_add_text(&got, "invalid\n");
    }
    expect(name, buf_text(&got));
    buf_fini(&got);
    free(body);
}

static void reads_reports(void **state)
{
    (void)state;
    each_case("report-", check_report);
}

/* What a body says, to the reader of plain reports where it is one, or as the only element of an
 * array, which that reader leaves to the other. */
static void read_push(const char *body, size_t len, bool in_array, struct buf *got)
{
    struct buf push;
    buf_init(&push, 1 << 16);
    if (in_array)
        buf_add_char(&push, '[');
    buf_add(&push, body, len);
    if (in_array)
        buf_add_char(&push, ']');
    enum err err = cloudmas_driver.parse_reports(codes, OFFSET_MIN, push.data, push.len, on_report,
                                                 on_bad, got);
    buf_addf(got, "%d", (int)err);
    buf_fini(&push);
}

static void check_both(const char *body, size_t len)
{
    struct buf plain, other;
    buf_init(&plain, 1 << 16);
    buf_init(&other, 1 << 16);
    read_push(body, len, false, &plain);
    read_push(body, len, true, &other);
    if (strcmp(buf_text(&plain), buf_text(&other)) != 0)
        fail_msg("%.*s: %s, not %s", (int)len, body, buf_text(&plain), buf_text(&other));
    buf_fini(&plain);
    buf_fini(&other);
}

/* A report has two readers. They never disagree: not about a report, and not about one with any
 * byte of it changed or missing. */
static void both_readers_read_alike(void **state)
{
    (void)state;
    static const char *const reports[] = {
        "{\"errorCode\":\"DELIVRD\",\"mobile\":\"13800138000\",\"msgGroup\":\"0823152315001007\","
        "\"reportStatus\":\"CM:0000\",\"submitDate\":\"20261017090100\"}",
        " {\"mgsGroup\" :\t\"7\",\r\n\"mobiles\": \"13800138000,+8613800138001, x\" ,"
        "\"errorCode\":\" CM:2001 \",\"submitDate\":\"2026-10-17 09:01:00\"}\n",
    };
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        size_t len = strlen(reports[i]);
        char body[512];
        check_both(reports[i], len);
        for (size_t at = 0; at < len; at++) {
            memcpy(body, reports[i], len);
            for (int byte = 0; byte < 256; byte++) {
                body[at] = (char)byte;
                check_both(body, len);
            }
            memmove(body + at, reports[i] + at + 1, len - at - 1);
            check_both(body, len - 1);
        }
    }
}

static void on_uplink(void *arg, const struct carrier_uplink *uplink)
{
    char when[CLOCK_TEXT_SIZE];
    buf_addf(arg, "%llu %s %s %s %s\n", (unsigned long long)uplink->number,
             time_text(uplink->sent_ms, when), uplink->service_code[0] ? uplink->service_code : "-",
             uplink->id, uplink->text);
    assert_true(uplink->text_len >= strlen(uplink->text));
}

static void check_uplink(const char *name)
{
    size_t len;
    char *body = slurp(name, "request", &len);
    struct buf got;
    buf_init(&got, 1 << 16);
    enum err err = cloudmas_driver.parse_uplinks(OFFSET_MIN, body, len, on_uplink, on_bad, &got);
    if (err) {
        assert_int_equal(err, ERR_INVALID);
        assert_int_equal(got.len, 0);
        buf_add_text(&got, "invalid\n");
    }
    expect(name, buf_text(&got));
    buf_fini(&got);
    free(body);
}

static void reads_uplinks(void **state)
{
    (void)state;
    each_case("uplink-", check_uplink);
}

static void no_bad(void *arg, uint64_t number)
{
    (void)arg;
    fail_msg("%llu is bad", (unsigned long long)number);
}

static void count_report(void *arg, const struct carrier_report *report)
{
    (void)report;
    ++*(size_t *)arg;
}

static void count_uplink(void *arg, const struct carrier_uplink *uplink)
{
    (void)uplink;
    ++*(size_t *)arg;
}

static void a_push_has_a_limit(void **state)
{
    (void)state;
    for (size_t n = CARRIER_REPORTS_MAX; n <= CARRIER_REPORTS_MAX + 1; n++) {
        struct buf body;
        buf_init(&body, 16 << 20);
        buf_add_text(&body, "{\"msgGroup\":\"1\",\"errorCode\":\"DELIVRD\",\"smsContent\":\"R\","
                            "\"mobiles\":[13800138000");
        for (size_t i = 1; i < n; i++)
            buf_addf(&body, ",%zu", (size_t)13800138000 + i);
        buf_add_text(&body, "]}");
        size_t reports = 0, uplinks = 0;
        enum err expected = n > CARRIER_REPORTS_MAX ? ERR_TOO_BIG : ERR_OK;
        assert_int_equal(cloudmas_driver.parse_reports(codes, OFFSET_MIN, body.data, body.len,
                                                       count_report, no_bad, &reports),
                         expected);
        assert_int_equal(cloudmas_driver.parse_uplinks(OFFSET_MIN, body.data, body.len,
                                                       count_uplink, no_bad, &uplinks),
                         expected);
        assert_int_equal(reports, expected ? 0 : n);
        assert_int_equal(uplinks, expected ? 0 : n);
        buf_fini(&body);
    }
}

/* The id of an uplink stands for its parts and nothing else. */
static void keep_id(void *arg, const struct carrier_uplink *uplink)
{
    memcpy(arg, uplink->id, sizeof uplink->id);
}

static void uplink_ids_are_stable_and_differ(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"mobile\":\"13800138000\",\"smsContent\":\"R\",\"sendTime\":\"2026-10-17 "
        "10:00:00\",\"addSerial\":\"10657\"}",
        "{ \"addSerial\":\"10657\",\"sendTime\":\"2026-10-17 "
        "10:00:00\",\"smsContent\":\"\\u0052\",\"mobile\":\"8613800138000\"}",
        "{\"mobile\":\"13800138001\",\"smsContent\":\"R\",\"sendTime\":\"2026-10-17 "
        "10:00:00\",\"addSerial\":\"10657\"}",
        "{\"mobile\":\"13800138000\",\"smsContent\":\"T\",\"sendTime\":\"2026-10-17 "
        "10:00:00\",\"addSerial\":\"10657\"}",
        "{\"mobile\":\"13800138000\",\"smsContent\":\"R\",\"sendTime\":\"2026-10-17 "
        "10:00:01\",\"addSerial\":\"10657\"}",
        "{\"mobile\":\"13800138000\",\"smsContent\":\"R\",\"sendTime\":\"2026-10-17 "
        "10:00:00\",\"addSerial\":\"106571\"}",
        "{\"mobile\":\"13800138000\",\"smsContent\":\"1R\",\"sendTime\":\"2026-10-17 "
        "10:00:00\",\"addSerial\":\"1065\"}",
    };
    enum { N = sizeof bodies / sizeof bodies[0] };
    char ids[N][41];
    for (size_t i = 0; i < N; i++)
        assert_int_equal(cloudmas_driver.parse_uplinks(OFFSET_MIN, bodies[i], strlen(bodies[i]),
                                                       keep_id, no_bad, ids[i]),
                         ERR_OK);
    assert_string_equal(ids[0], ids[1]); /* the same push, written differently */
    for (size_t i = 2; i < N; i++) {
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(ids[i], ids[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_the_worked_vectors),
        cmocka_unit_test(adds_the_digits_of_the_campaign),
        cmocka_unit_test(refuses_what_the_form_cannot_carry),
        cmocka_unit_test(appends_and_respects_the_ceiling),
        cmocka_unit_test(every_sign_survives_both_levels),
        cmocka_unit_test(reads_answers),
        cmocka_unit_test(knows_every_word),
        cmocka_unit_test(a_huge_answer_is_no_verdict),
        cmocka_unit_test(reads_reports),
        cmocka_unit_test(both_readers_read_alike),
        cmocka_unit_test(reads_uplinks),
        cmocka_unit_test(a_push_has_a_limit),
        cmocka_unit_test(uplink_ids_are_stable_and_differ),
    };
    return cmocka_run_group_tests(tests, load_codes, free_codes);
}
