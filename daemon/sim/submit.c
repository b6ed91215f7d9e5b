/* The order of the checks is the platform's as far as it shows: form, account, MAC, signature,
 * text, numbers. */
#include "sim/submit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "sim/flat.h"

#define BODY_MAX ((size_t)4 * 1024 * 1024)
#define MOBILE_DIGITS 11
#define SEEN_SLOTS 16384 /* power of two, three times the largest request */

enum field {
    FIELD_EC_NAME,
    FIELD_AP_ID,
    FIELD_SECRET_KEY,
    FIELD_MOBILES,
    FIELD_CONTENT,
    FIELD_SIGN,
    FIELD_ADD_SERIAL,
    FIELD_MAC,
    FIELD_COUNT
};
static const char *const field_names[FIELD_COUNT] = {"ecName",  "apId", "secretKey", "mobiles",
                                                     "content", "sign", "addSerial", "mac"};

struct slot {
    uint64_t mobile;
    uint32_t request; /* the slot counts only for the request with this stamp */
};

struct submit {
    struct submit_account account;
    struct buf json;
    struct flat_text fields[FIELD_COUNT]; /* bytes NULL: absent */
    uint64_t mobiles[SUBMIT_MOBILES_MAX];
    size_t n;
    struct flat_text texts[SUBMIT_PERSONAL_MAX]; /* of the personalised form */
    bool ascending;                              /* no number of this request can be there twice */
    uint32_t request;
    struct slot seen[SEEN_SLOTS];
    const char *refusal; /* by which read_pair ended */
};

enum err submit_new(const struct submit_account *account, struct submit **submit)
{
    *submit = calloc(1, sizeof **submit);
    if (!*submit) {
        return ERR_NOMEM;
    }
    (*submit)->account = *account;
    buf_init(&(*submit)->json, BODY_MAX);
    return ERR_OK;
}

void submit_free(struct submit *submit)
{
    if (submit) {
        buf_fini(&submit->json);
        free(submit);
    }
}

static bool text_is(struct flat_text text, const char *wanted)
{
    return text.len == strlen(wanted) && memcmp(text.bytes, wanted, text.len) == 0;
}

/* A field given twice is a mistake of the client that a test should see; fields nobody knows are
 * passed over. */
static enum err take_field(void *arg, struct flat_text key, struct flat_text value)
{
    struct submit *submit = arg;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (text_is(key, field_names[i])) {
            if (submit->fields[i].bytes) {
                return ERR_INVALID;
            }
            submit->fields[i] = value;
            return ERR_OK;
        }
    }
    return ERR_OK;
}

static bool mac_is_right(const struct submit *submit)
{
    static const enum field order[] = {FIELD_MOBILES, FIELD_CONTENT, FIELD_SIGN, FIELD_ADD_SERIAL};
    const struct submit_account *account = &submit->account;
    struct digest_part parts[7] = {{account->ec_name, strlen(account->ec_name)},
                                   {account->ap_id, strlen(account->ap_id)},
                                   {account->secret, strlen(account->secret)}};
    for (size_t i = 0; i < 4; i++) {
        parts[3 + i] =
            (struct digest_part){submit->fields[order[i]].bytes, submit->fields[order[i]].len};
    }
    char mac[DIGEST_MD5_HEX];
    digest_md5_hex(parts, 7, mac);
    return text_is(submit->fields[FIELD_MAC], mac);
}

/* The account, the MAC and the signature. gives: the word of the refusal, NULL when all is well */
static const char *check_account(const struct submit *submit)
{
    const struct flat_text *fields = submit->fields;
    const struct submit_account *account = &submit->account;
    if (!fields[FIELD_EC_NAME].bytes || !fields[FIELD_AP_ID].bytes ||
        !fields[FIELD_MOBILES].bytes || !fields[FIELD_CONTENT].bytes || !fields[FIELD_SIGN].bytes ||
        !fields[FIELD_MAC].bytes) {
        /* The platform blames the account for an absent addSerial only; whatever else is absent is
         * no message. */
        return "InvalidMessage";
    }
    if (!fields[FIELD_ADD_SERIAL].bytes || !text_is(fields[FIELD_EC_NAME], account->ec_name) ||
        !text_is(fields[FIELD_AP_ID], account->ap_id) ||
        (fields[FIELD_SECRET_KEY].bytes && !text_is(fields[FIELD_SECRET_KEY], account->secret))) {
        return "InvalidUsrOrPwd";
    }
    if (!mac_is_right(submit)) {
        return "IllegalMac";
    }
    if (fields[FIELD_SIGN].len == 0) {
        return "NoSignId";
    }
    return text_is(fields[FIELD_SIGN], account->sign_code) ? NULL : "IllegalSignId";
}

/* Every text has something in it and no control characters but line ends and tabs, and is not too
 * long. */
static const char *check_text(const struct submit *submit, struct flat_text text)
{
    size_t characters = 0;
    bool blank = true;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.bytes[i];
        if (c < 0x20 && c != '\n' && c != '\r' && c != '\t') {
            return "InvalidMessage";
        }
        characters += (c & 0xc0) != 0x80;
        blank = blank && c <= ' ';
    }
    if (blank) {
        return "InvalidMessage";
    }
    uint32_t max = submit->account.content_max;
    return max > 0 && characters > max ? "ExceedMaxContentLength" : NULL;
}

/* 11 digits, 1 and then 3 to 9. gives: 0 when it is no mobile number */
static uint64_t mobile_of(const char *digits, size_t len)
{
    if (len != MOBILE_DIGITS || digits[0] != '1' || digits[1] < '3' || digits[1] > '9') {
        return 0;
    }
    uint64_t mobile = 1;
    for (size_t i = 1; i < MOBILE_DIGITS; i++) {
        unsigned digit = (unsigned)(unsigned char)digits[i] - '0';
        if (digit > 9) {
            return 0;
        }
        mobile = mobile * 10 + digit;
    }
    return mobile;
}

/* gives: the word of the refusal, NULL when the number was taken */
static const char *take_mobile(struct submit *submit, const char *digits, size_t len, size_t max)
{
    uint64_t mobile = mobile_of(digits, len);
    if (mobile == 0) {
        return "InvalidMobile";
    }
    if (submit->n == max) {
        return "TooManyMobiles";
    }
    submit->ascending =
        submit->ascending && (submit->n == 0 || submit->mobiles[submit->n - 1] < mobile);
    submit->mobiles[submit->n++] = mobile;
    return NULL;
}

static const char *read_mobiles(struct submit *submit)
{
    const char *at = submit->fields[FIELD_MOBILES].bytes,
               *end = at + submit->fields[FIELD_MOBILES].len;
    const char *refusal = NULL;
    while (!refusal) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        refusal = take_mobile(submit, at, (size_t)((comma ? comma : end) - at), SUBMIT_MOBILES_MAX);
        if (!comma) {
            break;
        }
        at = comma + 1;
    }
    return refusal;
}

/* One `"13800138000":"text"` of the personalised form. */
static enum err read_pair(void *arg, struct flat_text key, struct flat_text value)
{
    struct submit *submit = arg;
    submit->refusal = take_mobile(submit, key.bytes, key.len, SUBMIT_PERSONAL_MAX);
    if (!submit->refusal) {
        submit->texts[submit->n - 1] = value;
        submit->refusal = check_text(submit, value);
    }
    return submit->refusal ? ERR_REFUSED : ERR_OK;
}

static const char *read_pairs(struct submit *submit)
{
    /* The value lies in our own copy, and the MAC over it has been taken. */
    char *content = (char *)submit->fields[FIELD_CONTENT].bytes;
    enum err error = flat_read(content, submit->fields[FIELD_CONTENT].len, read_pair, submit);
    if (error == ERR_REFUSED) {
        return submit->refusal;
    }
    return error != ERR_OK || submit->n == 0 ? "InvalidMessage" : NULL;
}

/* Clients send numbers in rising order as a rule, and then there is nothing to look for. */
static bool any_twice(struct submit *submit)
{
    if (submit->ascending) {
        return false;
    }
    submit->request++;
    for (size_t i = 0; i < submit->n; i++) {
        size_t at = digest_mix64(submit->mobiles[i]) % SEEN_SLOTS;
        while (submit->seen[at].request == submit->request) {
            if (submit->seen[at].mobile == submit->mobiles[i]) {
                return true;
            }
            at = (at + 1) % SEEN_SLOTS;
        }
        submit->seen[at] = (struct slot){submit->mobiles[i], submit->request};
    }
    return false;
}

static const char *judge(struct submit *submit)
{
    const char *refusal = check_account(submit);
    if (refusal) {
        return refusal;
    }
    if (submit->fields[FIELD_MOBILES].len == 0) {
        refusal = read_pairs(submit);
    } else {
        refusal = check_text(submit, submit->fields[FIELD_CONTENT]);
        refusal = refusal ? refusal : read_mobiles(submit);
    }
    if (refusal) {
        return refusal;
    }
    return any_twice(submit) ? "DupMobile" : "success";
}

enum err submit_read(struct submit *submit, const char *body, size_t len,
                     struct submit_verdict *verdict)
{
    memset(submit->fields, 0, sizeof submit->fields);
    submit->n = 0;
    submit->ascending = true;
    buf_reset(&submit->json);
    *verdict = (struct submit_verdict){.word = "InvalidMessage"};
    enum err error = digest_base64_decode(body, len, &submit->json);
    if (error == ERR_OK && submit->json.len > 0) {
        error = flat_read(submit->json.data, submit->json.len, take_field, submit);
        if (error == ERR_OK) {
            verdict->word = judge(submit);
        }
    }
    if (strcmp(verdict->word, "success") == 0) {
        verdict->mobiles = submit->mobiles;
        verdict->n = submit->n;
        bool personal = submit->fields[FIELD_MOBILES].len == 0;
        verdict->texts = personal ? submit->texts : &submit->fields[FIELD_CONTENT];
        verdict->n_texts = personal ? submit->n : 1;
        verdict->add_serial = submit->fields[FIELD_ADD_SERIAL];
    }
    return error == ERR_NOMEM ? ERR_NOMEM : ERR_OK;
}
