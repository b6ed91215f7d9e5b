/* See paths.h. */
#include "api/paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDERS 2

struct folders {
    char paths[FOLDERS][PATH_MAX]; /* each with the slash at its end; "": none */
};

/* Up to its last slash. */
static void take_folder(const char *path, char out[PATH_MAX])
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    size_t len = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    out[0] = '\0';
    if (len > 1 && len < PATH_MAX) { /* "/" alone is in every address */
        memcpy(out, path, len);
        out[len] = '\0';
    }
}

/* The longer one first: it lies in the other. */
static void find_folders(const struct settings *settings, struct folders *folders)
{
    const char *campaigns = settings->daemon.campaigns_dir;
    size_t len = campaigns != NULL ? strlen(campaigns) : 0;
    folders->paths[0][0] = '\0';
    if (len > 1 && len < PATH_MAX - 1) {
        snprintf(folders->paths[0], PATH_MAX, "%s%s", campaigns,
                 campaigns[len - 1] != '/' ? "/" : "");
    }
    take_folder(settings->file, folders->paths[1]);
}

static bool cut(char *text, const char *folder)
{
    size_t len = strlen(folder);
    char *at = len > 0 ? strstr(text, folder) : NULL;
    bool found = at != NULL;
    for (; at != NULL; at = strstr(at, folder)) {
        memmove(at, at + len, strlen(at + len) + 1);
    }
    return found;
}

static void hide_in_text(const struct folders *folders, json_t *text)
{
    char *copy = strdup(json_string_value(text));
    bool found = false;
    for (size_t i = 0; copy != NULL && i < FOLDERS; i++) {
        found |= cut(copy, folders->paths[i]);
    }
    if (found) {
        (void)json_string_set(text, copy);
    }
    free(copy);
}

static bool may_hold(const struct folders *folders, const json_t *text)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        if (folders->paths[i][0] != '\0' &&
            strstr(json_string_value(text), folders->paths[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Documents of ours are a few levels deep. */
static void walk(const struct folders *folders, json_t *json)
{
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_string(json) && may_hold(folders, json)) {
        hide_in_text(folders, json);
    }
    json_array_foreach(json, i, value)
    {
        walk(folders, value);
    }
    json_object_foreach(json, key, value)
    {
        walk(folders, value);
    }
}

void paths_hide(const struct settings *settings, json_t *document)
{
    struct folders folders;
    find_folders(settings, &folders);
    walk(&folders, document);
}
