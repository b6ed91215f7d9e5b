/* The chain, the lines of its file, and the making of a seal: page by page from the last seal on,
 * one page a turn. */
#include "ledger/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define PAGE 200
#define CANONICAL_MAX 65536U
#define FILE_MAX_BYTES (64U << 20)
#define FILE_MODE 0640

/* ---- the chain ---- */

void seal_chain_begin(struct seal_chain *chain)
{
    memset(chain, 0, sizeof *chain);
}

static int digit_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum err seal_chain_resume(struct seal_chain *chain, const struct ledger_seal *seal)
{
    if (strlen(seal->hash) != LEDGER_HASH_HEX - 1)
        return ERR_INVALID;
    for (size_t i = 0; i < DIGEST_SHA256_BYTES; i++) {
        int high = digit_value(seal->hash[2 * i]), low = digit_value(seal->hash[2 * i + 1]);
        if (high < 0 || low < 0)
            return ERR_INVALID;
        chain->value[i] = (uint8_t)(high * 16 + low);
    }
    chain->last = seal->to;
    return ERR_OK;
}

void seal_chain_add(struct seal_chain *chain, uint64_t entry, const char *canonical, size_t len)
{
    uint8_t next[DIGEST_SHA256_BYTES];
    struct digest_part parts[] = {{chain->value, sizeof chain->value}, {canonical, len}};
    digest_sha256(parts, 2, next);
    memcpy(chain->value, next, sizeof next);
    chain->last = entry;
}

void seal_chain_hex(const struct seal_chain *chain, char out[LEDGER_HASH_HEX])
{
    digest_to_hex(chain->value, DIGEST_SHA256_BYTES, out);
}

/* ---- the file ---- */

void seal_line(const struct ledger_seal *seal, struct buf *out)
{
    buf_addf(out, "%08" PRIu32 " %" PRIu64 "-%" PRIu64 " %s\n", seal->day, seal->from, seal->to,
             seal->hash);
}

static bool parse_line(const char *line, struct ledger_seal *seal)
{
    int used = 0;
    return sscanf(line, "%8" SCNu32 " %19" SCNu64 "-%19" SCNu64 " %64[0-9a-f]%n", &seal->day,
                  &seal->from, &seal->to, seal->hash, &used) == 4 &&
           line[used] == '\0' && strlen(seal->hash) == LEDGER_HASH_HEX - 1 && seal->from >= 1 &&
           seal->to >= seal->from;
}

static enum err add_line(const char *text, size_t len, struct ledger_seal **seals, size_t *n)
{
    char line[160];
    while (len > 0 && (text[len - 1] == '\r' || text[len - 1] == ' '))
        len--;
    if (len == 0 || text[0] == '#')
        return ERR_OK;
    if (len >= sizeof line)
        return ERR_INVALID;
    memcpy(line, text, len);
    line[len] = '\0';
    struct ledger_seal *more = realloc(*seals, (*n + 1) * sizeof *more);
    if (more == NULL)
        return ERR_NOMEM;
    *seals = more;
    memset(&more[*n], 0, sizeof more[*n]);
    if (!parse_line(line, &more[*n]))
        return ERR_INVALID;
    ++*n;
    return ERR_OK;
}

enum err seal_parse(const char *text, size_t len, struct ledger_seal **seals, size_t *n,
                    size_t *line)
{
    enum err error = ERR_OK;
    *seals = NULL;
    *n = *line = 0;
    for (size_t at = 0; at < len && error == ERR_OK;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t length = end != NULL ? (size_t)(end - text) - at : len - at;
        ++*line;
        error = add_line(text + at, length, seals, n);
        at += length + 1;
    }
    if (error != ERR_OK) {
        free(*seals);
        *seals = NULL;
        *n = 0;
    }
    return error;
}

/* The whole of an open file. errors: ERR_IO, ERR_NOMEM */
static enum err read_whole(int fd, struct buf *out)
{
    for (;;) {
        char *room = buf_room(out, 65536);
        if (room == NULL)
            return ERR_NOMEM;
        ssize_t got = pread(fd, room, 65536, (off_t)out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0)
            return ERR_OK;
        out->len += (size_t)got;
    }
}

static enum err write_whole(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return ERR_IO;
        bytes += put;
        len -= (size_t)put;
    }
    return ERR_OK;
}

/* A line cut off by a full disk is no seal: it goes, and its seal is written again. */
static enum err mend(int fd, struct buf *have)
{
    if (have->len == 0 || have->data[have->len - 1] == '\n')
        return ERR_OK;
    size_t start = have->len;
    while (start > 0 && have->data[start - 1] != '\n')
        start--;
    if (ftruncate(fd, (off_t)start) != 0)
        return ERR_IO;
    have->len = start;
    return ERR_OK;
}

/* The file holds a beginning of the seals; what it lacks is appended. */
static enum err update_file(const char *path, const struct ledger_seal *seals, size_t n)
{
    struct buf have, more;
    struct ledger_seal *known = NULL;
    size_t n_known = 0, line;
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return ERR_IO;
    buf_init(&have, FILE_MAX_BYTES);
    buf_init(&more, FILE_MAX_BYTES);
    enum err error = read_whole(fd, &have);
    if (error == ERR_OK)
        error = mend(fd, &have);
    if (error == ERR_OK)
        error = seal_parse(buf_text(&have), have.len, &known, &n_known, &line);
    uint64_t written = n_known > 0 ? known[n_known - 1].to : 0;
    for (size_t i = 0; i < n && error == ERR_OK; i++) {
        if (seals[i].to > written)
            seal_line(&seals[i], &more);
    }
    if (error == ERR_OK)
        error = buf_check(&more);
    if (error == ERR_OK && more.len > 0)
        error = write_whole(fd, more.data, more.len);
    if (error == ERR_OK && more.len > 0 && fsync(fd) != 0)
        error = ERR_IO;
    free(known);
    buf_fini(&have);
    buf_fini(&more);
    if (close(fd) != 0 && error == ERR_OK)
        error = ERR_IO;
    return error;
}

/* ---- making one ---- */

struct making {
    struct store *store;
    seal_done_fn *done;
    void *arg;
    char *path;
    struct ledger_seal *seals; /* those that stand, and room for the new one */
    size_t n;
    uint64_t end; /* the last entry to be sealed */
    struct ledger_seal fresh;
    struct seal_chain chain;
    struct buf canonical;
};

static void making_free(struct making *op)
{
    free(op->path);
    free(op->seals);
    buf_fini(&op->canonical);
    free(op);
}

static void making_end(struct making *op, enum err error, const char *reason)
{
    struct sealed sealed = {.is_new = op->fresh.from != 0};
    if (op->seals != NULL && op->n > 0)
        sealed.seal = op->seals[op->n - 1];
    if (error == ERR_OK && op->path != NULL && op->seals != NULL) {
        error = update_file(op->path, op->seals, op->n);
        reason = error == ERR_OK ? "" : "the file of seals cannot be written";
    }
    op->done(op->arg, error, reason, &sealed);
    making_free(op);
}

static void on_added(void *arg, enum err error, const char *reason)
{
    struct making *op = arg;
    if (error == ERR_OK)
        op->seals[op->n++] = op->fresh;
    else
        op->fresh.from = 0;
    making_end(op, error, reason);
}

static void read_page(struct making *op);

static void finish(struct making *op)
{
    op->fresh.to = op->chain.last;
    seal_chain_hex(&op->chain, op->fresh.hash);
    enum err error = ledger_seal_add(op->store, &op->fresh, on_added, op);
    if (error != ERR_OK) {
        op->fresh.from = 0;
        making_end(op, error, err_sentence(error));
    }
}

static void on_page(void *arg, enum err error, const char *reason, const struct ledger_row *rows,
                    size_t n)
{
    struct making *op = arg;
    for (size_t i = 0; i < n && error == ERR_OK; i++) {
        if (!rows[i].is_sound || rows[i].n != op->chain.last + 1) {
            error = ERR_STALE;
            break;
        }
        buf_reset(&op->canonical);
        ledger_row_canonical(&rows[i], &op->canonical);
        error = buf_check(&op->canonical);
        if (error == ERR_OK)
            seal_chain_add(&op->chain, rows[i].n, op->canonical.data, op->canonical.len);
        reason = error == ERR_OK ? "" : err_sentence(error);
    }
    if (error == ERR_OK && n == 0)
        error = ERR_STALE;
    if (error == ERR_STALE)
        reason = "entries are missing, or not written by the ledger: see ledger verify";
    if (error != ERR_OK) {
        op->fresh.from = 0;
        making_end(op, error, reason);
    } else if (op->chain.last < op->end) {
        read_page(op);
    } else {
        finish(op);
    }
}

static void read_page(struct making *op)
{
    uint64_t from = op->chain.last + 1, to = from + PAGE - 1;
    enum err error = ledger_read(op->store, from, to < op->end ? to : op->end, on_page, op);
    if (error != ERR_OK) {
        op->fresh.from = 0;
        making_end(op, error, err_sentence(error));
    }
}

static void on_seals(void *arg, enum err error, const char *reason, uint64_t as_of,
                     const struct ledger_seal *seals, size_t n)
{
    struct making *op = arg;
    uint32_t day = op->fresh.day;
    op->fresh = (struct ledger_seal){.day = 0};
    if (error != ERR_OK) {
        making_end(op, error, reason);
        return;
    }
    op->seals = calloc(n + 1, sizeof *op->seals);
    if (op->seals == NULL) {
        making_end(op, ERR_NOMEM, err_sentence(ERR_NOMEM));
        return;
    }
    if (n > 0)
        memcpy(op->seals, seals, n * sizeof *seals);
    op->n = n;
    op->end = as_of;
    if (n > 0 && seal_chain_resume(&op->chain, &seals[n - 1]) != ERR_OK) {
        making_end(op, ERR_STALE, "the last seal is no seal: see ledger verify");
    } else if (op->chain.last >= as_of) {
        making_end(op, ERR_OK, "");
    } else {
        op->fresh = (struct ledger_seal){.day = day, .from = op->chain.last + 1};
        read_page(op);
    }
}

enum err seal_make(struct store *store, uint32_t day, const char *path, seal_done_fn *done,
                   void *arg)
{
    struct making *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->fresh.day = day;
    buf_init(&op->canonical, CANONICAL_MAX);
    seal_chain_begin(&op->chain);
    if (path != NULL && (op->path = strdup(path)) == NULL) {
        making_free(op);
        return ERR_NOMEM;
    }
    enum err error = ledger_seals(store, on_seals, op);
    if (error != ERR_OK)
        making_free(op);
    return error;
}
