/* A table of files, sorted by path. What a folder holds besides known kinds is left out. */
#include "api/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/auth.h"
#include "base/digest.h"

#define FILES_MAX 256
#define FILE_MAX_BYTES ((size_t)2 * 1024 * 1024)
#define PATH_MAX_BYTES 1024
#define DEPTH_MAX 4
#define ETAG_SIZE (DIGEST_SHA256_HEX + 2)

/* default-src 'none': what is not named below does not load. Nothing inline, nothing from another
 * host; data: is for the small pictures inside Bootstrap's style sheet. */
#define CONTENT_POLICY                                                                             \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; "               \
    "form-action 'self'"

struct file {
    char *path; /* of the request: "/console/lib/dom.js" */
    const char *type;
    struct buf bytes;
    char etag[ETAG_SIZE]; /* with its quotes */
};
struct files {
    struct file rows[FILES_MAX];
    size_t n;
};

static const struct {
    const char *ending, *type;
} types[] = {{".html", "text/html; charset=utf-8"},
             {".js", "text/javascript; charset=utf-8"},
             {".css", "text/css; charset=utf-8"},
             {".json", "application/json"},
             {".svg", "image/svg+xml"},
             {".png", "image/png"}};

/* What is taken from Debian's packages, and under which path. */
static const struct {
    const char *file, *path;
} libraries[] = {
    {"/usr/share/javascript/bootstrap5/css/bootstrap.min.css",
     "/console/lib/bootstrap5/bootstrap.min.css"},
    {"/usr/share/javascript/chart.js/chart.min.js", "/console/lib/chart.js/chart.min.js"}};

static const char *type_of(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t n = strlen(types[i].ending);
        if (len > n && strcmp(name + len - n, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return NULL;
}

/* ---- reading ---- */

static enum err read_bytes(const char *file, struct buf *out)
{
    FILE *stream = fopen(file, "rbe");
    if (stream == NULL) {
        return ERR_IO;
    }
    enum err error = ERR_OK;
    while (error == ERR_OK) {
        char *room = buf_room(out, 65536);
        size_t n = room != NULL ? fread(room, 1, 65536, stream) : 0;
        out->len += n;
        error = room == NULL ? ERR_TOO_BIG : ferror(stream) ? ERR_IO : ERR_OK;
        if (n == 0) {
            break;
        }
    }
    fclose(stream);
    return error;
}

static enum err add_file(struct files *files, const char *file, const char *path)
{
    if (files->n == FILES_MAX) {
        return ERR_TOO_BIG;
    }
    struct file *row = &files->rows[files->n++];
    char hex[DIGEST_SHA256_HEX];
    row->type = type_of(path);
    row->path = strdup(path);
    buf_init(&row->bytes, FILE_MAX_BYTES + 65536);
    enum err error = row->path != NULL ? read_bytes(file, &row->bytes) : ERR_NOMEM;
    if (error == ERR_OK) {
        digest_sha256_hex(&(struct digest_part){buf_text(&row->bytes), row->bytes.len}, 1, hex);
        snprintf(row->etag, sizeof row->etag, "\"%s\"", hex);
    }
    return error;
}

static enum err add_folder(struct files *files, const char *folder, const char *path, int depth);

static enum err add_entry(struct files *files, const char *folder, const char *path,
                          const char *name, int depth)
{
    char file[PATH_MAX_BYTES], below[PATH_MAX_BYTES];
    struct stat info;
    if (name[0] == '.' || snprintf(file, sizeof file, "%s/%s", folder, name) >= (int)sizeof file ||
        snprintf(below, sizeof below, "%s/%s", path, name) >= (int)sizeof below) {
        return ERR_OK;
    }
    if (stat(file, &info) != 0) {
        return ERR_IO;
    }
    if (S_ISDIR(info.st_mode)) {
        return depth < DEPTH_MAX ? add_folder(files, file, below, depth + 1) : ERR_OK;
    }
    return S_ISREG(info.st_mode) && type_of(name) != NULL ? add_file(files, file, below) : ERR_OK;
}

static enum err add_folder(struct files *files, const char *folder, const char *path, int depth)
{
    struct dirent **entries = NULL;
    enum err error = ERR_OK;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) {
        return ERR_IO;
    }
    for (int i = 0; i < n; i++) {
        if (error == ERR_OK) {
            error = add_entry(files, folder, path, entries[i]->d_name, depth);
        }
        free(entries[i]);
    }
    free(entries);
    return error;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

enum err files_load(const char *console_dir, struct files **files, struct buf *problem)
{
    struct files *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    enum err error = ERR_OK;
    if (console_dir != NULL) {
        error = add_folder(made, console_dir, "/console", 0);
        if (error != ERR_OK) {
            buf_addf(problem, "the console in %s: %s", console_dir,
                     error == ERR_IO ? strerror(errno) : err_sentence(error));
        }
        for (size_t i = 0; error == ERR_OK && i < sizeof libraries / sizeof *libraries; i++) {
            if (add_file(made, libraries[i].file, libraries[i].path) != ERR_OK) {
                free(made->rows[--made->n].path);
                buf_fini(&made->rows[made->n].bytes);
                buf_addf(problem,
                         "%sthe console lacks %s: install libjs-bootstrap5 and libjs-chart.js",
                         problem->len > 0 ? "; " : "", libraries[i].file);
            }
        }
    }
    if (error != ERR_OK) {
        files_free(made);
        return error;
    }
    qsort(made->rows, made->n, sizeof *made->rows, by_path);
    *files = made;
    return ERR_OK;
}

void files_free(struct files *files)
{
    if (files == NULL) {
        return;
    }
    for (size_t i = 0; i < files->n; i++) {
        free(files->rows[i].path);
        buf_fini(&files->rows[i].bytes);
    }
    free(files);
}

/* ---- answering ---- */

void files_security_headers(struct http_request *request, bool behind_tls)
{
    http_answer_header(request, "Content-Security-Policy", CONTENT_POLICY);
    http_answer_header(request, "X-Content-Type-Options", "nosniff");
    http_answer_header(request, "X-Frame-Options", "DENY");
    http_answer_header(request, "Referrer-Policy", "no-referrer");
    http_answer_header(request, "Cross-Origin-Opener-Policy", "same-origin");
    http_answer_header(request, "Cross-Origin-Resource-Policy", "same-origin");
    http_answer_header(request, "Permissions-Policy",
                       "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
    if (behind_tls) {
        http_answer_header(request, "Strict-Transport-Security", AUTH_TLS_ONLY);
    }
}

static const struct file *find(const struct files *files, const char *path)
{
    struct file key = {.path = (char *)path};
    return files != NULL && files->n > 0
               ? bsearch(&key, files->rows, files->n, sizeof *files->rows, by_path)
               : NULL;
}

static void redirect(struct http_request *request, const char *to)
{
    http_answer_header(request, "Location", to);
    http_answer(request, 302, "text/plain; charset=utf-8", "", 0);
}

static void answer_file(const struct file *file, struct http_request *request, const char *cache)
{
    const char *known = http_request_header(request, "If-None-Match");
    http_answer_header(request, "ETag", file->etag);
    http_answer_header(request, "Cache-Control", cache);
    if (known != NULL && strcmp(known, file->etag) == 0) {
        http_answer(request, 304, file->type, NULL, 0);
    } else {
        http_answer(request, 200, file->type, buf_text(&file->bytes), file->bytes.len);
    }
}

bool files_answer(const struct files *files, struct http_request *request, const char *path,
                  const char *cache)
{
    const struct file *file = find(files, path);
    if (file == NULL) {
        return false;
    }
    answer_file(file, request, cache);
    return true;
}

const struct buf *files_bytes(const struct files *files, const char *path)
{
    const struct file *file = find(files, path);
    return file != NULL ? &file->bytes : NULL;
}

static void answer_plain(struct http_request *request, int status, const char *text)
{
    http_answer(request, status, "text/plain; charset=utf-8", text, strlen(text));
}

bool files_handle(const struct files *files, struct http_request *request, bool behind_tls)
{
    const char *path = http_request_path(request), *to = NULL;
    if (strcmp(path, "/") == 0 || strcmp(path, "/console") == 0) {
        to = "/console/";
    } else if (strncmp(path, "/console/", 9) != 0) {
        return false;
    }
    files_security_headers(request, behind_tls);
    if (strcmp(http_request_method(request), "GET") != 0) {
        http_answer_header(request, "Allow", "GET, HEAD");
        answer_plain(request, 405, "only GET is allowed here\n");
        return true;
    }
    if (to != NULL) {
        redirect(request, to);
        return true;
    }
    const struct file *file =
        find(files, strcmp(path, "/console/") == 0 ? "/console/index.html" : path);
    if (file != NULL) {
        answer_file(file, request, "no-cache");
    } else {
        answer_plain(request, 404,
                     files == NULL || files->n == 0 ? "the console is not installed\n"
                                                    : "not found\n");
    }
    return true;
}
