/* Cloud MAS, HTTP v2: bytes out, bytes in.
 *
 * A request is one flat JSON object, UTF-8, in base64 on one line:
 *
 *   {"ecName":"…","apId":"…","mobiles":"13800138000,13800138001","content":"…","sign":"…","addSerial":"","mac":"…"}
 *
 * mac is the MD5 of ecName + apId + secretKey + mobiles + content + sign + addSerial, of the values
 * as the server sees them after decoding: `mobiles` is hashed where it stands in the JSON (digits
 * and commas need no escapes), texts are hashed before they are escaped. In the personalised form
 * mobiles is empty and content is itself a JSON object {"number":"text",…} as a string, so texts
 * are escaped once for it and once more for the outer object. addSerial is always there: without it
 * the platform answers InvalidUsrOrPwd.
 *
 * The answer is JSON {"msgGroup":"…","rspcod":"success","success":true}. Pushed status reports and
 * uplinks are JSON, an object or an array of them, without a signature. */
#include "carrier/cloudmas.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/numbers.h"
#include "carrier/codes.h"
#include "carrier/mend.h"
#include "carrier/plainjson.h"
#include "sms/mobile.h"

#define SAME_MAX                                                                                   \
    4999 /* 5000 is the platform's limit, and published clients differ on whether it is included   \
          */
#define PERSONAL_MAX 1000
#define REQUEST_MAX_BYTES 8388608
#define ANSWER_MAX_BYTES 65536 /* of a submit answer; a real one has a hundred */
#define PUSH_MAX_BYTES 8388608
#define ADD_SERIAL_SIZE 32    /* the account's digits and the campaign's; the carrier takes 15 */
#define MOBILE_COMMA_BYTES 12 /* a number and the comma behind it */
#define NUMBER_MIN UINT64_C(10000000000)
#define NUMBER_MAX UINT64_C(19999999999)

/* ---- building */

/* What each byte becomes inside a JSON string: 0 itself, 'u' \u00xx, else a backslash and this. */
static const char json_escape[256] = {
    [0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u',  [0x04] = 'u', [0x05] = 'u',
    [0x06] = 'u', [0x07] = 'u', [0x08] = 'b', [0x09] = 't',  [0x0a] = 'n', [0x0b] = 'u',
    [0x0c] = 'f', [0x0d] = 'r', [0x0e] = 'u', [0x0f] = 'u',  [0x10] = 'u', [0x11] = 'u',
    [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',  [0x16] = 'u', [0x17] = 'u',
    [0x18] = 'u', [0x19] = 'u', [0x1a] = 'u', [0x1b] = 'u',  [0x1c] = 'u', [0x1d] = 'u',
    [0x1e] = 'u', [0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

/* The inside of a JSON string, without its quotes. */
static void add_escaped(struct buf *out, const char *text, size_t len)
{
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        char escape = json_escape[(unsigned char)text[i]];
        if (!escape)
            continue;
        buf_add(out, text + start, i - start);
        start = i + 1;
        if (escape == 'u') {
            buf_addf(out, "\\u%04x", (unsigned char)text[i]);
        } else {
            buf_add_char(out, '\\');
            buf_add_char(out, escape);
        }
    }
    buf_add(out, text + start, len - start);
}

static bool is_utf8(const char *text, size_t len)
{
    size_t at = 0, bytes;
    while (at < len && (bytes = mend_utf8_bytes(text + at, len - at)))
        at += bytes;
    return at == len;
}

static void write_digits(char *to, uint64_t number)
{
    for (int i = MOBILE_DIGITS; i-- > 0; number /= 10)
        to[i] = (char)('0' + number % 10);
}

/* Every number is one, and none stands twice: the platform would refuse the request, or in the
 * personalised form keep only one of the two texts and count both as sent. */
static enum err check_numbers(const uint64_t *numbers, size_t n)
{
    bool ascending = true;
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] < NUMBER_MIN || numbers[i] > NUMBER_MAX)
            return ERR_INVALID;
        ascending = ascending && (i == 0 || numbers[i] > numbers[i - 1]);
    }
    if (ascending)
        return ERR_OK;
    uint64_t *sorted = malloc(n * sizeof *sorted);
    if (!sorted)
        return ERR_NOMEM;
    memcpy(sorted, numbers, n * sizeof *sorted);
    numbers_sort(sorted, n);
    enum err err = ERR_OK;
    for (size_t i = 1; i < n && !err; i++)
        err = sorted[i] == sorted[i - 1] ? ERR_INVALID : ERR_OK;
    free(sorted);
    return err;
}

static bool is_text(const char *text)
{
    return text && text[0] && is_utf8(text, strlen(text));
}

static enum err check_batch(const struct carrier_batch *batch)
{
    assert((batch->text != NULL) != (batch->texts != NULL));
    if (batch->n == 0 || batch->n > (batch->text ? SAME_MAX : PERSONAL_MAX))
        return ERR_INVALID;
    if (batch->text && !is_text(batch->text))
        return ERR_INVALID;
    for (size_t i = 0; batch->texts && i < batch->n; i++) {
        if (!is_text(batch->texts[i]))
            return ERR_INVALID;
    }
    return check_numbers(batch->numbers, batch->n);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void add_field(struct buf *json, const char *key, const char *value)
{
    buf_add_text(json, key);
    add_escaped(json, value, strlen(value));
    buf_add_char(json, '"');
}

/* "13800138000,13800138001" */
static void add_mobiles(struct buf *json, const uint64_t *numbers, size_t n)
{
    char *to = buf_room(json, n * MOBILE_COMMA_BYTES);
    if (!to)
        return;
    for (size_t i = 0; i < n; i++, to += MOBILE_COMMA_BYTES) {
        write_digits(to, numbers[i]);
        to[MOBILE_DIGITS] = ',';
    }
    json->len += n * MOBILE_COMMA_BYTES - 1; /* without the last comma */
}

/* {"13800138000":"text","13800138001":"text"} */
static void add_personal_content(struct buf *content, const struct carrier_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        char key[] = "{\"ddddddddddd\":\"";
        key[0] = i == 0 ? '{' : ',';
        write_digits(key + 2, batch->numbers[i]);
        buf_add(content, key, sizeof key - 1);
        add_escaped(content, batch->texts[i], strlen(batch->texts[i]));
        buf_add_char(content, '"');
    }
    buf_add_char(content, '}');
}

struct fields {
    const char *ec_name, *ap_id, *secret_key, *content, *sign, *add_serial;
    size_t content_len;
};

static struct digest_part part(const char *text)
{
    return (struct digest_part){text, strlen(text)};
}

static void add_json(struct buf *json, const struct fields *f, bool send_secret,
                     const struct carrier_batch *batch)
{
    add_field(json, "{\"ecName\":\"", f->ec_name);
    add_field(json, ",\"apId\":\"", f->ap_id);
    if (send_secret)
        add_field(json, ",\"secretKey\":\"", f->secret_key);
    buf_add_text(json, ",\"mobiles\":\"");
    size_t mobiles_at = json->len;
    if (batch->text)
        add_mobiles(json, batch->numbers, batch->n);
    size_t mobiles_len = json->len - mobiles_at;
    buf_add_text(json, "\",\"content\":\"");
    add_escaped(json, f->content, f->content_len);
    add_field(json, "\",\"sign\":\"", f->sign);
    add_field(json, ",\"addSerial\":\"", f->add_serial);
    if (json->failed)
        return;
    const struct digest_part parts[] = {part(f->ec_name),
                                        part(f->ap_id),
                                        part(f->secret_key),
                                        {json->data + mobiles_at, mobiles_len},
                                        {f->content, f->content_len},
                                        part(f->sign),
                                        part(f->add_serial)};
    char mac[DIGEST_MD5_HEX];
    digest_md5_hex(parts, sizeof parts / sizeof parts[0], mac);
    add_field(json, ",\"mac\":\"", mac);
    buf_add_char(json, '}');
}

static enum err build(const struct settings_carrier *carrier, const struct carrier_batch *batch,
                      struct buf *body)
{
    char add_serial[ADD_SERIAL_SIZE];
    enum err err = check_batch(batch);
    if (err)
        return err;
    int n = snprintf(add_serial, sizeof add_serial, "%s%s", or_empty(carrier->add_serial),
                     or_empty(batch->add_serial));
    if (n < 0 || (size_t)n >= sizeof add_serial)
        return ERR_INVALID;
    struct fields fields = {.ec_name = or_empty(carrier->ec_name),
                            .ap_id = or_empty(carrier->ap_id),
                            .secret_key = or_empty(carrier->secret_key),
                            .sign = or_empty(carrier->sign_code),
                            .add_serial = add_serial};
    struct buf json, content;
    buf_init(&json, REQUEST_MAX_BYTES);
    buf_init(&content, REQUEST_MAX_BYTES);
    if (batch->texts)
        add_personal_content(&content, batch);
    fields.content = batch->text ? batch->text : buf_text(&content);
    fields.content_len = batch->text ? strlen(batch->text) : content.len;
    if (!content.failed)
        add_json(&json, &fields, carrier->send_secret, batch);
    if (!content.failed && !json.failed)
        digest_base64(json.data, json.len, body);
    err = content.failed || json.failed ? ERR_NOMEM : buf_check(body);
    buf_fini(&json);
    buf_fini(&content);
    return err;
}

/* ---- reading the answer to a submit */

static const struct word {
    const char *word;
    enum outcome outcome;
    const char *meaning; /* for the row of who was refused with it */
} words[] = {
    {"success", OUTCOME_ACCEPTED, "平台已接收"},
    {"0000", OUTCOME_ACCEPTED, "平台已接收"},
    /* The account, its addresses or its signature; or a mistake of ours that every request would
       repeat. */
    {"InvalidUsrOrPwd", OUTCOME_ACCOUNT_FAULT, "接口账号或密码不对"},
    {"IllegalMac", OUTCOME_ACCOUNT_FAULT, "请求校验码不对"},
    {"NoSignId", OUTCOME_ACCOUNT_FAULT, "没有对应的签名"},
    {"IllegalSignId", OUTCOME_ACCOUNT_FAULT, "签名编码不对"},
    {"InvalidMessage", OUTCOME_ACCOUNT_FAULT, "请求内容不完整或格式不对"},
    {"NOT_WHITE_IP", OUTCOME_ACCOUNT_FAULT, "本机地址不在平台的白名单"},
    {"IllegalIpAddress", OUTCOME_ACCOUNT_FAULT, "本机地址不被平台允许"},
    {"IllegalAp", OUTCOME_ACCOUNT_FAULT, "接口账号无效"},
    {"IllegalSpId", OUTCOME_ACCOUNT_FAULT, "企业账号无效"},
    {"ConflictSignId", OUTCOME_ACCOUNT_FAULT, "签名编码冲突"},
    {"NoOtSign", OUTCOME_ACCOUNT_FAULT, "没有异网（其他运营商）签名"},
    {"NotLoadedSign", OUTCOME_ACCOUNT_FAULT, "签名尚未在平台生效"},
    {"IllegalProtocol", OUTCOME_ACCOUNT_FAULT, "账号不允许用这种接口"},
    {"IllegalUseTemplate", OUTCOME_ACCOUNT_FAULT, "账号不允许用模板"},
    {"IllegalTemplateId", OUTCOME_ACCOUNT_FAULT, "模板编号不对"},
    {"ParamsAndTemplateDoesNotMatch", OUTCOME_ACCOUNT_FAULT, "参数与模板不符"},
    {"SenderNotStarted", OUTCOME_ACCOUNT_FAULT, "平台的发送服务没有启动"},
    /* Somebody in the batch, and the platform does not say who. */
    {"InvalidMobile", OUTCOME_SPLIT, "号码无效"},
    {"DupMobile", OUTCOME_SPLIT, "同一请求里号码重复"},
    {"TooManyMobiles", OUTCOME_SPLIT, "一次提交的号码太多"},
    {"NoMobile", OUTCOME_SPLIT, "请求里没有号码"},
    {"ContainBlackList", OUTCOME_SPLIT, "号码在平台黑名单里"},
    {"ErrGlobalBlackList", OUTCOME_SPLIT, "号码在全局黑名单里"},
    {"ErrEcBlackList", OUTCOME_SPLIT, "号码在本企业黑名单里"},
    /* Money and daily limits. */
    {"PrepayBalanceZero", OUTCOME_QUOTA, "预付费余额用完"},
    {"PrepayOperErr", OUTCOME_QUOTA, "预付费扣款失败"},
    {"dailyMaxNumZero", OUTCOME_QUOTA, "当日可发数量为零"},
    {"OverDailyMax", OUTCOME_QUOTA, "超过当日可发数量"},
    /* Not now. MessageExpired ends this attempt only. */
    {"SystemBusy", OUTCOME_THROTTLED, "平台繁忙"},
    {"FlowOverLimit", OUTCOME_THROTTLED, "超过平台流量限制"},
    {"QueueOverLimit", OUTCOME_THROTTLED, "平台队列已满"},
    {"RequestTooOften", OUTCOME_THROTTLED, "请求太频繁"},
    {"InternalError", OUTCOME_THROTTLED, "平台内部错误"},
    {"FastChNotFound", OUTCOME_THROTTLED, "平台没有可用的快速通道"},
    {"RouteNotFound", OUTCOME_THROTTLED, "平台没有可用的路由"},
    {"MessageExpired", OUTCOME_THROTTLED, "消息在平台上过期"},
    /* The text. */
    {"ContainSensitiveWord", OUTCOME_REJECT_TEXT, "内容含敏感词"},
    {"ContainLabsSensitiveWord", OUTCOME_REJECT_TEXT, "内容含敏感词（平台检测）"},
    {"ExceedMaxContentLength", OUTCOME_REJECT_TEXT, "内容太长"},
    {"LMSDisabled", OUTCOME_REJECT_TEXT, "账号没有开通长短信"},
    {"IllegalLMS", OUTCOME_REJECT_TEXT, "长短信格式不对"},
    {"IllegalMsgfmt", OUTCOME_REJECT_TEXT, "消息编码不对"},
    /* The platform itself does not know. */
    {"RequestTimeout", OUTCOME_AMBIGUOUS, "平台处理超时，结果不明"},
    {"TransportError", OUTCOME_AMBIGUOUS, "平台传输出错，结果不明"},
};

static const struct word *find_word(const char *text)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, text) == 0)
            return &words[i];
    }
    return NULL;
}

static enum outcome outcome_of(const char *text)
{
    const struct word *word = find_word(text);
    return word ? word->outcome : OUTCOME_AMBIGUOUS;
}

static const char *word_meaning(const char *text)
{
    const struct word *word = find_word(text);
    return word ? word->meaning : "";
}

/* Copies a word of the carrier: cut at a character's border, control characters as '?'. */
static void copy_word(char *out, size_t size, const char *word, size_t len)
{
    if (len > size - 1) {
        len = size - 1;
        while (len > 0 && ((unsigned char)word[len] & 0xc0) == 0x80)
            len--;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = word[i];
        if ((unsigned char)word[i] < 0x20 || word[i] == 0x7f)
            out[i] = '?';
    }
    out[len] = '\0';
}

/* Whether the validation passed: 1 yes, 0 no, -1 not told. */
static int read_success(const json_t *object)
{
    const json_t *value = json_object_get(object, "success");
    if (json_is_boolean(value))
        return json_is_true(value);
    const char *text = json_string_value(value);
    if (!text)
        return -1;
    return strcasecmp(text, "true") == 0 ? 1 : strcasecmp(text, "false") == 0 ? 0 : -1;
}

static void read_verdict(const json_t *answer, struct carrier_verdict *verdict)
{
    const json_t *word = json_object_get(answer, "rspcod"),
                 *group = json_object_get(answer, "msgGroup");
    if (!json_is_string(group))
        group = json_object_get(answer, "mgsGroup"); /* the platform's own misspelling */
    if (json_is_string(group) && json_string_length(group) < sizeof verdict->batch)
        copy_word(verdict->batch, sizeof verdict->batch, json_string_value(group),
                  json_string_length(group));
    if (!json_is_string(word))
        return;
    copy_word(verdict->code, sizeof verdict->code, json_string_value(word),
              json_string_length(word));
    enum outcome outcome = outcome_of(json_string_value(word));
    int success = read_success(answer);
    /* The parts must agree. An accepted request has an id, without which no report could be
     * matched. */
    bool accepted = outcome == OUTCOME_ACCEPTED;
    if (accepted ? success == 1 && verdict->batch[0] : success != 1)
        verdict->outcome = outcome;
}

static size_t bom_bytes(const char *body, size_t len)
{
    return len >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* JSON, perhaps behind a BOM. NULL: it is not, or it is too long. */
static json_t *load(const char *body, size_t len, size_t max_bytes, size_t flags,
                    json_error_t *error)
{
    memset(error, 0, sizeof *error);
    if (len > max_bytes)
        return NULL;
    size_t bom = bom_bytes(body, len);
    return json_loadb(body + bom, len - bom, JSON_REJECT_DUPLICATES | flags, error);
}

static void parse_submit(int http_status, const char *body, size_t len,
                         struct carrier_verdict *verdict)
{
    *verdict = (struct carrier_verdict){.outcome = OUTCOME_AMBIGUOUS};
    if (http_status < 200 || http_status > 299) {
        snprintf(verdict->code, sizeof verdict->code, "HTTP %d", http_status);
        if (http_status == 429)
            verdict->outcome = OUTCOME_THROTTLED;
        return;
    }
    json_error_t error;
    json_t *answer = load(body, len, ANSWER_MAX_BYTES, 0, &error);
    if (json_is_object(answer))
        read_verdict(answer, verdict);
    json_decref(answer);
}

/* ---- reading pushes */

/* An object, or each of an array of them; a push may come either way. */
static size_t items_n(const json_t *root)
{
    return json_is_array(root) ? json_array_size(root) : json_is_object(root) ? 1 : 0;
}

static const json_t *item_at(const json_t *root, size_t i)
{
    return json_is_array(root) ? json_array_get(root, i) : root;
}

static bool parse_number(const char *text, size_t len, uint64_t *number)
{
    return mobile_parse(text, len, number) == MOBILE_OK;
}

/* Calls `on_number` for each number of a record: `mobile` or `mobiles`; a string (also with
 * commas), an integer, or an array of those. With 0 for what stands where a number should, and once
 * when there is nothing. */
typedef void number_fn(void *arg, uint64_t number);

static void numbers_of_text(const char *text, size_t len, number_fn *on_number, void *arg)
{
    const char *at = text, *end = text + len;
    while (at <= end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        uint64_t number = 0;
        bool is_number = parse_number(at, (size_t)(stop - at), &number);
        on_number(arg, is_number ? number : 0);
        at = stop + 1;
    }
}

static void numbers_of(const json_t *value, number_fn *on_number, void *arg)
{
    if (json_is_string(value)) {
        numbers_of_text(json_string_value(value), json_string_length(value), on_number, arg);
        return;
    }
    if (json_is_integer(value)) {
        json_int_t integer = json_integer_value(value);
        bool is_number = integer >= (json_int_t)NUMBER_MIN && integer <= (json_int_t)NUMBER_MAX;
        on_number(arg, is_number ? (uint64_t)integer : 0);
        return;
    }
    size_t n = json_is_array(value) ? json_array_size(value) : 0;
    if (n == 0)
        on_number(arg, 0);
    for (size_t i = 0; i < n; i++) {
        const json_t *element = json_array_get(value, i);
        numbers_of(json_is_array(element) ? NULL : element, on_number, arg);
    }
}

static void count_good(void *arg, uint64_t number)
{
    size_t *good = arg;
    *good += number != 0;
}

/* What a push may be, by how many records of it are good: a bad one must not take an opt-out beside
 * it along, but where none is good the carrier shall hear of it. */
static enum err check_good(size_t good)
{
    return good == 0 ? ERR_INVALID : good > CARRIER_REPORTS_MAX ? ERR_TOO_BIG : ERR_OK;
}

static const json_t *mobiles_of(const json_t *item)
{
    const json_t *mobile = json_object_get(item, "mobile");
    return mobile && !json_is_null(mobile) ? mobile : json_object_get(item, "mobiles");
}

/* A pushed report, as one of the two readers has it. */
struct pushed {
    const json_t *json;
    const struct plainjson *plain; /* NULL: it is in json */
};

/* A text field: "" when it is absent or null. false: it is something else. */
static bool text_field(const json_t *item, const char *key, const char **text, size_t *len)
{
    const json_t *value = json_object_get(item, key);
    *text = "";
    *len = 0;
    if (!value || json_is_null(value))
        return true;
    if (!json_is_string(value))
        return false;
    *text = json_string_value(value);
    *len = json_string_length(value);
    return true;
}

static bool pushed_text(const struct pushed *pushed, const char *key, const char **text,
                        size_t *len)
{
    if (!pushed->plain)
        return text_field(pushed->json, key, text, len);
    const struct plainjson_member *member = plainjson_find(pushed->plain, key);
    *text = member ? member->text : "";
    *len = member ? member->text_len : 0;
    return true;
}

static void pushed_numbers(const struct pushed *pushed, number_fn *on_number, void *arg)
{
    if (!pushed->plain) {
        numbers_of(mobiles_of(pushed->json), on_number, arg);
        return;
    }
    const struct plainjson_member *member = plainjson_find(pushed->plain, "mobile");
    if (!member)
        member = plainjson_find(pushed->plain, "mobiles");
    if (member)
        numbers_of_text(member->text, member->text_len, on_number, arg);
    else
        on_number(arg, 0);
}

/* 0 when it is not told, or not told well. Reports say 20261017090000, uplinks 2026-10-17 09:00:00,
 * and there are exceptions. */
static int64_t read_time(const char *told, size_t len, int utc_offset_min)
{
    int64_t wall_ms = 0;
    char text[CLOCK_TEXT_SIZE];
    if (len >= sizeof text)
        return 0;
    memcpy(text, told, len);
    text[len] = '\0';
    if (clock_parse_compact(text, utc_offset_min, &wall_ms) == ERR_OK)
        return wall_ms;
    return clock_parse(text, utc_offset_min, &wall_ms) == ERR_OK ? wall_ms : 0;
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && **text == ' ') {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && (*text)[*len - 1] == ' ')
        (*len)--;
}

/* carrier-apis.md 2.2. Delivered is only what the gateway's own code says (or the platform's, when
 * there is no other). Otherwise the first code that a table knows, the gateway's first; but when
 * the gateway's is unknown, "on its way" or "delivered" from the platform does not explain it away.
 */
static void classify(const struct codes *codes, const char *error, const char *status,
                     struct carrier_report *report)
{
    enum report_class by_error = error[0] ? codes_class(codes, error) : REPORT_UNKNOWN;
    enum report_class by_status = status[0] ? codes_class(codes, status) : REPORT_UNKNOWN;
    bool use_status = !error[0];
    if (error[0] && by_error == REPORT_UNKNOWN)
        use_status = by_status != REPORT_UNKNOWN && by_status != REPORT_INTERMEDIATE &&
                     by_status != REPORT_DELIVERED;
    report->class_ = use_status ? by_status : by_error;
    memcpy(report->code, use_status ? status : error, sizeof report->code);
}

/* Everything but the number. */
static enum err read_report(const struct codes *codes, int utc_offset_min,
                            const struct pushed *pushed, struct carrier_report *report)
{
    const char *batch, *error, *status, *submitted;
    size_t batch_len, error_len, status_len, submitted_len;
    if ((!pushed->plain && !json_is_object(pushed->json)) ||
        !pushed_text(pushed, "msgGroup", &batch, &batch_len) ||
        !pushed_text(pushed, "errorCode", &error, &error_len) ||
        !pushed_text(pushed, "reportStatus", &status, &status_len) ||
        !pushed_text(pushed, "submitDate", &submitted, &submitted_len))
        return ERR_INVALID;
    if (batch_len == 0)
        pushed_text(pushed, "mgsGroup", &batch, &batch_len);
    trim(&error, &error_len);
    trim(&status, &status_len);
    *report = (struct carrier_report){.submitted_ms =
                                          read_time(submitted, submitted_len, utc_offset_min)};
    if (batch_len == 0 || batch_len >= sizeof report->batch || (error_len == 0 && status_len == 0))
        return ERR_INVALID;
    copy_word(report->batch, sizeof report->batch, batch, batch_len);
    char error_code[sizeof report->code] = "", status_code[sizeof report->code] = "";
    copy_word(error_code, sizeof error_code, error, error_len);
    copy_word(status_code, sizeof status_code, status, status_len);
    classify(codes, error_code, status_code, report);
    return ERR_OK;
}

struct report_sink {
    struct carrier_report *report;
    void (*on_report)(void *arg, const struct carrier_report *report);
    carrier_bad_fn *on_bad;
    void *arg;
};

static void give_report(void *arg, uint64_t number)
{
    struct report_sink *sink = arg;
    if (number == 0) {
        sink->on_bad(sink->arg, 0);
        return;
    }
    sink->report->number = number;
    sink->on_report(sink->arg, sink->report);
}

/* The sign, with blanks around it. */
static bool take_sign(const char **at, const char *end, char sign)
{
    static const char blanks[] = " \t\r\n";
    while (*at < end && memchr(blanks, **at, sizeof blanks - 1))
        (*at)++;
    if (*at == end || **at != sign)
        return false;
    for ((*at)++; *at < end && memchr(blanks, **at, sizeof blanks - 1);)
        (*at)++;
    return true;
}

/* The value at `at`, which is moved behind it. One in which a name stands twice is null: nobody
 * knows which of the two was meant. NULL: no JSON. */
static json_t *load_value(const char **at, const char *end, size_t flags)
{
    json_error_t error;
    size_t len = (size_t)(end - *at), one = JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | flags;
    json_t *value = json_loadb(*at, len, JSON_REJECT_DUPLICATES | one, &error);
    if (!value && json_error_code(&error) == json_error_duplicate_key) {
        value = json_loadb(*at, len, one, &error); /* to learn where it ends */
        if (value) {
            json_decref(value);
            value = json_null();
        }
    }
    if (value)
        *at += error.position;
    return value;
}

/* An array with a name twice in one of its records: that one is bad, the others are read. */
static json_t *load_apart(const char *text, size_t len, size_t flags)
{
    const char *at = text, *end = text + len;
    json_t *records = json_array();
    bool is_array = take_sign(&at, end, '[');
    while (is_array) {
        json_t *record = load_value(&at, end, flags);
        is_array = record && json_array_append_new(records, record) == 0;
        if (!is_array || !take_sign(&at, end, ','))
            break;
    }
    if (is_array && take_sign(&at, end, ']') && at == end)
        return records;
    json_decref(records);
    return NULL;
}

/* A push as it is, or but for records with a name twice. */
static json_t *load_records(const char *text, size_t len, size_t max_bytes, size_t flags)
{
    json_error_t error;
    json_t *root = load(text, len, max_bytes, flags, &error);
    if (!root && json_error_code(&error) == json_error_duplicate_key) {
        size_t bom = bom_bytes(text, len);
        root = load_apart(text + bom, len - bom, flags);
    }
    return root;
}

/* A push that is no JSON because of what a handset sent, read as far as it can be. The carrier
 * would push it again as it is until it gives up, and with it the opt-outs beside it. `nul`: NUL is
 * replaced too. */
static json_t *load_mended(const char *body, size_t len, bool nul, size_t flags)
{
    json_t *root = NULL;
    struct buf mended;
    if (len > PUSH_MAX_BYTES)
        return NULL;
    buf_init(&mended, MEND_GROWTH * PUSH_MAX_BYTES);
    if (mend_json(body, len, nul, &mended) == ERR_OK)
        root = load_records(buf_text(&mended), mended.len, MEND_GROWTH * PUSH_MAX_BYTES, flags);
    buf_fini(&mended);
    return root;
}

/* NULL: not JSON, or JSON of another shape. */
static json_t *load_push(const char *body, size_t len, size_t flags)
{
    json_t *root = load_records(body, len, PUSH_MAX_BYTES, flags);
    /* NUL stays in a text as long as it can: the id of an uplink is made of its text. */
    if (!root && (flags & JSON_ALLOW_NUL))
        root = load_mended(body, len, false, flags);
    if (!root)
        root = load_mended(body, len, true, flags);
    if (items_n(root) > 0)
        return root;
    json_decref(root);
    return NULL;
}

static enum err parse_plain_report(const struct codes *codes, int utc_offset_min,
                                   const struct plainjson *plain, struct report_sink *sink)
{
    const struct pushed pushed = {.plain = plain};
    size_t good = 0;
    if (read_report(codes, utc_offset_min, &pushed, sink->report) == ERR_OK)
        pushed_numbers(&pushed, count_good, &good);
    enum err err = check_good(good);
    if (!err)
        pushed_numbers(&pushed, give_report, sink);
    return err;
}

static enum err parse_reports(const struct codes *codes, int utc_offset_min, const char *body,
                              size_t len,
                              void (*on_report)(void *arg, const struct carrier_report *report),
                              carrier_bad_fn *on_bad, void *arg)
{
    struct carrier_report report;
    struct report_sink sink = {&report, on_report, on_bad, arg};
    struct plainjson plain;
    if (plainjson_read(body, len, &plain))
        return parse_plain_report(codes, utc_offset_min, &plain, &sink);
    json_t *root = load_push(body, len, 0);
    if (!root)
        return ERR_INVALID;
    size_t n = items_n(root), good = 0;
    for (size_t i = 0; i < n; i++) { /* all of it, before the first is given away */
        const struct pushed pushed = {.json = item_at(root, i)};
        if (read_report(codes, utc_offset_min, &pushed, &report) == ERR_OK)
            pushed_numbers(&pushed, count_good, &good);
    }
    enum err err = check_good(good);
    for (size_t i = 0; i < n && !err; i++) {
        const struct pushed pushed = {.json = item_at(root, i)};
        /* one by itself is already read, and good */
        bool is_good = n == 1 || read_report(codes, utc_offset_min, &pushed, &report) == ERR_OK;
        if (is_good)
            pushed_numbers(&pushed, give_report, &sink);
        else
            pushed_numbers(&pushed, on_bad, arg);
    }
    json_decref(root);
    return err;
}

struct uplink_fields {
    const char *text, *time, *code;
    size_t text_len, time_len, code_len;
};

static enum err read_uplink(const json_t *item, struct uplink_fields *f)
{
    if (!json_is_object(item) || !json_is_string(json_object_get(item, "smsContent")) ||
        !text_field(item, "smsContent", &f->text, &f->text_len) ||
        !text_field(item, "sendTime", &f->time, &f->time_len) ||
        !text_field(item, "addSerial", &f->code, &f->code_len))
        return ERR_INVALID;
    return ERR_OK;
}

struct uplink_sink {
    const struct uplink_fields *fields;
    int utc_offset_min;
    void (*on_uplink)(void *arg, const struct carrier_uplink *uplink);
    carrier_bad_fn *on_bad;
    void *arg;
};

/* There is no message id: the same push again has the same parts. Each part but the last ends with
 * a line feed, so that no two different sets of parts make the same bytes. */
static void give_uplink(void *arg, uint64_t number)
{
    struct uplink_sink *sink = arg;
    if (number == 0) {
        sink->on_bad(sink->arg, 0);
        return;
    }
    const struct uplink_fields *f = sink->fields;
    struct carrier_uplink uplink = {.number = number,
                                    .text = f->text,
                                    .text_len = f->text_len,
                                    .sent_ms =
                                        read_time(f->time, f->time_len, sink->utc_offset_min)};
    copy_word(uplink.service_code, sizeof uplink.service_code, f->code, f->code_len);
    char digits[MOBILE_TEXT_SIZE];
    mobile_format(number, digits);
    const struct digest_part parts[] = {
        {digits, MOBILE_DIGITS}, {"\n", 1}, {f->time, f->time_len}, {"\n", 1},
        {f->code, f->code_len},  {"\n", 1}, {f->text, f->text_len}};
    digest_sha1_hex(parts, sizeof parts / sizeof parts[0], uplink.id);
    sink->on_uplink(sink->arg, &uplink);
}

static enum err parse_uplinks(int utc_offset_min, const char *body, size_t len,
                              void (*on_uplink)(void *arg, const struct carrier_uplink *uplink),
                              carrier_bad_fn *on_bad, void *arg)
{
    /* A text may hold anything a handset can send, a NUL too; what reads it goes by its length. */
    json_t *root = load_push(body, len, JSON_ALLOW_NUL);
    if (!root)
        return ERR_INVALID;
    struct uplink_fields fields;
    size_t n = items_n(root), good = 0;
    for (size_t i = 0; i < n; i++) {
        if (read_uplink(item_at(root, i), &fields) == ERR_OK)
            numbers_of(mobiles_of(item_at(root, i)), count_good, &good);
    }
    enum err err = check_good(good);
    struct uplink_sink sink = {&fields, utc_offset_min, on_uplink, on_bad, arg};
    for (size_t i = 0; i < n && !err; i++) {
        const json_t *item = item_at(root, i);
        bool is_good = n == 1 || read_uplink(item, &fields) == ERR_OK; /* as of reports */
        if (is_good)
            numbers_of(mobiles_of(item), give_uplink, &sink);
        else
            numbers_of(mobiles_of(item), on_bad, arg);
    }
    json_decref(root);
    return err;
}

const struct carrier_driver cloudmas_driver = {
    .name = "cloudmas",
    .batch_max_same = SAME_MAX,
    .batch_max_personal = PERSONAL_MAX,
    .content_type = "application/json;charset=UTF-8",
    .build = build,
    .parse_submit = parse_submit,
    .word_meaning = word_meaning,
    .parse_reports = parse_reports,
    .parse_uplinks = parse_uplinks,
    .ack_body = "{\"success\":true}",
    .ack_content_type = "application/json;charset=UTF-8",
};
