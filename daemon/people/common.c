/* This list is short, because a new password has at least 12 characters: what people reach for then
 * is a well-known word filled up with another one, a year or a run of keys. So the words are taken
 * out and what is left is looked at. Long ones that are known as they are stand in common_list.c.
 */
#include "people/common.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "people/common_list.h"

#define FOLDED_MAX 512
#define LEFT_MIN 6 /* characters that must be left of one's own */

static const char *const words[] = {
    "password",      "passw0rd",  "p@ssw0rd", "p@ssword", "qwertyuiop", "qwerty",       "asdfghjkl",
    "asdfgh",        "zxcvbnm",   "zxcvbn",   "1qaz2wsx", "1q2w3e4r",   "qazwsx",       "qazwsxedc",
    "iloveyou",      "letmein",   "welcome",  "monkey",   "dragon",     "football",     "baseball",
    "sunshine",      "princess",  "superman", "master",   "shadow",     "michael",      "trustno1",
    "administrator", "admin",     "root",     "test",     "guest",      "user",         "login",
    "changeme",      "default",   "secret",   "computer", "internet",   "abcdefgh",     "abcdef",
    "abcd",          "abc",       "aaaaaa",   "woaini",   "wo ai ni",   "woaizhongguo", "zhongguo",
    "china",         "beijing",   "nihao",    "mima",     "laopo",      "baobei",       "xiaoming",
    "wangwei",       "zhangwei",  "5201314",  "1314520",  "147258369",  "147258",       "258369",
    "123321",        "112233",    "123123",   "666666",   "888888",     "000000",       "111111",
    "outreach",      "outreachd", "fupin",    "juankuan", "gaoshan",    "sichuan",      "chengdu",
    "lanzhou",       "guizhou",   "yunnan",   "gansu",    "mobile",     "10086",        "huawei",
};

static void take_out(char *text, const char *word)
{
    size_t len = strlen(word);
    for (char *at; (at = strstr(text, word)) != NULL;) {
        memmove(at, at + len, strlen(at + len) + 1);
    }
}

/* Digits and marks say little: a year, a birthday, "!!!". */
static size_t count_letters(const char *text)
{
    size_t n = 0;
    char before = '\0';
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        /* A letter that repeats or follows the one before it adds nothing. */
        if ((isalpha(c) && *text != before && *text != before + 1) || (c & 0xc0) == 0xc0) {
            n++;
        }
        before = *text;
    }
    return n;
}

static bool is_run_of_digits(const char *text)
{
    return text[strspn(text, "0123456789 .-")] == '\0';
}

static int compare(const void *key, const void *entry)
{
    return strcmp(key, *(const char *const *)entry);
}

static bool is_listed(const char *text)
{
    return bsearch(text, common_list, common_list_count, sizeof *common_list, compare) != NULL;
}

bool common_password(const char *password)
{
    char left[FOLDED_MAX + 1];
    size_t len = strlen(password);
    if (len > FOLDED_MAX) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) {
        left[i] = (char)tolower((unsigned char)password[i]);
    }
    if (is_run_of_digits(left) || is_listed(left)) {
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        take_out(left, words[i]);
    }
    bool had_word = strlen(left) < len;
    size_t own = count_letters(left);
    return had_word ? own <= 2 && strlen(left) < LEFT_MIN + len / 2
                    : own <= 1 && strlen(left) < len;
}
