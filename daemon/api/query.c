#include "api/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/ids.h"
#include "pledge/typed.h"
#include "sms/mobile.h"

#define CODE_MAX 32

/* `word` is one of `words`, which are split by blanks. */
static bool is_among(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; *at != '\0';) {
        size_t one = strcspn(at, " ");
        if (one == len && memcmp(at, word, len) == 0) {
            return true;
        }
        at += one;
        at += strspn(at, " ");
    }
    return false;
}

/* What is no name at all is not repeated in an answer. */
static bool is_plain(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= CODE_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len;
}

static void refuse_name(struct apicall *call, const char *name)
{
    const char *possible = call->route->query;
    bool is_shown = is_plain(name), has_some = possible[0] != '\0';
    apicall_error(call, 400, "invalid", is_shown ? name : NULL, "%s %s %s%s",
                  is_shown ? name : "something behind the question mark",
                  "is no query parameter of this route;", has_some ? "it takes: " : "it takes none",
                  possible);
}

bool query_check(struct apicall *call)
{
    const char *name;
    for (size_t i = 0; (name = http_request_query_name(call->request, i)) != NULL; i++) {
        if (name[0] == '\0') { /* "&&", or nothing behind the question mark */
            continue;
        }
        if (!is_among(call->route->query, name)) {
            refuse_name(call, name);
            return false;
        }
        for (size_t before = 0; before < i; before++) {
            if (strcmp(http_request_query_name(call->request, before), name) == 0) {
                apicall_error(call, 400, "invalid", name, "%s is given twice", name);
                return false;
            }
        }
    }
    return true;
}

bool query_text(struct apicall *call, const char *name, size_t max, const char **out)
{
    const char *text = http_request_query(call->request, name);
    *out = text != NULL ? text : "";
    if (strlen(*out) > max) {
        apicall_error(call, 400, "invalid", name, "%s has at most %zu bytes", name, max);
        return false;
    }
    for (const char *at = *out; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            apicall_error(call, 400, "invalid", name, "%s contains a control character", name);
            return false;
        }
    }
    return true;
}

bool query_number(struct apicall *call, const char *name, uint64_t fallback, uint64_t max,
                  uint64_t *out)
{
    const char *text;
    char *end;
    if (!query_text(call, name, CODE_MAX, &text)) {
        return false;
    }
    *out = fallback;
    if (text[0] == '\0') {
        return true;
    }
    *out = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || *out > max) {
        apicall_error(call, 400, "invalid", name, "%s must be a whole number up to %llu", name,
                      (unsigned long long)max);
        return false;
    }
    return true;
}

bool query_page(struct apicall *call, uint64_t *limit, const char **cursor)
{
    if (!query_number(call, "limit", QUERY_PAGE_DEFAULT, QUERY_PAGE_MAX, limit) ||
        !query_text(call, "cursor", QUERY_CURSOR_SIZE - 1, cursor)) {
        return false;
    }
    if (*limit == 0) {
        apicall_error(call, 400, "invalid", "limit", "limit must be a whole number from 1 to %d",
                      QUERY_PAGE_MAX);
        return false;
    }
    return true;
}

void query_refuse_cursor(struct apicall *call)
{
    apicall_error(call, 400, "invalid", "cursor",
                  "cursor must be that of the page before, as it was given");
}

bool query_word(struct apicall *call, const char *name, const char *const *words, int *index)
{
    char list[256] = "";
    const char *text;
    *index = -1;
    if (!query_text(call, name, CODE_MAX, &text)) {
        return false;
    }
    if (text[0] == '\0') {
        return true;
    }
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *index = i;
            return true;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i > 0 ? ", " : "",
                 words[i]);
    }
    apicall_error(call, 400, "invalid", name, "%s is \"%s\"; possible: %s", name, text, list);
    return false;
}

bool query_flag(struct apicall *call, const char *name, bool *out)
{
    static const char *const words[] = {"0", "false", "no", "1", "true", "yes", NULL};
    const char *text = http_request_query(call->request, name);
    int index;
    *out = text != NULL && text[0] == '\0';
    if (*out) {
        return true;
    }
    if (!query_word(call, name, words, &index)) {
        return false;
    }
    *out = index >= 3;
    return true;
}

bool query_area(struct apicall *call, const char *name, uint64_t fallback, uint64_t *out)
{
    const char *text;
    if (!query_text(call, name, CODE_MAX, &text)) {
        return false;
    }
    *out = fallback;
    if (text[0] == '\0' && fallback == 0) {
        *out = call->who.area;
    }
    if (text[0] == '\0' || area_parse(text, strlen(text), out) == ERR_OK) {
        return apicall_may_area(call, name, *out);
    }
    apicall_error(call, 400, "invalid", name, AREA_REFUSED, name, text);
    return false;
}

bool query_day(struct apicall *call, const char *name, uint32_t *out)
{
    const char *text;
    *out = 0;
    if (!query_text(call, name, CODE_MAX, &text)) {
        return false;
    }
    if (text[0] == '\0' || typed_day(text, out) == ERR_OK) {
        return true;
    }
    apicall_error(call, 400, "invalid", name, "%s: \"%s\" is no day; write it 2026-10-17", name,
                  text);
    return false;
}

bool query_year(struct apicall *call, uint32_t *out)
{
    uint64_t year;
    if (!query_number(call, "year", 0, 2999, &year)) {
        return false;
    }
    *out = (uint32_t)year;
    if (year == 0 || year >= 2000) {
        return true;
    }
    apicall_error(call, 400, "invalid", "year", "year must be from 2000 to 2999");
    return false;
}

bool query_campaign(struct apicall *call, const char **out)
{
    if (!query_text(call, "campaign", ROUTE_PARAM_SIZE - 1, out)) {
        return false;
    }
    if ((*out)[0] == '\0' || strcmp(*out, "-") == 0 || ids_valid_name(*out)) {
        return true;
    }
    apicall_error(call, 400, "invalid", "campaign", "campaign: \"%s\" is no campaign's id", *out);
    return false;
}

bool query_mobile(struct apicall *call, const char *name, uint64_t *out)
{
    const char *text;
    *out = 0;
    if (!query_text(call, name, CODE_MAX, &text)) {
        return false;
    }
    if (text[0] == '\0') {
        return true;
    }
    enum mobile_verdict verdict = mobile_parse(text, strlen(text), out);
    if (verdict == MOBILE_OK) {
        return true;
    }
    apicall_error(call, 400, "invalid", name, "%s: %s", name, mobile_verdict_sentence(verdict));
    return false;
}

bool query_number_text(struct apicall *call, const char *text, struct number *number)
{
    enum err error = typed_number(text, number);
    if (error == ERR_OK) {
        return true;
    }
    apicall_error(call, error == ERR_RANGE ? 400 : 404,
                  error == ERR_RANGE ? "invalid" : "no_pledge", NULL,
                  error == ERR_RANGE
                      ? "%s: the last two digits do not fit the others; a digit is mistyped"
                      : "%s is not the number of a pledge; it looks like 513327-2026-000123-54",
                  text);
    return false;
}
