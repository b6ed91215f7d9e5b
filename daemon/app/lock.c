#include "app/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MAX_BYTES 4096

static void read_holder(int fd, char *out, size_t size)
{
    ssize_t n = pread(fd, out, size - 1, 0);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

enum err lock_take(const char *state_dir, const char *id, int *fd, char *problem,
                   size_t problem_size)
{
    char path[PATH_MAX_BYTES], pid[32];
    if (mkdir(state_dir, 0750) != 0 && errno != EEXIST) {
        snprintf(problem, problem_size, "state_dir %s cannot be made: %s", state_dir,
                 strerror(errno));
        return ERR_IO;
    }
    snprintf(path, sizeof path, "%s/%s.lock", state_dir, id);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (file < 0) {
        snprintf(problem, problem_size, "%s: %s", path, strerror(errno));
        return ERR_IO;
    }
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        bool taken = errno == EWOULDBLOCK;
        read_holder(file, pid, sizeof pid);
        snprintf(problem, problem_size,
                 taken ? "daemon \"%s\" runs already (process %s, %s); give this one another id in "
                         "[daemon]"
                       : "\"%s\": cannot lock (%s) %s",
                 id, pid[0] != '\0' ? pid : "unknown", path);
        close(file);
        return taken ? ERR_EXISTS : ERR_IO;
    }
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(file, 0) != 0 || pwrite(file, pid, (size_t)len, 0) != len) {
        snprintf(problem, problem_size, "%s: %s", path, strerror(errno));
        close(file);
        return ERR_IO;
    }
    *fd = file;
    return ERR_OK;
}

void lock_release(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

enum err lock_write_file(const char *state_dir, const char *name, const char *text)
{
    char path[PATH_MAX_BYTES], temporary[PATH_MAX_BYTES];
    snprintf(path, sizeof path, "%s/%s", state_dir, name);
    snprintf(temporary, sizeof temporary, "%s/.%s.new", state_dir, name);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return ERR_IO;
    }
    size_t len = strlen(text);
    bool written = write(fd, text, len) == (ssize_t)len;
    if (close(fd) != 0 || !written || rename(temporary, path) != 0) {
        unlink(temporary);
        return ERR_IO;
    }
    return ERR_OK;
}
