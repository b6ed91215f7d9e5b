/* See folder.h. */
#include "campaign/folder.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/plan.h"
#include "conf/ini.h"

#define PATH_MAX_BYTES 4096

static int is_definition(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".ini") == 0;
}

static enum err add_draft(struct folder *folder, const char *name, const char *lacks)
{
    struct folder_draft *draft = &folder->drafts[folder->n_drafts];
    draft->name = strdup(name);
    if (draft->name == NULL)
        return ERR_NOMEM;
    snprintf(draft->lacks, sizeof draft->lacks, "%s", lacks);
    folder->n_drafts++;
    return ERR_OK;
}

/* errors: ERR_NOMEM; that the file is wrong is none */
static enum err read_one(struct folder *folder, const struct settings *settings, const char *name,
                         struct mistakes *mistakes)
{
    char path[PATH_MAX_BYTES], lacks[UNFINISHED_LACKS_SIZE];
    struct ini_file *ini = NULL;
    struct definition *definition = NULL;
    struct mistakes own;
    mistakes_init(&own);
    snprintf(path, sizeof path, "%s/%s", settings->daemon.campaigns_dir, name);
    enum err error = ini_read(path, &ini, &own);
    if (ini != NULL) {
        enum err meaning = definition_load_ini(ini, settings, &definition, &own);
        error = error == ERR_OK || meaning == ERR_NOMEM ? meaning : error;
    }
    bool is_draft = error != ERR_NOMEM && unfinished_lacks(ini, &own, lacks);
    mistakes_sort(&own);
    if (error == ERR_OK) {
        mistakes_move(mistakes, &own);
        plan_check(definition, settings, mistakes);
        folder->definitions[folder->n_definitions++] = definition;
    } else {
        definition_free(definition);
        if (is_draft)
            error = add_draft(folder, name, lacks);
        else
            mistakes_move(mistakes, &own);
    }
    mistakes_fini(&own);
    ini_free(ini);
    return error == ERR_NOMEM ? error : ERR_OK;
}

/* Replies go to the campaign whose digits the service code ends with, whether it is over or not. */
static void check_digits(const struct folder *folder, struct mistakes *mistakes)
{
    for (size_t i = 0; i < folder->n_definitions; i++) {
        const struct definition *one = folder->definitions[i];
        assert(one != NULL);
        const char *digits = one->takes_pledges ? one->pledge.add_serial : "";
        for (size_t j = 0; j < i && digits[0] != '\0'; j++) {
            const struct definition *other = folder->definitions[j];
            if (!other->takes_pledges || strcmp(other->carrier, one->carrier) != 0 ||
                strcmp(other->pledge.add_serial, digits) != 0)
                continue;
            mistakes_add(mistakes, false, one->path, 0, "pledge", "add_serial", digits, NULL,
                         "campaign %s (%s) has the same on carrier %s, and replies are told apart "
                         "by it: give one of the two other digits, or move the file of a campaign "
                         "that is over to another folder",
                         other->id, other->path, one->carrier);
            break;
        }
    }
}

enum err folder_read(struct folder *folder, const struct settings *settings,
                     struct mistakes *mistakes)
{
    struct dirent **entries = NULL;
    struct folder made = {0};
    const char *path = settings->daemon.campaigns_dir;
    int n = scandir(path, &entries, is_definition, alphasort);
    if (n < 0)
        mistakes_add(mistakes, false, settings->file, 0, "daemon", "campaigns_dir", path, NULL,
                     "cannot be read: %s", strerror(errno));
    size_t room = n > 0 ? (size_t)n : 1;
    made.definitions = calloc(room, sizeof(struct definition *));
    made.drafts = calloc(room, sizeof *made.drafts);
    enum err error = made.definitions == NULL || made.drafts == NULL ? ERR_NOMEM : ERR_OK;
    for (int i = 0; i < n; i++) {
        if (error == ERR_OK)
            error = read_one(&made, settings, entries[i]->d_name, mistakes);
        free(entries[i]);
    }
    free(entries);
    if (error == ERR_OK)
        check_digits(&made, mistakes);
    else
        folder_fini(&made);
    *folder = made;
    return error;
}

void folder_fini(struct folder *folder)
{
    for (size_t i = 0; folder->definitions != NULL && i < folder->n_definitions; i++)
        definition_free(folder->definitions[i]);
    for (size_t i = 0; folder->drafts != NULL && i < folder->n_drafts; i++)
        free(folder->drafts[i].name);
    free(folder->definitions);
    free(folder->drafts);
    *folder = (struct folder){0};
}

void folder_print_drafts(const struct folder *folder, struct buf *out)
{
    if (folder->n_drafts > 0)
        buf_addf(out, "%zu draft%s on the console, unfinished and not counted:\n", folder->n_drafts,
                 folder->n_drafts == 1 ? "" : "s");
    for (size_t i = 0; i < folder->n_drafts; i++)
        buf_addf(out, "  %s lacks %s\n", folder->drafts[i].name, folder->drafts[i].lacks);
}
