/* See unfinished.h. */
#include "campaign/unfinished.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "campaign/encoding.h"
#include "conf/schema.h"

#define MARK "# begun on the console"
#define MARK_LINE MARK ": while something is missing, it is unfinished and not wrong\n"

/* Of the byte order mark, if there is one. */
static size_t bom_bytes(const char *bytes, size_t len)
{
    return encoding_has_bom(bytes, len) ? ENCODING_BOM_BYTES : 0;
}

/* Only the first line counts. */
static bool has_mark(const char *bytes, size_t len)
{
    size_t at = bom_bytes(bytes, len), mark = strlen(MARK);
    return len - at >= mark && memcmp(bytes + at, MARK, mark) == 0;
}

void unfinished_mark(const char *bytes, size_t len, struct buf *out)
{
    size_t at = bom_bytes(bytes, len);
    buf_add(out, bytes, at);
    if (!has_mark(bytes, len))
        buf_add_text(out, MARK_LINE);
    buf_add(out, bytes + at, len - at);
}

static bool is_marked(const char *path)
{
    char head[ENCODING_BOM_BYTES + sizeof MARK];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, head, sizeof head);
    close(fd);
    return n > 0 && has_mark(head, (size_t)n);
}

/* The list that the INI names is not there: not uploaded yet, or deleted after its time. */
static bool is_list_missing(const struct ini_file *ini, const char *value)
{
    char *directory = schema_directory_of(ini->path);
    char *path = directory != NULL ? schema_absolute_path(directory, value) : NULL;
    bool missing = path != NULL && access(path, F_OK) != 0;
    free(directory);
    free(path);
    return missing;
}

static bool is_missing(const struct ini_file *ini, const struct mistake *mistake)
{
    if (mistake->warning || mistake->section == NULL || mistake->key == NULL ||
        ini_is_broken(ini, mistake->section, mistake->key))
        return false;
    const struct ini_entry *entry = ini_entry(ini, mistake->section, mistake->key);
    if (entry == NULL || entry->value[0] == '\0')
        return true;
    return strcmp(mistake->section, "campaign") == 0 && strcmp(mistake->key, "recipients") == 0 &&
           is_list_missing(ini, entry->value);
}

bool unfinished_lacks(const struct ini_file *ini, const struct mistakes *mistakes,
                      char lacks[UNFINISHED_LACKS_SIZE])
{
    size_t len = 0;
    lacks[0] = '\0';
    if (ini == NULL || mistakes->errors == 0 || !is_marked(ini->path))
        return false;
    for (size_t i = 0; i < mistakes->n && len < UNFINISHED_LACKS_SIZE; i++) {
        const struct mistake *mistake = &mistakes->items[i];
        if (is_missing(ini, mistake))
            len += (size_t)snprintf(lacks + len, UNFINISHED_LACKS_SIZE - len, "%s%s",
                                    len > 0 ? " " : "", mistake->key);
    }
    return lacks[0] != '\0';
}
