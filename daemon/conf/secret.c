/* Why the mode is checked on the open file and not by name: between the two another file could be
 * put there. */
#include "conf/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/schema.h"

/* systemd mounts the directory for the service alone, with modes that look open (0440 or an ACL).
 */
static bool is_credential(const char *path)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (directory == NULL || directory[0] != '/')
        return false;
    char *real_directory = realpath(directory, NULL);
    char *real_path = realpath(path, NULL);
    bool inside = false;
    if (real_directory != NULL && real_path != NULL) {
        size_t len = strlen(real_directory);
        inside = len > 1 && strncmp(real_path, real_directory, len) == 0 && real_path[len] == '/';
    }
    free(real_directory);
    free(real_path);
    return inside;
}

static enum err check_file(const char *path, const struct stat *info, struct buf *why)
{
    if (!S_ISREG(info->st_mode)) {
        buf_addf(why, "%s is not an ordinary file", path);
        return ERR_INVALID;
    }
    if ((info->st_mode & 077) != 0 && !is_credential(path)) {
        buf_addf(why, "%s may be accessed by group or others (mode %04o); chmod 600 it", path,
                 (unsigned)(info->st_mode & 07777));
        return ERR_INVALID;
    }
    if (info->st_size > SECRET_MAX_BYTES) {
        buf_addf(why, "%s has more than %d bytes", path, SECRET_MAX_BYTES);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err read_all(int fd, struct buf *bytes)
{
    for (;;) {
        char *room = buf_room(bytes, 512);
        if (room == NULL)
            return ERR_TOO_BIG;
        ssize_t n = read(fd, room, 512);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            return ERR_OK;
        bytes->len += (size_t)n;
    }
}

static enum err take(const char *path, const struct buf *bytes, char **secret, struct buf *why)
{
    const char *start = buf_text(bytes);
    size_t len = bytes->len;
    if (len >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0) {
        start += 3;
        len -= 3;
    }
    while (len > 0 && (start[len - 1] == '\n' || start[len - 1] == '\r'))
        len--;
    if (len == 0) {
        buf_addf(why, "%s is empty", path);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)start[i] < 0x20 || start[i] == 0x7F) {
            buf_addf(why, "%s must hold one line of text, and has a control character at byte %zu",
                     path, i + 1);
            return ERR_INVALID;
        }
    }
    *secret = strndup(start, len);
    if (*secret == NULL)
        return ERR_NOMEM;
    if (strcmp(*secret, SECRET_PLACEHOLDER) == 0)
        buf_addf(why, "%s still holds the package's placeholder; write the real one into it", path);
    if (start[0] == ' ' || start[len - 1] == ' ')
        buf_addf(why, "the secret in %s begins or ends with a blank, and the blank counts", path);
    return ERR_OK;
}

static enum err look(const char *path, struct buf *why)
{
    struct stat info;
    if (stat(path, &info) == 0)
        return check_file(path, &info, why);
    if (errno == EACCES)
        return ERR_OK;
    buf_addf(why, "%s: %s", path, strerror(errno));
    return ERR_IO;
}

enum err secret_read(const char *path, bool read, char **secret, struct buf *why)
{
    *secret = NULL;
    if (!read)
        return look(path, why);

    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        buf_addf(why, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return ERR_IO;
    }
    struct buf bytes;
    buf_init(&bytes, SECRET_MAX_BYTES + 1024);
    enum err error = check_file(path, &info, why);
    if (error == ERR_OK) {
        error = read_all(fd, &bytes);
        if (error != ERR_OK)
            buf_addf(why, "%s: %s", path, err_sentence(error));
    }
    if (error == ERR_OK)
        error = take(path, &bytes, secret, why);
    close(fd);
    if (bytes.data != NULL)
        explicit_bzero(bytes.data, bytes.cap);
    buf_fini(&bytes);
    return error;
}

/* gives: the path of the credential, NULL: there is none of that name (or no memory). */
static char *find_credential(const char *name)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    char *path;
    if (directory == NULL || directory[0] != '/' || name[0] == '/' ||
        asprintf(&path, "%s/%s", directory, name) < 0)
        return NULL;
    for (char *at = path + strlen(directory) + 1; *at != '\0'; at++) {
        if (*at == '/')
            *at = '_';
    }
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static void compare_age(const char *credential, const char *file, struct buf *why)
{
    struct stat loaded, beside;
    if (stat(credential, &loaded) == 0 && stat(file, &beside) == 0 &&
        beside.st_mtime > loaded.st_mtime)
        buf_addf(why,
                 "%s is newer than the credential, which was loaded when the service started; a "
                 "restart takes the new one",
                 file);
}

enum err secret_load(const char *directory, const char *name, bool read, char **secret,
                     struct buf *why)
{
    char *path = schema_absolute_path(directory, name);
    *secret = NULL;
    if (path == NULL)
        return ERR_NOMEM;
    char *credential = find_credential(name);
    enum err error = secret_read(credential != NULL ? credential : path, read, secret, why);
    if (credential != NULL && error == ERR_OK)
        compare_age(credential, path, why);
    else if (error == ERR_IO && getenv("CREDENTIALS_DIRECTORY") != NULL)
        buf_add_text(why, " (a credential is loaded when the service starts: restart it)");
    free(credential);
    free(path);
    return error;
}

void secret_free(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}
