/* See route.h. */
#include "inbound/route.h"

#include <stdint.h>
#include <string.h>

#include "base/ids.h"

#define PREFIX "/hook/"
/* What a key is compared with when there is no account. Its value does not matter: equal or not,
 * the answer is no. */
#define NO_KEY "no account has this key"

static bool copy_part(char out[ROUTE_PART_SIZE], const char *from, const char *to)
{
    size_t len = (size_t)(to - from);
    if (len == 0 || len >= ROUTE_PART_SIZE)
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

enum route_what route_parse(const char *path, char name[ROUTE_PART_SIZE], char key[ROUTE_PART_SIZE])
{
    static const struct {
        const char *word;
        enum route_what what;
    } ends[] = {{"report", ROUTE_REPORT}, {"uplink", ROUTE_UPLINK}};
    if (strncmp(path, PREFIX, strlen(PREFIX)) != 0)
        return ROUTE_NONE;
    const char *begin = path + strlen(PREFIX);
    const char *after_name = strchr(begin, '/');
    const char *after_key = strrchr(begin, '/');
    if (!after_name || after_key == after_name || !copy_part(name, begin, after_name) ||
        !copy_part(key, after_name + 1, after_key))
        return ROUTE_NONE;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (strcmp(after_key + 1, ends[i].word) == 0)
            return ends[i].what;
    }
    return ROUTE_NONE;
}

const struct settings_carrier *route_find(const struct settings *settings, const char *name,
                                          const char *key)
{
    const struct settings_carrier *found = NULL;
    for (size_t i = 0; i < settings->n_carriers; i++) { /* to the end, wherever it stands */
        const struct settings_carrier *carrier = &settings->carriers[i];
        if (carrier->callback_key && strcmp(carrier->name, name) == 0)
            found = carrier;
    }
    bool is_right = ids_equal_secret(found ? found->callback_key : NO_KEY, key);
    return is_right ? found : NULL;
}
