/* Seals: a SHA-256 chain over the entries, so that one that is changed, left out or put in later shows.
 *
 *   value 0 = 32 zero bytes
 *   value n = SHA-256(value n-1, canonical bytes of entry n)      (store/ledger.h: "<len>:<bytes>," of the number and each value)
 *
 * A seal is the value at its last entry. It stands in Redis and, for the auditor, as a line of a file:
 *
 *   20261017 1-774 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 */
#pragma once

#include "base/digest.h"
#include "store/ledger_proof.h"

struct store;
struct buf;

struct seal_chain {
    uint64_t last; /* entry */
    uint8_t value[DIGEST_SHA256_BYTES];
};
void seal_chain_begin(struct seal_chain *chain);
/* Goes on after a seal. errors: ERR_INVALID (its hash is no hash) */
MUST_CHECK enum err seal_chain_resume(struct seal_chain *chain, const struct ledger_seal *seal);
/* Takes the next entry by its canonical bytes. */
void seal_chain_add(struct seal_chain *chain, uint64_t entry, const char *canonical, size_t len);
void seal_chain_hex(const struct seal_chain *chain, char out[LEDGER_HASH_HEX]);

/* One line, with its line end. */
void seal_line(const struct ledger_seal *seal, struct buf *out);
/* All lines of a file; blank lines and lines that begin with # are skipped. *seals is the caller's to free.
 * errors: ERR_INVALID (*line: which), ERR_NOMEM */
MUST_CHECK enum err seal_parse(const char *text, size_t len, struct ledger_seal **seals, size_t *n, size_t *line);

/* Reads the entries since the last seal, seals them, and brings the file up to date: every seal that is not in it yet is
 * appended and flushed to disk. `path` NULL: no file. Errors in the callback as in store/ledger.h; ERR_IO (the seal stands, the
 * file lacks it: call again), ERR_STALE (an entry is missing or was not written by the ledger: verify names it; nothing was
 * sealed). */
struct sealed {
    struct ledger_seal seal; /* the newest; from 0: there is none */
    bool is_new;             /* false: nothing was posted since */
};
typedef void seal_done_fn(void *arg, enum err error, const char *reason, const struct sealed *sealed);
MUST_CHECK enum err seal_make(struct store *store, uint32_t day, const char *path, seal_done_fn *done, void *arg);
