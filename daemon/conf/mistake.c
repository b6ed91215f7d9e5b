/* The list of mistakes, and the search for the word that was meant.
 *
 * The list is short by nature (MISTAKES_MAX), so it is a plain array; a file with more mistakes
 * than that is of the wrong kind, and the print says that it was cut. */
#include "conf/mistake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VALUE_SHOWN_BYTES 80
#define REASON_MAX_BYTES 512
#define NEAREST_WORD_MAX 64

void mistakes_init(struct mistakes *mistakes)
{
    *mistakes = (struct mistakes){0};
}

static void mistake_fini(struct mistake *mistake)
{
    free(mistake->file);
    free(mistake->section);
    free(mistake->key);
    free(mistake->value);
    free(mistake->reason);
    free(mistake->nearest);
}

void mistakes_fini(struct mistakes *mistakes)
{
    for (size_t i = 0; i < mistakes->n; i++)
        mistake_fini(&mistakes->items[i]);
    free(mistakes->items);
    mistakes_init(mistakes);
}

/* A place for one more, or NULL: the list is full or there is no memory. */
static struct mistake *make_room(struct mistakes *mistakes, bool warning)
{
    if (mistakes->items == NULL) {
        mistakes->items = calloc(MISTAKES_MAX, sizeof *mistakes->items);
        if (mistakes->items == NULL)
            return NULL;
    }
    if (mistakes->n < MISTAKES_MAX)
        return &mistakes->items[mistakes->n++];
    if (warning)
        return NULL;
    for (size_t i = mistakes->n; i-- > 0;) {
        if (!mistakes->items[i].warning)
            continue;
        mistake_fini(&mistakes->items[i]);
        memmove(&mistakes->items[i], &mistakes->items[i + 1],
                (mistakes->n - 1 - i) * sizeof *mistakes->items);
        return &mistakes->items[mistakes->n - 1];
    }
    return NULL;
}

/* A copy without half characters at the cut, and without control characters, which could forge
 * lines in a terminal. */
static char *copy_value(const char *value)
{
    size_t len = strlen(value);
    bool cut = len > VALUE_SHOWN_BYTES;
    if (cut) {
        len = VALUE_SHOWN_BYTES - strlen("…");
        while (len > 0 && ((unsigned char)value[len] & 0xC0) == 0x80)
            len--;
    }
    char *copy = malloc(len + sizeof "…");
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        copy[i] = value[i];
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7F)
            copy[i] = '?';
    }
    memcpy(copy + len, cut ? "…" : "", cut ? sizeof "…" : 1);
    return copy;
}

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}

void mistakes_add(struct mistakes *mistakes, bool warning, const char *file, unsigned line,
                  const char *section, const char *key, const char *value, const char *nearest,
                  const char *format, ...)
{
    char reason[REASON_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);

    struct mistake *mistake = make_room(mistakes, warning);
    if (!warning && mistakes->errors < MISTAKES_MAX)
        mistakes->errors++;
    if (mistake == NULL)
        return;
    *mistake = (struct mistake){
        .file = copy_text(file),
        .line = line,
        .section = copy_text(section),
        .key = copy_text(key),
        .value = value == NULL ? NULL : copy_value(value),
        .reason = copy_text(reason),
        .nearest = copy_text(nearest),
        .warning = warning,
    };
}

void mistakes_move(struct mistakes *to, struct mistakes *from)
{
    size_t unworded = from->errors;
    for (size_t i = 0; i < from->n; i++) {
        struct mistake *item = &from->items[i];
        struct mistake *place = make_room(to, item->warning);
        if (place == NULL)
            mistake_fini(item);
        else
            *place = *item;
        if (!item->warning) {
            unworded--;
            if (to->errors < MISTAKES_MAX)
                to->errors++;
        }
    }
    for (; unworded > 0 && to->errors < MISTAKES_MAX; unworded--)
        to->errors++;
    free(from->items);
    mistakes_init(from);
}

void mistakes_sort(struct mistakes *mistakes)
{
    /* Insertion sort: stable, and the list is short and nearly in order. */
    for (size_t i = 1; i < mistakes->n; i++) {
        struct mistake item = mistakes->items[i];
        size_t at = i;
        for (; at > 0 && mistakes->items[at - 1].line > item.line; at--)
            mistakes->items[at] = mistakes->items[at - 1];
        mistakes->items[at] = item;
    }
}

static void print_one(const struct mistake *mistake, struct buf *out)
{
    buf_add_text(out, mistake->file == NULL ? "?" : mistake->file);
    if (mistake->line > 0)
        buf_addf(out, ":%u", mistake->line);
    buf_add_char(out, ':');
    if (mistake->section != NULL)
        buf_addf(out, " [%s]", mistake->section);
    if (mistake->key != NULL)
        buf_addf(out, " %s", mistake->key);
    if (mistake->value != NULL)
        buf_addf(out, " = %s", mistake->value);
    if (mistake->section != NULL || mistake->key != NULL || mistake->value != NULL)
        buf_add_char(out, ':');
    buf_addf(out, " %s%s", mistake->warning ? "warning: " : "",
             mistake->reason == NULL ? "no memory for the reason" : mistake->reason);
    if (mistake->nearest != NULL)
        buf_addf(out, " (did you mean \"%s\"?)", mistake->nearest);
    buf_add_char(out, '\n');
}

void mistakes_print(const struct mistakes *mistakes, struct buf *out)
{
    for (size_t i = 0; i < mistakes->n; i++)
        print_one(&mistakes->items[i], out);
    if (mistakes->n == MISTAKES_MAX)
        buf_addf(out, "%d mistakes are shown; there may be more\n", MISTAKES_MAX);
}

static int fold(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edit distance with swaps of neighbours (optimal string alignment), over bytes; three rows of the
 * table are kept. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][NEAREST_WORD_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_len; j++)
        above[j] = before[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            bool same = fold(a[i - 1]) == fold(b[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_len];
}

const char *mistake_nearest(const char *word, const char *const *candidates, size_t n)
{
    size_t len = strlen(word);
    if (len == 0 || len > NEAREST_WORD_MAX)
        return NULL;
    const char *nearest = NULL;
    unsigned best = (unsigned)(len + 2) / 3 + 1; /* one more than what may differ */
    for (size_t i = 0; i < n; i++) {
        size_t candidate_len = strlen(candidates[i]);
        if (candidate_len > NEAREST_WORD_MAX)
            continue;
        unsigned differ = distance(word, len, candidates[i], candidate_len);
        if (differ < best && differ < candidate_len) {
            best = differ;
            nearest = candidates[i];
        }
    }
    return nearest;
}

/* ---- what is not shown ---- */

/* Keys whose rows never show their value, in outreachd.ini and in definitions: a key that is near
 * to one of them was meant to be it. Unit tests hold these lists against the rows. */
static const char *const hidden_keys[] = {"secret_key",
                                          "secret_key_file",
                                          "callback_key",
                                          "callback_key_file",
                                          "password",
                                          "password_file",
                                          "text",
                                          "help_text",
                                          "confirm_text",
                                          "receipt_text",
                                          "acknowledgement_text"};

/* Whatever key has one of these in it. */
static const char *const hidden_parts[] = {"secret", "passw",      "passphrase", "pwd",
                                           "token",  "credential", "密码",       "口令",
                                           "密钥",   "秘钥",       "令牌"};

/* But for these, which only look like it. */
static const char *const shown_keys[] = {"callback_allow", "send_secret"};

static bool is_hidden_key(const char *key)
{
    for (size_t i = 0; i < sizeof shown_keys / sizeof *shown_keys; i++) {
        if (strcmp(key, shown_keys[i]) == 0)
            return false;
    }
    for (size_t i = 0; i < sizeof hidden_parts / sizeof *hidden_parts; i++) {
        if (strcasestr(key, hidden_parts[i]) != NULL)
            return true;
    }
    const char *key_in_it = strcasestr(key, "key");
    if (key_in_it != NULL && strncasecmp(key_in_it, "keyword", strlen("keyword")) != 0)
        return true;
    return mistake_nearest(key, hidden_keys, sizeof hidden_keys / sizeof *hidden_keys) != NULL;
}

const char *mistake_showable(const char *key, const char *value)
{
    if (value == NULL || is_hidden_key(key))
        return NULL;
    const char *colon = strchr(value, ':'); /* http://user:password@host */
    return colon != NULL && strchr(colon, '@') != NULL ? NULL : value;
}
