/* See callback_key.h. How random a text is cannot be seen. What can be seen is that it cannot have
 * been: too short for its signs, too few different ones, the same again and again. A random
 * key of 32 hexadecimal digits has fewer than 8 different ones once in 28 millions. */
#include "conf/callback_key.h"

#include <stdbool.h>
#include <string.h>

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIFFERENT_MIN 8
#define REMEDY                                                                                     \
    "; make one with: od -An -N16 -tx1 /dev/urandom | tr -dc 0-9a-f (and tell the carrier the "    \
    "new "                                                                                         \
    "address)"

/* The smallest first; digits alone may be hexadecimal ones by chance. `least` signs drawn from so
 * many have 128 bits. */
static const struct alphabet {
    const char *signs, *name;
    size_t least;
} alphabets[] = {
    {DIGITS "abcdef", "hexadecimal digits", 32},
    {DIGITS "ABCDEF", "hexadecimal digits", 32},
    {DIGITS LOWER "_-", "small letters and digits", 25},
    {DIGITS UPPER "_-", "capital letters and digits", 25},
    {DIGITS LOWER UPPER "_-", "A-Z a-z 0-9 _ -", 22},
};

static const struct alphabet *alphabet_of(const char *key)
{
    for (size_t i = 0; i < sizeof alphabets / sizeof *alphabets; i++) {
        if (key[strspn(key, alphabets[i].signs)] == '\0')
            return &alphabets[i];
    }
    return NULL;
}

static unsigned count_different(const char *key)
{
    unsigned n = 0;
    for (const char *at = key; *at != '\0'; at++)
        n += strchr(key, *at) == at; /* its first place */
    return n;
}

/* "abcabcab" is "abc" again and again. */
static bool is_repetition(const char *key, size_t len)
{
    for (size_t period = 1; period <= len / 2; period++) {
        if (memcmp(key, key + period, len - period) == 0)
            return true;
    }
    return false;
}

enum err callback_key_check(const char *key, struct buf *why)
{
    size_t len = strlen(key);
    const struct alphabet *alphabet = alphabet_of(key);
    if (alphabet == NULL)
        buf_add_text(why, "stands in a URL: it may have A-Z a-z 0-9 _ - only" REMEDY);
    else if (len > CALLBACK_KEY_MAX)
        buf_addf(why, "has %zu signs: at most %d are taken" REMEDY, len, CALLBACK_KEY_MAX);
    else if (len < alphabet->least)
        buf_addf(why,
                 "has %zu signs, all of them %s: of these %zu are needed, or else it can be "
                 "guessed" REMEDY,
                 len, alphabet->name, alphabet->least);
    else if (count_different(key) < DIFFERENT_MIN)
        buf_addf(why,
                 "has %u different signs: at least %d are needed, or else it can be guessed" REMEDY,
                 count_different(key), DIFFERENT_MIN);
    else if (is_repetition(key, len))
        buf_add_text(why, "is a shorter text, repeated: it can be guessed" REMEDY);
    else
        return ERR_OK;
    return ERR_INVALID;
}
