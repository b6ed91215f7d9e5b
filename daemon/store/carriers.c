/* There is no list of accounts in Redis: each one's keys carry its name as their hash tag, and one
 * of them, `live`, is there exactly as long as a campaign may have work. */
#include "store/carriers.h"

#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "store/keys.h"

#define LIVE_TAIL "}:live"
#define LIVE_PATTERN "*}:live"
#define KEYS_A_CALL "2000"
#define CURSOR_SIZE 24
#define NAME_SIZE 65

struct finding {
    struct store *store;
    carriers_found_fn *done;
    void *arg;
    char cursor[CURSOR_SIZE];
    char names[CARRIERS_FOUND_MAX][NAME_SIZE];
    size_t n;
};

static void finish(struct finding *finding, enum err error)
{
    const char *names[CARRIERS_FOUND_MAX];
    for (size_t i = 0; i < finding->n; i++)
        names[i] = finding->names[i];
    finding->done(finding->arg, error, names, error == ERR_OK ? finding->n : 0);
    free(finding);
}

/* "<prefix>:{<name>}:live" */
static void take(struct finding *finding, const char *key, size_t len)
{
    const char *prefix = store_prefix(finding->store);
    size_t head = strlen(prefix) + 2, tail = strlen(LIVE_TAIL);
    if (len <= head + tail || memcmp(key, prefix, head - 2) != 0 ||
        memcmp(key + head - 2, ":{", 2) != 0 || memcmp(key + len - tail, LIVE_TAIL, tail) != 0)
        return;
    const char *name = key + head;
    size_t name_len = len - head - tail;
    if (name_len >= NAME_SIZE || finding->n >= CARRIERS_FOUND_MAX ||
        memchr(name, '}', name_len) != NULL)
        return;
    for (size_t i = 0; i < finding->n; i++) { /* a walk may meet a key twice */
        if (strlen(finding->names[i]) == name_len && memcmp(finding->names[i], name, name_len) == 0)
            return;
    }
    memcpy(finding->names[finding->n], name, name_len);
    finding->names[finding->n++][name_len] = '\0';
}

static enum err ask(struct finding *finding);

static void on_page(void *arg, enum err error, const redisReply *reply)
{
    struct finding *finding = arg;
    bool is_page = error == ERR_OK && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                   reply->element[0]->type == REDIS_REPLY_STRING &&
                   reply->element[0]->len < CURSOR_SIZE &&
                   reply->element[1]->type == REDIS_REPLY_ARRAY;
    if (!is_page) {
        finish(finding, error != ERR_OK ? error : ERR_INVALID);
        return;
    }
    const redisReply *keys = reply->element[1];
    for (size_t i = 0; i < keys->elements; i++)
        take(finding, keys->element[i]->str, keys->element[i]->len);
    memcpy(finding->cursor, reply->element[0]->str, reply->element[0]->len + 1);
    if (strcmp(finding->cursor, "0") == 0) {
        finish(finding, ERR_OK);
        return;
    }
    error = ask(finding);
    if (error != ERR_OK)
        finish(finding, error);
}

static enum err ask(struct finding *finding)
{
    const char *argv[] = {"SCAN",  finding->cursor, "MATCH", LIVE_PATTERN,
                          "COUNT", KEYS_A_CALL,     "TYPE",  "set"};
    size_t lens[8];
    for (size_t i = 0; i < 8; i++)
        lens[i] = strlen(argv[i]);
    return redis_call(store_redis(finding->store), on_page, finding, 8, argv, lens);
}

enum err carriers_find(struct store *store, carriers_found_fn *done, void *arg)
{
    struct finding *finding = calloc(1, sizeof *finding);
    if (finding == NULL)
        return ERR_NOMEM;
    *finding = (struct finding){.store = store, .done = done, .arg = arg, .cursor = "0"};
    enum err error = ask(finding);
    if (error != ERR_OK)
        free(finding);
    return error;
}
