/* A file that may be locked with a passphrase: bytes in, the same bytes out. libsodium's
 * secretstream (XChaCha20-Poly1305) under a key that argon2id makes of the passphrase; what was cut
 * off, changed or put in another order is noticed.
 *
 *   outreachd backup locked 1\n
 *   salt, 16 bytes; argon2id's operations u64, memory in bytes u64 (high end first)
 *   the stream's header, 24 bytes
 *   blocks of 65536 bytes, each 17 longer when locked; the last may be shorter and is marked
 *
 * source: libsodium 1.0.18, crypto_secretstream_xchacha20poly1305, crypto_pwhash */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

struct vault;

/* Over an open file, which stays the caller's. `passphrase` NULL: the file is as it is. Deriving
 * the key takes a second and 256 MB. errors: ERR_NOMEM, ERR_IO */
MUST_CHECK enum err vault_create(FILE *file, const char *passphrase, struct vault **vault);
MUST_CHECK enum err vault_write(struct vault *vault, const void *bytes, size_t len);
/* The last block; nothing may be written behind it. errors: ERR_IO */
MUST_CHECK enum err vault_finish(struct vault *vault);

/* Reads the file from its beginning. Looks by itself whether it is locked. `passphrase` is asked
 * for then, and may give NULL: ERR_REFUSED. errors: ERR_INVALID (its head is damaged), ERR_NOMEM */
MUST_CHECK enum err vault_open(FILE *file, const char *(*passphrase)(void *arg), void *arg,
                               struct vault **vault);
/* At most `size` bytes, which are VAULT_BLOCK_BYTES at least; *len 0: the end. errors: ERR_INVALID
 * (another passphrase, damaged or cut off), ERR_IO */
#define VAULT_BLOCK_BYTES ((size_t)65536)
MUST_CHECK enum err vault_read(struct vault *vault, void *bytes, size_t size, size_t *len);
bool vault_is_locked(const struct vault *vault);
void vault_free(struct vault *vault); /* NULL is fine; wipes the key */
